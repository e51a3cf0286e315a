"""Temporary files of a process: gone when it ends, and gone later if it is killed."""

import os
import subprocess
import sys
from pathlib import Path

USE = "import sys, tempfile; from cxr_cli.workspace.temporary import use_own_temporary_folder\n"
USE += "use_own_temporary_folder(); file = tempfile.NamedTemporaryFile(prefix='__autograph', delete=False)\n"
USE += "print(file.name, flush=True); sys.stdin.read()"


def start(folder: Path) -> "subprocess.Popen[str]":
    """Start a process that has a temporary file, and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", USE],
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_temporary_files_are_removed_when_the_process_ends(tmp_path):
    with start(tmp_path) as process:
        file = Path(process.stdout.readline().strip())
        assert file.parent.parent == tmp_path
        assert file.is_file()
        process.communicate("")

    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_is_removed_by_the_next_but_not_what_a_living_one_uses(tmp_path):
    (tmp_path / "cxr-notes").mkdir()
    (tmp_path / "cxr-notes" / "mine.txt").touch()
    (tmp_path / "cxr-empty").mkdir()
    os.utime(tmp_path / "cxr-empty", (0, 0))
    with start(tmp_path) as killed, start(tmp_path) as living:
        left, used = (Path(process.stdout.readline().strip()) for process in (killed, living))
        killed.kill()
        killed.wait()
        assert left.is_file()
        with start(tmp_path) as later:
            later.stdout.readline()
            later.communicate("")
        assert used.is_file()
        living.communicate("")

    assert [path.name for path in tmp_path.rglob("*")] == ["cxr-notes", "mine.txt"]
