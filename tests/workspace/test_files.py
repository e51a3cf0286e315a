"""Safe writes: the old file or folder stays until the new one is complete, and no temporary files remain."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace import files
from cxr_cli.workspace.files import growing_table, lock, partial, staged_folder, whole_file, write_bytes, write_text

WRITE_HINT = "Check the folder's permissions and free space, or name another place"


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
    assert caught.value.hint == WRITE_HINT


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


def test_an_unwritable_table_is_an_error_before_its_first_row(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError) as caught, growing_table(tmp_path / "file" / "answers.csv", ["image"]):
        pass

    assert caught.value.message == f"Expected to write to {tmp_path / 'file' / 'answers.csv'}. Received: File exists."


def test_a_staged_folder_appears_when_its_block_ends(tmp_path):
    target = tmp_path / "deep" / "dataset"
    with staged_folder(target) as stage:
        (stage / "new.txt").write_bytes(b"new")
        assert not target.exists()
        assert stage.parent == target.parent

    assert tree(tmp_path) == {"deep": None, "deep/dataset": None, "deep/dataset/new.txt": b"new"}


def test_a_staged_folder_replaces_the_old_one_completely(tmp_path):
    target = tmp_path / "dataset"
    target.mkdir()
    (target / "old.txt").write_bytes(b"old")

    with staged_folder(target) as stage:
        (stage / "new.txt").write_bytes(b"new")
        assert (target / "old.txt").is_file()

    assert tree(tmp_path) == {"dataset": None, "dataset/new.txt": b"new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, OSError])
def test_a_failed_block_keeps_the_old_folder_and_leaves_no_other(tmp_path, error):
    target = tmp_path / "dataset"
    target.mkdir()
    (target / "old.txt").write_bytes(b"old")

    with pytest.raises(error), staged_folder(target) as stage:  # noqa: PT012 - the block is what is tested
        (stage / "new.txt").write_bytes(b"new")
        raise error

    assert tree(tmp_path) == {"dataset": None, "dataset/old.txt": b"old"}


def test_the_old_folder_is_restored_when_the_new_one_cannot_be_moved(tmp_path, monkeypatch):
    target = tmp_path / "dataset"
    target.mkdir()
    (target / "old.txt").write_bytes(b"old")
    rename = Path.rename

    def only_the_old_one(path: Path, new: Path) -> Path:
        if new == target and (path / "new.txt").exists():
            raise OSError(13, "Permission denied")
        return rename(path, new)

    monkeypatch.setattr(Path, "rename", only_the_old_one)
    with pytest.raises(WorkspaceError) as caught, staged_folder(target) as stage:
        (stage / "new.txt").write_bytes(b"new")

    assert caught.value.message == f"Expected to write to {target}. Received: Permission denied."
    assert tree(tmp_path) == {"dataset": None, "dataset/old.txt": b"old"}


def test_only_leftovers_of_killed_processes_are_removed(tmp_path):
    for name in (".staged-dataset-abc123", ".staged-other-abc123", "dataset-abc123"):
        (tmp_path / name).mkdir()
    (tmp_path / ".staged-gone-abc123.lock").touch()

    with staged_folder(tmp_path / "dataset"):
        pass

    assert tree(tmp_path) == {"dataset": None, "dataset-abc123": None}


def test_a_folder_being_written_survives_another_write_beside_it(tmp_path):
    with staged_folder(tmp_path / "run") as run:
        (run / "model").write_bytes(b"weights")
        with staged_folder(tmp_path / "export") as export:
            (export / "saved").write_bytes(b"graph")
        write_bytes(tmp_path / "model.onnx", b"onnx")

    assert tree(tmp_path) == {
        "export": None,
        "export/saved": b"graph",
        "model.onnx": b"onnx",
        "run": None,
        "run/model": b"weights",
    }


def kill_while(block: str, folder: Path) -> None:
    """Run `block`, which prints a line and waits, in another process, and kill that process."""
    code = "import sys; from pathlib import Path; from cxr_cli.workspace.files import *; folder = Path(sys.argv[1])\n"
    with subprocess.Popen(
        [sys.executable, "-c", code + block, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "writing\n"
        other.kill()


def test_a_folder_whose_writer_was_killed_is_removed_by_the_next_write(tmp_path):
    kill_while("with staged_folder(folder / 'run'): print('writing', flush=True); sys.stdin.read()", tmp_path)
    assert len(list(tmp_path.glob(".staged-run-*"))) == 2

    write_bytes(tmp_path / "file", b"x")

    assert tree(tmp_path) == {"file": b"x"}


def test_a_file_whose_writer_was_killed_is_removed_when_old_enough(tmp_path):
    kill_while("with whole_file(folder / 'run'): print('writing', flush=True); sys.stdin.read()", tmp_path)
    (left,) = tmp_path.glob(".staged-*")
    with staged_folder(tmp_path / "young"):
        assert left.exists()
    os.utime(left, (left.stat().st_atime, left.stat().st_mtime - 3700))

    write_bytes(tmp_path / "file", b"x")

    assert tree(tmp_path) == {"file": b"x", "young": None}


def test_read_errors_are_not_reported_as_write_errors(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "file") as stream:
        stream.write((tmp_path / "missing").read_bytes())

    assert tree(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_disk_that_fills_up_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    class Full(files._StagedFile):
        def __init__(self, stage: Path, target: Path) -> None:
            super().__init__(stage, target)
            with Path("/dev/full").open("wb") as full:
                os.dup2(full.fileno(), self.fileno())

    monkeypatch.setattr(files, "_StagedFile", Full)
    with pytest.raises(WorkspaceError) as caught:
        write_bytes(tmp_path / "file", bytes(1_000_000))

    assert caught.value.message == f"Expected to write to {tmp_path / 'file'}. Received: No space left on device."
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("name", ["", "run"])
def test_a_lock_held_by_another_process_is_refused_until_released(tmp_path, name):
    hold = "import sys; from pathlib import Path; from cxr_cli.workspace.files import lock\n"
    hold += "with lock(Path(sys.argv[1]), name=sys.argv[2]): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError) as caught, lock(tmp_path, name=name):
            pass
        with lock(tmp_path, name="another"):
            pass
        other.communicate("")

    assert caught.value.message == (
        f"Expected {tmp_path / name} to be free. Received: another cxr command is writing there."
    )
    assert caught.value.hint == "Wait for it to finish, or name another workspace: --workspace DIR"
    with lock(tmp_path, name=name):
        pass


def test_a_held_lock_shows_the_callers_hint(tmp_path):
    with lock(tmp_path, name="run"), pytest.raises(WorkspaceError) as caught:
        lock(tmp_path, name="run", hint="Name another run: --name NAME").__enter__()

    assert caught.value.hint == "Name another run: --name NAME"


def test_an_error_releases_the_lock_and_is_reraised(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), lock(tmp_path / "workspace"):
            raise KeyboardInterrupt


def test_a_folder_moved_aside_by_a_killed_process_is_restored(tmp_path):
    (tmp_path / ".staged-dataset-x1.old" / "dataset").mkdir(parents=True)
    (tmp_path / ".staged-dataset-x1.old" / "dataset" / "film").write_bytes(b"old")

    with pytest.raises(RuntimeError), staged_folder(tmp_path / "dataset"):
        raise RuntimeError

    assert tree(tmp_path) == {"dataset": None, "dataset/film": b"old"}
