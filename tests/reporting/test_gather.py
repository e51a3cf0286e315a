from types import SimpleNamespace

import pytest

from cxr_cli.progress import Watcher, watched_by
from cxr_cli.reporting.gather import _model_audit
from cxr_cli.workspace.layout import Workspace


class Listener(Watcher):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_stopped_audit_is_said_to_be_lost(tmp_path, monkeypatch, end):
    def stop(*arguments):
        raise end

    monkeypatch.setattr("cxr_cli.reporting.gather.audit_model", stop)
    listener = Listener()
    record = SimpleNamespace(created="", weights_sha256="")
    predictor = SimpleNamespace(record=record, run=SimpleNamespace(name="small"))
    with pytest.raises(end), watched_by(listener):
        _model_audit(Workspace(tmp_path), predictor, SimpleNamespace(fingerprint=""))

    assert listener.notes == [
        "The model small was not audited: auditing it first, which takes about ten seconds for 100 films",
        "The audit of small was stopped, and nothing of it is kept. To run it alone: cxr audit small",
    ]
