"""Shared by all benchmarks: run commands alternately, each in a fresh process, and append the results to a table.

Machines are shared and noisy, so a command and its peer run alternately, several times. Reported are the median time of
each and the median of the ratios of the pairs. Memory is the peak resident memory of the largest process.
"""
# ruff: noqa: T201 - scripts print

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).with_name("RESULTS.md")
PEERS = Path(__file__).with_name("peers")
COLUMNS = ("what", "data", "cxr", "peer", "ratio", "target", "cxr, MiB", "peer, MiB", "runs", "notes", "command")
# An installed program has its bytecode. Without it, each start would compile all modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
_PACKAGES = ("cxr-cli", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")


@dataclass
class Measured:
    """Measurements of a command, one per run."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MiB
    output: str = ""  # stdout of the last run


def cxr(*arguments: object) -> list[str]:
    """Return the command line of `cxr` in this interpreter's environment."""
    return [str(Path(sys.executable).with_name("cxr")), *map(str, arguments)]


def peer(script: str, *arguments: object) -> list[str]:
    """Return the command line of a peer, a plain script in `benchmarks/peers`."""
    return [sys.executable, str(PEERS / script), *map(str, arguments)]


def run(command: Sequence[str]) -> tuple[float, float, str]:
    """Run a command, and return its seconds, peak MiB and stdout. If it fails, exit with its error output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        if status:
            process.returncode = os.waitstatus_to_exitcode(status)
            sys.exit(f"{' '.join(command)}\nended with {process.returncode}:\n{err.read().decode()[-4000:]}")
        return seconds, usage.ru_maxrss / 1024, out.read().decode()


def run_in_turn(
    commands: dict[str, Sequence[str]],
    *,
    runs: int,
    warmup: int = 1,
    before: Callable[[str], None] = lambda name: None,
) -> dict[str, Measured]:
    """Run commands alternately: A B A B ...

    Args:
        commands: command lines by name.
        runs: number of timed rounds.
        warmup: number of rounds before that, which are not counted. Defaults to 1.
        before: called with the command's name before each run, outside the timing.
    """
    measured = {name: Measured() for name in commands}
    for number in range(-warmup, runs):
        for name, command in commands.items():
            before(name)
            seconds, memory, output = run(command)
            print(f"{name}, {'warm-up' if number < 0 else number + 1}: {seconds:.2f} s, {memory:.0f} MiB", flush=True)
            if number >= 0:
                measured[name].seconds.append(seconds)
                measured[name].memory.append(memory)
                measured[name].output = output
    return measured


def ratio(ours: Measured, theirs: Measured) -> float:
    """Return how many times as long the peer takes: the median of the pairs' ratios."""
    return median(b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True))


def figures(ours: Measured, theirs: Measured | None = None) -> dict[str, str]:
    """Return the columns that every comparison has."""
    columns = {
        "cxr": _seconds(median(ours.seconds)),
        "cxr, MiB": f"{median(ours.memory):.0f}",
        "runs": str(len(ours.seconds)),
    }
    if theirs:
        columns |= {
            "peer": _seconds(median(theirs.seconds)),
            "peer, MiB": f"{median(theirs.memory):.0f}",
            "ratio": f"{ratio(ours, theirs):.1f}",
        }
    return columns


def record(what: str, *, data: str, target: str, columns: dict[str, str]) -> None:
    """Print a row and append it to RESULTS.md, under a heading with the machine and versions.

    Args:
        what: name of the row; README shows the latest row of each name and data.
        data: films or metadata that were used.
        target: ratio, time or memory to reach, in words.
        columns: see `figures`; a missing column stays empty.
    """
    command = " ".join(["python", "benchmarks/" + Path(sys.argv[0]).name, *map(_shown, sys.argv[1:])])
    row = columns | {"what": what, "data": data, "target": target, "command": f"`{command}`"}
    assert set(row) <= set(COLUMNS), row
    text = RESULTS.read_text(encoding="utf-8")
    heading = f"## {datetime.now(UTC):%Y-%m-%d}, {machine()}"
    if heading != text[text.rfind("\n## ") + 1 :].split("\n", 1)[0]:
        text += f"\n{heading}\n\n| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"
    text += "| " + " | ".join(row.get(column, "") for column in COLUMNS) + " |\n"
    RESULTS.write_text(text, encoding="utf-8")
    print("\n".join(f"{column:>10}: {row[column]}" for column in COLUMNS if row.get(column)))


def machine() -> str:
    """Describe the machine and the versions of the packages in one line."""
    processor = platform.processor() or platform.machine()
    memory = "?"
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f}"
    versions = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return f"{os.cpu_count()} cores of {processor}, {memory} GiB, {platform.system()}; {', '.join(versions)}"


def _shown(argument: str) -> str:
    """Shorten an absolute path to its last two parts: the rest is specific to the machine."""
    return "/".join(Path(argument).parts[-2:]) if Path(argument).is_absolute() else argument


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
