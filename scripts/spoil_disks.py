"""Run every command that writes on a disk that is full, limited, read-only or protected, and check how it ends.

    python scripts/spoil_disks.py [--commands prepare segment …] [--faults limit full …] [--seed 0]

The workspace is that of `kill_commands.py`. Each command must end with code 1 and an error in words that says what to
do, without a traceback, and leave its earlier result, or end with code 0 and leave the new one; nothing half-written
may stay. Needs Linux; `full` and `read-only` need root, to mount a small disk in memory, and `protected` needs root
and chattr. Ends with code 1 if a command fails.
"""
# ruff: noqa: D103, T201

import argparse
import importlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kill_commands
from kill_commands import COMMANDS, Command, fingerprint, left_overs

_EVALUATION = "workspace/evaluations/simple-cnn"
_COMMANDS = COMMANDS | {
    "external": Command(
        "evaluate --external --metadata films/metadata.csv --name elsewhere", (f"{_EVALUATION}/elsewhere",)
    ),
    "gradcam": Command("gradcam films/covid.png", ("workspace/heatmaps/covid.png",)),
    "gallery": Command("gradcam --split test", ("workspace/heatmaps/simple-cnn-gradcam-test",)),
    "audit": Command("audit", ("workspace/audit",)),
    "compare": Command("compare", ("workspace/comparison",)),
    "report": Command("report", ("workspace/reports/simple-cnn",)),
    "litert": Command("export --format litert --precision float16", (f"{kill_commands.RUN}/export",)),
}
_LIMITS = (0, 700, 20_000)  # bytes: nothing fits, a small record fits, a table fits but no picture
_SIZE = 24  # MB of the small disk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", choices=_COMMANDS, default=list(_COMMANDS), help="default: all")
    parser.add_argument("--faults", nargs="+", choices=_FAULTS, default=list(_FAULTS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="of how full the disk is (default: %(default)s)")
    options = parser.parse_args()
    for module in kill_commands.PRELOADED:
        importlib.import_module(module)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="spoil-disks-") as temporary:
        base = Path(temporary) / "base"
        kill_commands.make_base(base, crossval=False)
        for fault in options.faults:
            for name in options.commands:
                rng = random.Random(f"{options.seed} {fault} {name}")
                for problem in _FAULTS[fault](base, _COMMANDS[name], rng):
                    failed += problem.startswith("FAILED")
                    print(f"{fault:10} {name:10} {problem}", flush=True)
    sys.exit(1 if failed else 0)


def limited(base: Path, command: Command, rng: random.Random) -> Iterator[str]:
    """No file may grow beyond some bytes."""
    for limit in _LIMITS:
        with kill_commands.copied(base) as place:
            yield f"{limit:6} B: " + checked(base, place, command, limit=limit)


def full(base: Path, command: Command, rng: random.Random) -> Iterator[str]:
    """A disk with little room."""
    for room in (0, rng.randrange(8_000, 60_000)):
        with small_disk(base) as place:
            with (place / "ballast").open("wb") as ballast:
                free = shutil.disk_usage(place).free
                ballast.write(bytes(max(0, free - room)))
            yield f"{room:6} B: " + checked(base, place, command)


def read_only(base: Path, command: Command, rng: random.Random) -> Iterator[str]:
    """A disk that can't be written to."""
    with small_disk(base) as place:
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        yield checked(base, place, command)


def protected(base: Path, command: Command, rng: random.Random) -> Iterator[str]:
    """Folders in which nothing may be made."""
    with kill_commands.copied(base) as place:
        workspace = place / "workspace"
        folders = [place, workspace, *(path for path in workspace.rglob("*") if path.is_dir())]
        (place / "tmp").mkdir()
        subprocess.run(["chattr", "+i", *map(str, folders)], check=True)
        try:
            yield checked(base, place, command)
        finally:
            subprocess.run(["chattr", "-i", *map(str, folders)], check=True)


_FAULTS = {"limit": limited, "full": full, "read-only": read_only, "protected": protected}


def checked(base: Path, place: Path, command: Command, *, limit: int | None = None) -> str:
    """Run a command, and say how it ended."""
    before = fingerprint(base, command)
    log = base.with_name("log")  # a pipe, to which no limit of a disk applies
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    with limit_of_files(limit):
        process = kill_commands.start(place, command.typed, log=log)
    process.join()
    printed = os.read(reader, 1 << 16).decode(errors="replace")
    os.close(reader)
    log.unlink()
    after = fingerprint(place, command)
    problems = []
    if process.exitcode not in (0, 1, 4):  # 4: some films have no class
        problems.append(f"code {process.exitcode}")
    if "Traceback" in printed or (process.exitcode == 1 and "Error: Expected" not in printed):
        problems.append(f"not in words: {printed[-600:]}")
    if process.exitcode == 1 and after != before:
        problems.append(f"not the earlier result: {kill_commands.differences(after, before, before)}")
    if left := [name for name in left_overs(place) if ".partial." not in name]:
        problems.append(f"left behind: {', '.join(left)}")
    error = printed[printed.find("Error: ") :].splitlines() if process.exitcode == 1 else ["succeeded"]
    said = " | ".join(error[:2]).replace(str(place), ".")
    return f"FAILED: {'; '.join(problems)}" if problems else said


@contextmanager
def limit_of_files(limit: int | None) -> Iterator[None]:
    """Limit the size of the files that processes write which are started meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(base: Path) -> Iterator[Path]:
    """A copy of the workspace on a small disk in memory."""
    place = base.with_name("disk")
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}m", "tmpfs", str(place)], check=True)
    try:
        shutil.copytree(base, place, dirs_exist_ok=True)
        shutil.rmtree(place / "tmp", ignore_errors=True)
        (place / "tmp").mkdir()
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


if __name__ == "__main__":
    main()
