"""What is being written: hidden siblings, and what killed processes leave of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace import staging, swap
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.staging import remove_left_overs, staged_folder, whole_file


def tree(folder: Path) -> dict[str, bytes | None]:
    """Map every path in `folder`, including hidden ones, to the bytes of the file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def kill_while(block: str, folder: Path) -> None:
    """Run `block`, which prints a line and waits, in another process, and kill that process."""
    code = "import sys; from pathlib import Path; from cxr_cli.workspace.staging import *; folder = Path(sys.argv[1])\n"
    with subprocess.Popen(
        [sys.executable, "-c", code + block, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "writing\n"
        other.kill()


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
    monkeypatch.setattr(swap, "exchange", lambda one, other: False)
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


def test_a_folder_whose_writer_was_killed_is_removed_by_the_next_write(tmp_path):
    kill_while("with staged_folder(folder / 'run'): print('writing', flush=True); sys.stdin.read()", tmp_path)
    assert len(list(tmp_path.glob(".staged-run-*"))) == 2

    write_bytes(tmp_path / "file", b"x")

    assert tree(tmp_path) == {"file": b"x"}


def test_a_file_whose_writer_was_killed_is_removed_by_the_next_write(tmp_path):
    kill_while("with whole_file(folder / 'run'): print('writing', flush=True); sys.stdin.read()", tmp_path)
    (left,) = tmp_path.glob(".staged-*")

    write_bytes(tmp_path / "file", b"x")

    assert not left.exists()
    assert tree(tmp_path) == {"file": b"x"}


def test_a_file_that_is_being_written_stays(tmp_path):
    with whole_file(tmp_path / "file") as stream:
        stream.write(b"x")
        staging.remove_abandoned(tmp_path)

    assert tree(tmp_path) == {"file": b"x"}


def test_a_file_that_was_taken_for_abandoned_as_it_was_made_is_made_again(tmp_path, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(staging, "try_lock", lambda descriptor: next(answers))

    write_bytes(tmp_path / "file", b"x")

    assert tree(tmp_path) == {"file": b"x"}


def test_without_locks_a_staged_file_is_removed_when_old_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "try_lock", lambda descriptor: None)
    (tmp_path / ".staged-young").touch()
    (tmp_path / ".staged-old").touch()
    os.utime(tmp_path / ".staged-old", (0, 0))

    staging.remove_abandoned(tmp_path)

    assert tree(tmp_path) == {".staged-young": b""}


def test_left_overs_are_removed_anywhere_in_a_workspace(tmp_path):
    for place in ("dataset", "segmentations", "heatmaps", "reports/simple-cnn", "models", "evaluations/simple-cnn"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / ".staged-0123").touch()
        (tmp_path / place / ".staged-test-4567").mkdir()
        (tmp_path / place / ".staged-test-4567.lock").touch()
    (tmp_path / "models" / "run.json").touch()

    remove_left_overs(tmp_path)

    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == [tmp_path / "models" / "run.json"]


def test_a_folder_keeps_its_other_files_and_links(tmp_path):
    target = tmp_path / "masks"
    (target / "deep").mkdir(parents=True)
    (target / "deep" / "mine.txt").write_bytes(b"mine")
    (target / "a.png").write_bytes(b"old")
    (target / "gone.png").write_bytes(b"old")
    (target / "link").symlink_to("a.png")
    inode = (target / "deep" / "mine.txt").stat().st_ino

    with staged_folder(target, keep=True) as stage:
        write_bytes(stage / "a.png", b"new")
        (stage / "gone.png").unlink()
        assert (target / "a.png").read_bytes() == b"old"

    assert tree(tmp_path) == {
        "masks": None,
        "masks/a.png": b"new",
        "masks/deep": None,
        "masks/deep/mine.txt": b"mine",
        "masks/link": b"new",
    }
    assert (target / "deep" / "mine.txt").stat().st_ino == inode
    assert (target / "link").is_symlink()


def test_a_folder_that_keeps_its_files_is_unchanged_by_an_error(tmp_path):
    target = tmp_path / "masks"
    write_bytes(target / "a.png", b"old")

    with pytest.raises(WorkspaceError), staged_folder(target, keep=True) as stage:  # noqa: PT012 - what is tested
        write_bytes(stage / "a.png", b"new")
        raise OSError(28, "No space left on device")

    assert tree(tmp_path) == {"masks": None, "masks/a.png": b"old"}


def test_the_folder_in_which_the_user_stands_stays_the_same_one(in_folder):
    write_bytes(in_folder / "a.png", b"old")
    write_bytes(in_folder / "gone.png", b"old")
    inode = in_folder.stat().st_ino

    with staged_folder(Path(), keep=True) as stage:
        write_bytes(stage / "a.png", b"new")
        write_bytes(stage / "deep" / "b.png", b"new")
        (stage / "gone.png").unlink()

    assert tree(in_folder) == {"a.png": b"new", "deep": None, "deep/b.png": b"new"}
    assert in_folder.stat().st_ino == inode


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    write_bytes(tmp_path / "big disk" / "dataset" / "old", b"old")
    (tmp_path / "dataset").symlink_to(tmp_path / "big disk" / "dataset")

    with staged_folder(tmp_path / "dataset") as stage:
        write_bytes(stage / "new", b"new")

    assert (tmp_path / "dataset").is_symlink()
    assert tree(tmp_path / "big disk") == {"dataset": None, "dataset/new": b"new"}


def test_a_folder_moved_aside_by_a_killed_process_is_restored(tmp_path):
    (tmp_path / ".staged-dataset-x1.old" / "dataset").mkdir(parents=True)
    (tmp_path / ".staged-dataset-x1.old" / "dataset" / "film").write_bytes(b"old")

    with pytest.raises(RuntimeError), staged_folder(tmp_path / "dataset"):
        raise RuntimeError

    assert tree(tmp_path) == {"dataset": None, "dataset/film": b"old"}
