"""A file of a run that was changed, removed or added since the run was trained is never used."""

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.prediction.files import open_seen_by
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


def open_all(workspace: Workspace) -> None:
    """Read what `cxr predict --alpha` and `cxr export` read of a run."""
    from cxr_cli.training.export import load_model

    run = workspace.run()
    predictor = open_predictor(run)
    open_seen_by(predictor, workspace.dataset)
    read_validation(run, read_record(run.record, RunRecord))
    load_model(run)


FILES = [
    "model.tflite",
    "class_indices.json",
    "reference.npz",
    "validation.csv",
    "seen.csv",
    "seen_vectors.npy",
    "model.keras",
]


@pytest.mark.parametrize("name", FILES)
def test_no_changed_file_of_a_run_is_used(own_trained, name):
    path = own_trained.run().root / name
    data = path.read_bytes()
    places = range(0, len(data), max(1, len(data) // (60 if name == "model.tflite" else 10)))
    contents = [None, *(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in places)]
    assert len(contents) > 10

    for content in contents:
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(WorkspaceError) as caught:
            open_all(own_trained)
        assert str(path) in caught.value.message
        assert caught.value.hint.endswith("cxr train --arch mobilenetv2 --class-weight")


@pytest.mark.parametrize("name", ["xgboost.json", "fingerprints.npy"])
def test_no_added_file_of_a_run_is_used(own_trained, name):
    path = own_trained.run().root / name
    path.write_bytes(b"{}")

    with pytest.raises(WorkspaceError, match="which the record beside it doesn't list"):
        open_all(own_trained)


def test_the_model_in_the_package_is_checked_too(bundled, tmp_path, monkeypatch):
    run = RunFolder(bundled)
    assert set(read_record(run.record, RunRecord).sha256) >= {"model.tflite", "fingerprints.npy", "validation.csv"}
    data = run.litert_model.read_bytes()
    try:
        run.litert_model.write_bytes(data[:-1] + b"x")
        with pytest.raises(WorkspaceError) as caught:
            open_predictor(run)
    finally:
        run.litert_model.write_bytes(data)
    assert caught.value.hint == "Install cxr again"
