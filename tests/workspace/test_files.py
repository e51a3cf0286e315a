"""Safe writes: the old file or folder stays until the new one is complete, and no temporary files remain."""

import os
import stat
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace import staging
from cxr_cli.workspace.files import growing_table, partial, write_bytes, write_text
from cxr_cli.workspace.locks import lock
from cxr_cli.workspace.staging import staged_folder, whole_file

WRITE_HINT = "Check the folder's permissions and free space, or name another place"
FULL_HINT = "Free some space on that disk, or name another place, for example another workspace: --workspace DIR"


def tree(folder: Path) -> dict[str, bytes | None]:
    """Map every path in `folder`, including hidden ones, to the bytes of the file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_write_bytes_creates_folders_and_leaves_only_the_file(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "file.bin", b"\x00\r\n\xff")

    assert tree(tmp_path) == {"a": None, "a/b": None, "a/b/file.bin": b"\x00\r\n\xff"}


def test_write_text_writes_utf8_and_keeps_line_endings(tmp_path):
    write_text(tmp_path / "file.txt", "é\nb\r\n")

    assert (tmp_path / "file.txt").read_bytes() == b"\xc3\xa9\nb\r\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_file_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "file", b"x")
        with staged_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o755


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    write_bytes(tmp_path / "file", b"old")

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(WorkspaceError) as caught:
        write_bytes(tmp_path / "file", b"new")

    assert tree(tmp_path) == {"file": b"old"}
    assert caught.value.message == f"Expected to write to {tmp_path / 'file'}. Received: No space left on device."
    assert caught.value.hint == FULL_HINT


def test_an_interrupted_write_keeps_the_old_file_and_reraises(tmp_path, monkeypatch):
    write_bytes(tmp_path / "file", b"old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")

    assert tree(tmp_path) == {"file": b"old"}


def test_a_file_in_place_of_a_folder_is_an_error_and_is_kept(tmp_path):
    (tmp_path / "place").write_bytes(b"mine")

    for use in (
        lambda: write_bytes(tmp_path / "place" / "file", b"new"),
        lambda: lock(tmp_path / "place").__enter__(),
        lambda: staged_folder(tmp_path / "place" / "dataset").__enter__(),
        lambda: staged_folder(tmp_path / "place").__enter__(),
    ):
        with pytest.raises(WorkspaceError) as caught:
            use()
        assert caught.value.message.startswith(f"Expected to write to {tmp_path / 'place'}")
        assert caught.value.hint == WRITE_HINT

    assert tree(tmp_path) == {"place": b"mine"}


def test_a_folder_in_place_of_a_file_is_an_error_and_is_kept(tmp_path):
    (tmp_path / "place").mkdir()

    with pytest.raises(WorkspaceError, match=r"^Expected to write to "):
        write_bytes(tmp_path / "place", b"new")

    assert tree(tmp_path) == {"place": None}


def test_a_growing_table_appears_when_complete(tmp_path):
    path = tmp_path / "new" / "answers.csv"
    with growing_table(path, ["image", "class"]) as write:
        write(["a,b.png", "covid"])
        assert not path.exists()
        write(["é.png", 0.5])

    assert path.read_bytes() == 'image,class\n"a,b.png",covid\né.png,0.5\n'.encode()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_table_keeps_the_old_one_and_a_partial_file(tmp_path, error):
    path = tmp_path / "answers.csv"
    path.write_text("earlier")

    def stopped() -> None:
        with growing_table(path, ["image"]) as write:
            write(["a.png"])
            raise error

    with pytest.raises(error):
        stopped()
    assert path.read_text() == "earlier"
    assert partial(path) == tmp_path / "answers.partial.csv"
    assert partial(path).read_text() == "image\na.png\n"


def test_the_rows_of_interrupted_tables_are_kept_under_free_names(tmp_path):
    path = tmp_path / "answers.csv"
    partial(path).write_text("first")
    with growing_table(path, ["image"]):
        assert (tmp_path / "answers.partial-2.csv").read_text() == "first"
    partial(path).write_text("second")
    with growing_table(path, ["image"]) as write:
        write(["a.png"])

    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "answers.csv": "image\na.png\n",
        "answers.partial-2.csv": "first",
        "answers.partial-3.csv": "second",
    }


def test_an_unwritable_table_is_an_error_before_its_first_row(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError) as caught, growing_table(tmp_path / "file" / "answers.csv", ["image"]):
        pass

    assert caught.value.message == f"Expected to write to {tmp_path / 'file' / 'answers.csv'}. Received: File exists."


def test_read_errors_are_not_reported_as_write_errors(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "file") as stream:
        stream.write((tmp_path / "missing").read_bytes())

    assert tree(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_disk_that_fills_up_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    class Full(staging._StagedFile):
        def __init__(self, stage: Path, target: Path) -> None:
            super().__init__(stage, target)
            with Path("/dev/full").open("wb") as full:
                os.dup2(full.fileno(), self.fileno())

    monkeypatch.setattr(staging, "_StagedFile", Full)
    with pytest.raises(WorkspaceError) as caught:
        write_bytes(tmp_path / "file", bytes(1_000_000))

    assert caught.value.message == f"Expected to write to {tmp_path / 'file'}. Received: No space left on device."
    assert tree(tmp_path) == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(
    "write", [lambda path: write_text(path, "x"), lambda path: growing_table(path, ["a"]).__enter__()]
)
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_what_is_no_file_is_never_replaced_by_one(tmp_path, write, make):
    path = tmp_path / "out.csv"
    make(path)
    before = path.stat()

    with pytest.raises(WorkspaceError) as caught:
        write(path)

    assert caught.value.message == (
        f"Expected to write to {path}. Received: a {'folder' if path.is_dir() else 'pipe or a device'} is in its place."
    )
    assert path.stat().st_ino == before.st_ino
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_rows_so_far_never_go_through_a_link_to_another_file(tmp_path):
    other = tmp_path / "private.txt"
    other.write_text("private")
    partial(tmp_path / "out.csv").symlink_to(other)

    with growing_table(tmp_path / "out.csv", ["a"]) as write:
        write([1])

    assert other.read_text() == "private"
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"
