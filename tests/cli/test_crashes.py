"""Commands that are killed, told to end, out of disk, or in each other's way: short forms of the scripts that try it.

`scripts/kill_commands.py` kills every command at random moments, `scripts/spoil_disks.py` spoils its disk.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork, and no such signals")

# Each child begins with the package imported. It is the whole process that is killed, or that finds no room.
DRIVER = """
import itertools, os, resource, signal, sys
from pathlib import Path
import scipy.ndimage
from cxr_cli.cli import app
from cxr_cli.lungs import segment_all
from cxr_cli.workspace import staging, swap

film, output, mode = sys.argv[1:]

def segment(before):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    before()
    try:
        app.main(["segment", film, "--method", "otsu", "-o", output, "--replace"])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code or 0)

def state():
    return {str(p): p.read_bytes() for p in sorted(Path(output).rglob("*")) if p.suffix == ".png"}

def names():
    return sorted(p.name for p in Path(output).parent.rglob(".staged-*"))

def killed_at(step):
    count = itertools.count()
    def counted(function):
        def call(*arguments):
            if next(count) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)
        return call
    os.fsync, Path.replace, Path.rename = counted(os.fsync), counted(Path.replace), counted(Path.rename)
    if mode == "one step":
        swap.exchange = counted(swap.exchange)
    else:
        swap.exchange = lambda one, other: False

def limited(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
"""
KILLS = """
assert segment(lambda: None) == 0
new = state()
for path in Path(output).rglob("*.png"):
    path.write_bytes(b"earlier")
(Path(output) / "mine.txt").write_text("mine")
old = state()
for step in itertools.count():
    code = segment(lambda: killed_at(step))
    staging.remove_abandoned(Path(output).parent)  # as a reader does that finds no folder
    print(step, code, state() == old, state() == new, flush=True)
    if code == 0:
        break
print(names(), (Path(output) / "mine.txt").read_text())
"""
LIMITS = """
assert segment(lambda: None) == 0
for path in Path(output).rglob("*.png"):
    path.write_bytes(b"earlier")
old = state()
for size in (0, 700, 20000):
    code = segment(lambda: limited(size))
    print(code, state() == old, names(), flush=True)
"""


def drive(code: str, film: Path, output: Path, mode: str = "one step") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", DRIVER + code, str(film), str(output), mode], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("mode", ["one step", "two renames"])
def test_a_kill_at_any_write_leaves_the_old_result_or_the_new_one(film, tmp_path, mode):
    done = drive(KILLS, film, tmp_path / "masks", mode)

    *steps, last = [line for line in done.stdout.splitlines() if line and line[0] in "0123456789["]
    rows = [line.split() for line in steps]
    assert len(rows) > 8, done.stderr
    assert {row[1] for row in rows[:-1]} == {"-9"}
    # Old until the folders change places, which is the last step of all.
    assert [row[2:] for row in rows] == [["True", "False"]] * (len(rows) - 1) + [["False", "True"]]
    assert last == "[] mine"


def test_a_disk_without_room_is_an_error_in_words_and_nothing_is_lost(film, tmp_path):
    done = drive(LIMITS, film, tmp_path / "masks")

    assert [line for line in done.stdout.splitlines() if line[:1] == "1"] == ["1 True []"] * 3
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3
    for error in errors:
        assert error.startswith(f"Error: Expected to write to {tmp_path / 'masks'}/")
        assert error.endswith("Received: File too large.")
    assert done.stderr.count("Raise the limit on the size of files (ulimit -f), or name another place") == 3
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_a_full_disk_behind_stdout_is_an_error_in_words():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cxr_cli", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr.startswith("Error: Expected to read and write files. Received: No space left on device.\nFree ")


def wait_for(found: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not found():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_sigterm_removes_what_is_being_written(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "cxr_cli", "phantoms", str(tmp_path / "films"), "--films", "200"],
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        text=True,
    ) as process:
        wait_for(lambda: any(tmp_path.glob(".staged-*/*.png")))
        process.terminate()
        _, stderr = process.communicate()

    assert process.returncode == 143
    assert stderr.endswith("Stopped.\n")
    assert list(tmp_path.iterdir()) == []


def test_commands_that_touch_the_same_thing_refuse_at_once_and_others_go_on(cxr, phantoms, tmp_path):
    place = tmp_path / "workspace"
    prepare = ["prepare", "--metadata", str(phantoms), "-w", str(place)]
    assert cxr(*prepare).exit_code == 0
    with subprocess.Popen([sys.executable, "-m", "cxr_cli", *prepare, "--seed", "1"], stderr=subprocess.PIPE) as other:
        wait_for(lambda: any(place.glob(".staged-dataset-*/")))
        other.send_signal(signal.SIGSTOP)  # in the middle of its work
        refused = [cxr(*command, "-w", place) for command in (prepare[:3], ["audit"], ["train"], ["crossval"])]
        beside = cxr("segment", phantoms.parent / "covid.png", "--method", "otsu", "-w", place)
        other.send_signal(signal.SIGCONT)
        other.communicate()

    for result in refused:
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(
            f"Error: Expected {place / 'dataset'} to be free. Received: cxr prepare (process {other.pid} on "
        )
        assert "Loading TensorFlow" not in result.stderr
    assert beside.exit_code == 0
    assert other.returncode == 0
    assert cxr("audit", "-w", place).exit_code in (0, 3)
