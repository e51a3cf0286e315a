"""A file is compared with the sha256 that its record has."""

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.digests import check_digest, digests_of


def test_a_file_is_compared_with_its_record(tmp_path):
    model, other = tmp_path / "model.tflite", tmp_path / "reference.npz"
    model.write_bytes(b"weights")
    digests = digests_of([model, other])
    assert list(digests) == ["model.tflite"]

    check_digest(model, digests, hint="")
    check_digest(other, digests, hint="")  # neither in the record nor there
    model.write_bytes(b"weighta")
    with pytest.raises(WorkspaceError, match="Received: a file that was changed or replaced since") as caught:
        check_digest(model, digests, hint="Make it again: cxr train")
    assert caught.value.hint == "Make it again: cxr train"
    check_digest(model, {}, hint="")  # a record of an early version
    model.unlink()
    with pytest.raises(WorkspaceError, match="No such file"):
        check_digest(model, digests, hint="")
    other.write_bytes(b"more")
    with pytest.raises(WorkspaceError, match="which the record beside it doesn't list"):
        check_digest(other, digests, hint="")
