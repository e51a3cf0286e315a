"""Locks: one writer or several readers, and who is there."""

import errno
import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.locks import lock


@pytest.mark.parametrize("name", ["", "run"])
def test_a_lock_held_by_another_process_is_refused_until_released(tmp_path, name):
    hold = "import sys; from pathlib import Path; from cxr_cli.workspace.locks import lock\n"
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

    assert re.sub(r"since [-0-9]+ [:0-9]+", "since TIME", caught.value.message) == (
        f"Expected {tmp_path / name} to be free. "
        f"Received: Python (process {other.pid} on {socket.gethostname()}, since TIME) is writing there."
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


def test_the_holder_is_named_by_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cxr", "train", "--name", "a patient's"])
    with (
        lock(tmp_path, name="run"),
        pytest.raises(WorkspaceError, match=r"Received: cxr train \(process \d+ on ") as caught,
    ):
        lock(tmp_path, name="run").__enter__()

    assert "patient" not in caught.value.message


def test_readers_let_each_other_in_and_keep_a_writer_out(tmp_path):
    with lock(tmp_path, name="dataset", shared=True):
        with lock(tmp_path, name="dataset", shared=True):
            pass
        with pytest.raises(WorkspaceError, match=r"is reading there\."):
            lock(tmp_path, name="dataset").__enter__()
    with lock(tmp_path, name="dataset"), pytest.raises(WorkspaceError, match=r"is writing there\."):
        lock(tmp_path, name="dataset", shared=True).__enter__()


def test_a_lock_of_a_killed_process_is_no_lock(tmp_path):
    hold = "import sys; from pathlib import Path; from cxr_cli.workspace.locks import lock\n"
    hold += "with lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        other.kill()

    with lock(tmp_path):
        pass


def test_a_holder_that_died_is_not_named(tmp_path):
    host = socket.gethostname()
    with lock(tmp_path, name="dataset", shared=True):
        with (tmp_path / ".lock-dataset").open("a") as file:
            file.write(f"99999999\t{host}\tcxr train\treading\t2026-01-01 00:00:00\nno row\n")
        with pytest.raises(WorkspaceError, match=rf"Received: Python \(process {os.getpid()} on "):
            lock(tmp_path, name="dataset").__enter__()


def test_a_folder_that_can_only_be_read_needs_no_lock_to_be_read(tmp_path, monkeypatch):
    def read_only(path: Path, *rest: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", read_only)
    with lock(tmp_path, name="dataset", shared=True):
        pass
    with pytest.raises(WorkspaceError) as caught:
        lock(tmp_path, name="dataset").__enter__()

    assert caught.value.message == f"Expected to write to {tmp_path / 'dataset'}. Received: Read-only file system."
    assert caught.value.hint == (
        "That disk is read-only: mount it for writing, or name another place, for example another workspace: "
        "--workspace DIR"
    )


def test_a_file_system_without_locks_has_a_file_in_place_of_one(tmp_path, monkeypatch):
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with lock(tmp_path, name="run"):
        assert (tmp_path / ".lock-run.held").is_file()
        with pytest.raises(WorkspaceError, match=r"is writing there\."):
            lock(tmp_path, name="run").__enter__()
        with lock(tmp_path, name="run", shared=True):
            pass

    assert not (tmp_path / ".lock-run.held").exists()


def test_without_locks_the_file_of_a_dead_process_is_no_lock(tmp_path, monkeypatch):
    hold = "import errno, fcntl, sys; from pathlib import Path; from cxr_cli.workspace.locks import lock\n"
    hold += "def no_locks(*_): raise OSError(errno.ENOLCK, '')\n"
    hold += "fcntl.flock = no_locks\n"
    hold += "with lock(Path(sys.argv[1]), name='run'): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        other.kill()
    assert (tmp_path / ".lock-run.held").is_file()

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with lock(tmp_path, name="run"):
        pass
