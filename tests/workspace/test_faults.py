"""Errors of the disk, in words."""

import errno
import re
import tempfile
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.faults import disk_errors, in_words, remedy, write_errors

FREE = "Free some space on that disk, or name another place, for example another workspace: --workspace DIR"


@pytest.mark.parametrize(
    ("number", "begin"),
    [
        (errno.ENOSPC, "Free some space on that disk"),
        (errno.EDQUOT, "Your quota on that disk is used up"),
        (errno.EFBIG, "Raise the limit on the size of files"),
        (errno.EROFS, "That disk is read-only"),
        (errno.EACCES, "Ask for permission to write there"),
        (errno.EPERM, "Ask for permission to write there"),
        (errno.ENAMETOOLONG, "Check the folder's permissions and free space"),
    ],
)
def test_each_error_says_what_to_do(number, begin):
    with pytest.raises(WorkspaceError) as caught, write_errors(Path("run.json")):
        raise OSError(number, "The reason")

    assert caught.value.message == "Expected to write to run.json. Received: The reason."
    assert caught.value.hint.startswith(begin)
    assert "name another place" in caught.value.hint


def test_a_missing_film_in_a_block_that_makes_a_folder_is_no_error_of_the_disk():
    with pytest.raises(FileNotFoundError), disk_errors(Path("dataset"), made_in=Path(".staged")):
        raise FileNotFoundError(errno.ENOENT, "No such file", "film.png")
    with pytest.raises(PermissionError), disk_errors(Path("dataset"), made_in=Path(".staged")):
        raise PermissionError(errno.EACCES, "Permission denied", "film.png")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
        RuntimeError("UNKNOWN: variables.data; No space left on device"),
    ],
)
def test_a_full_disk_is_known_by_number_or_text(error):
    with pytest.raises(WorkspaceError) as caught, disk_errors(Path("models/run"), made_in=Path(".staged")):
        raise error

    assert caught.value.message == "Expected to write to models/run. Received: No space left on device."
    assert caught.value.hint == FREE


def test_errors_name_the_place_and_not_the_folder_in_the_making():
    with pytest.raises(WorkspaceError) as caught, disk_errors(Path("masks"), made_in=Path("/w/.staged-masks-1")):
        raise WorkspaceError("Expected to write to /w/.staged-masks-1/a.png. Received: the reason.", hint="Do this")

    assert (caught.value.message, str(caught.value)) == ("Expected to write to masks/a.png. Received: the reason.",) * 2
    assert caught.value.hint == "Do this"


def test_no_temporary_directory_is_a_full_disk(monkeypatch, tmp_path):
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(tmp_path / "missing"))
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "missing")])
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(FileNotFoundError) as caught:
        tempfile.gettempdir()

    problem = in_words(caught.value)
    assert re.match(r"Expected to read and write files\. Received: No usable temporary directory", problem.message)
    assert problem.hint == FREE


def test_a_bug_keeps_its_traceback():
    assert in_words(OSError("Illegal seek")) is None
    assert in_words(OSError(errno.EISDIR, "Is a directory", "films")).message == (
        "Expected to use films. Received: Is a directory."
    )


def test_another_error_has_its_own_remedy():
    assert remedy(OSError(errno.EXDEV, "Invalid cross-device link"), "Leave out --link") == "Leave out --link"
    assert remedy(OSError(errno.ENOSPC, "No space left on device"), "Leave out --link") == FREE
