"""Kill commands at random moments with SIGKILL, and check what is left of their results.

    python scripts/kill_commands.py [--times 50] [--commands prepare segment …] [--seed 0]

A small workspace is made of rendered phantoms. Each time a copy of it is taken, the command is started there and
killed: half of the time at a random moment of its run, half of the time at a random moment after it began to write.
Then the result must be, file by file, either the earlier one or the one of an undisturbed run; the same command must
then succeed, and leave the undisturbed result and no temporary file, neither in the workspace nor in the temporary
directory. An unfinished training run is resumed, and must lose no more than one epoch. Ends with code 1 if not.
"""
# ruff: noqa: D103, T201

import argparse
import atexit
import contextlib
import hashlib
import importlib
import json
import multiprocessing
import multiprocessing.process
import os
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_cli.cli.app import main as main_of_cxr

_TRAIN = "train --arch simple-cnn --image-size 64 --batch-size 8"
_PREPARE = "prepare --metadata films/metadata.csv"
_CROSSVAL = "crossval --arch simple-cnn --image-size 64 --batch-size 8 --folds 2 --name study"
RUN = "workspace/models/simple-cnn"
# What is in the workspace before a command is killed there.
_EARLIER = (
    "phantoms films --films 24",
    f"{_PREPARE} --seed 1",
    f"{_TRAIN} --epochs 2",
    "evaluate --alpha 0.2",
    "export --format savedmodel",
    "segment films/covid.png films/non_covid.png --method otsu",
    "predict films/covid.png --csv predictions.csv",
)
# Imported once, by the parent of all processes: to kill a command while Python is loading tells nothing.
PRELOADED = (
    *("cxr_cli.api.dataset", "cxr_cli.api.testing", "cxr_cli.dataset.prepare", "cxr_cli.evaluation.evaluate"),
    *("cxr_cli.lungs.segment_all", "cxr_cli.prediction.files", "cxr_cli.recipe.decision"),
    *("ai_edge_litert.interpreter", "matplotlib.figure", "matplotlib.backends.backend_agg", "PIL.PngImagePlugin"),
    *("scipy.ndimage", "scipy.optimize", "scipy.stats", "sklearn.metrics"),
    *("cxr_cli.training.make_run", "cxr_cli.training.export"),  # TensorFlow, before it has done anything
)
# Keys of a record that no two runs have in common.
_VOLATILE = {"created", "seconds", "run_created", "milliseconds", "started"}
# What a command is writing, or has left: hidden siblings, locks in place of locks, and what autograph writes.
_LEFT_OVER = re.compile(r"^\.staged-|\.held$|\.partial\.|^__autograph|^cxr-|^tmp|^\..*\.npy$")


@dataclass(frozen=True)
class Command:
    """A command to kill: what is typed, and the files and folders that are its result."""

    typed: str
    results: tuple[str, ...]
    resumed: str = ""  # what is typed if it can continue after a kill


COMMANDS = {
    "prepare": Command(f"{_PREPARE} --seed 0", ("workspace/dataset", "workspace/class_indices.json")),
    "train": Command(f"{_TRAIN} --epochs 12 --patience 12 --replace", (RUN,), "train --resume simple-cnn"),
    "calibrate": Command("calibrate --operating-point sensitivity=0.5", (f"{RUN}/run.json",)),
    "evaluate": Command("evaluate --alpha 0.1", ("workspace/evaluations/simple-cnn/test",)),
    "segment": Command(
        "segment films/covid.png films/covid_2.png films/non_covid_2.png --method otsu",
        ("workspace/segmentations/otsu",),
    ),
    "predict": Command(
        "predict films/covid.png films/covid_2.png films/non_covid.png --csv predictions.csv --replace",
        ("predictions.csv",),
    ),
    "export": Command("export --format savedmodel", (f"{RUN}/export",)),
    "crossval": Command(f"{_CROSSVAL} --epochs 2", ("workspace/crossval/study",)),
    "phantoms": Command("phantoms films --films 24 --seed 1", ("films",)),
}


@dataclass
class Outcome:
    """What was seen in all kills of one command."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50, help="kills of each command (default: %(default)s)")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=list(COMMANDS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    options = parser.parse_args()
    problems = 0
    for module in PRELOADED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="kill-commands-") as temporary:
        base = Path(temporary) / "base"
        make_base(base, crossval="crossval" in options.commands)
        for name in options.commands:
            outcome = kill_often(COMMANDS[name], base, times=options.times, seed=options.seed)
            problems += len(outcome.problems)
            seen = ", ".join(f"{count} {what}" for what, count in outcome.counts.items())
            print(f"{name}: {options.times} kills: {seen}; {len(outcome.problems)} problems", flush=True)
            for problem in outcome.problems:
                print(f"  {problem}", flush=True)
    sys.exit(1 if problems else 0)


def make_base(base: Path, *, crossval: bool) -> None:
    """Make the workspace with an earlier result of each command."""
    base.mkdir()
    for typed in (*_EARLIER, *([f"{_CROSSVAL} --epochs 1"] if crossval else [])):
        run(base, typed)
    # An exported folder has the same bytes each time: this file tells the earlier one.
    (next((base / RUN / "export").iterdir()) / "earlier.txt").write_text("of the earlier export")


def kill_often(command: Command, base: Path, *, times: int, seed: int) -> Outcome:
    """Kill a command again and again, each time in a fresh copy of the workspace."""
    rng, outcome = random.Random(f"{seed} {command.typed}"), Outcome()
    old = fingerprint(base, command)
    with copied(base) as place:
        started = time.monotonic()
        first_write = run(place, command.typed)
        seconds = time.monotonic() - started
        new, laps = fingerprint(place, command), [seconds]
    with copied(base) as place:  # what differs between two undisturbed runs is compared by name only
        run(place, command.typed)
        again = fingerprint(place, command)
    loose = {path for path in new if new[path] != again.get(path)}
    new = without(new, loose)
    for number in range(times):
        with copied(base) as place:
            writing = bool(number % 2)
            moment = rng.uniform(0, max(seconds - first_write, 0.05) if writing else seconds)
            ended, log = start_and_kill(place, command.typed, moment, after_first_write=writing)
            state = fingerprint(place, command)
            what = "old" if state == old else "new" if without(state, loose) == new else "MIXED"
            outcome.counts["ended before the kill" if ended else f"left the {what} result"] += 1
            where = f"kill {number} ({'writing' if writing else 'any time'}, {moment:.2f} s)"
            if what == "MIXED":
                outcome.problems.append(f"{where}: neither the old nor the new result: {differences(state, old, new)}")
            if (place / "workspace/checkpoints/simple-cnn.npz").exists() and command.resumed:
                outcome.counts["resumed"] += 1
                outcome.problems += [f"{where}: {problem}" for problem in resume(place, command.resumed, log)]
            else:
                started = time.monotonic()
                outcome.problems += [f"{where}: {problem}" for problem in run_again(place, command.typed)[0]]
                laps = [*laps[-4:], time.monotonic() - started]
                seconds = statistics.median(laps)  # other load on the machine comes and goes
            if without(fingerprint(place, command), loose) != new:
                wrong = differences(fingerprint(place, command), old, new)
                outcome.problems.append(f"{where}: the next run gave another result: {wrong}")
            left = left_overs(place)
            if left:
                outcome.problems.append(f"{where}: left behind after the next run: {', '.join(left)}")
    return outcome


def start_and_kill(place: Path, typed: str, moment: float, *, after_first_write: bool) -> tuple[bool, str]:
    """Start a command and kill it `moment` seconds later; returns whether it had ended, and what it printed."""
    process = start(place, typed)
    if after_first_write:
        while process.is_alive() and not is_writing(place):
            time.sleep(0.001)
    process.join(moment)
    process.kill()
    process.join()
    if typed.startswith("crossval"):
        time.sleep(2)  # a fold's own process ends with it
    return process.exitcode != -signal.SIGKILL, (place / "log").read_text()


def run(place: Path, typed: str) -> float:
    """Run a command to its end; returns after how many seconds it began to write."""
    started, first = time.monotonic(), None
    process = start(place, typed)
    while process.is_alive():
        if first is None and is_writing(place):
            first = time.monotonic() - started
        time.sleep(0.002)
    if process.exitcode:
        sys.exit(f"cxr {typed}: code {process.exitcode}\n{(place / 'log').read_text()}")
    return time.monotonic() - started if first is None else first


def run_again(place: Path, typed: str) -> tuple[list[str], str]:
    """Run a command after a kill; returns what went wrong, and what it printed."""
    process = start(place, typed)
    process.join()
    log = (place / "log").read_text()
    ok = process.exitcode == 0 and "Traceback" not in log
    return [] if ok else [f"cxr {typed} ended with code {process.exitcode}: {log[-300:]}"], log


def resume(place: Path, typed: str, log: str) -> list[str]:
    """Resume training: it may repeat the epoch that was going on, and the one whose checkpoint was being written."""
    problems, printed = run_again(place, typed)
    finished = max((int(number) for number in re.findall(r"^epoch +(\d+)/", log, re.M)), default=0)
    first = min((int(number) for number in re.findall(r"^epoch +(\d+)/", printed, re.M)), default=finished + 1)
    if first < finished:
        problems.append(f"resumed with epoch {first} although {finished} were finished")
    return problems


def start(place: Path, typed: str, *, log: Path = Path("log")) -> multiprocessing.process.BaseProcess:
    """Start a command in a process that has imported the package already.

    Args:
        place: the folder that the process works in.
        typed: what follows `cxr`.
        log: where its output goes. Defaults to a file in `place`.
    """
    process = multiprocessing.get_context("fork").Process(target=_command, args=(place, typed, log))
    process.start()
    return process


def _command(place: Path, typed: str, log: Path) -> None:
    """Be `cxr`: its arguments, its streams, its temporary directory."""
    atexit._clear()  # what the parent cleans up at its end
    os.chdir(place)
    with contextlib.suppress(OSError):  # of a disk on which nothing can be made
        (place / "tmp").mkdir(exist_ok=True)
    os.environ["TMPDIR"], tempfile.tempdir = str(place / "tmp"), None
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(stream, descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", closefd=False) for descriptor in (1, 2))
    sys.argv = ["cxr", *typed.split()]
    try:
        main_of_cxr()
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out


def is_writing(place: Path) -> bool:
    """Whether a hidden sibling is there, in the workspace or beside it."""
    folders = [place, *(Path(each) for each, _, _ in os.walk(place / "workspace"))]
    return any(entry.startswith(".staged-") or ".partial." in entry for folder in folders for entry in names(folder))


def names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


class copied:  # noqa: N801 - used like a function
    """A fresh copy of the workspace, which is removed at the end."""

    def __init__(self, base: Path) -> None:
        self._base, self._place = base, base.with_name("copy")

    def __enter__(self) -> Path:
        shutil.copytree(self._base, self._place)
        shutil.rmtree(self._place / "tmp", ignore_errors=True)
        return self._place

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._place)


def fingerprint(place: Path, command: Command) -> dict[str, str]:
    """The files of a result with their hashes; of records, without the times."""
    return {
        path.relative_to(place).as_posix(): hash_of(path)
        for result in command.results
        for path in sorted(files_of(place / result))
        if not _LEFT_OVER.search(path.name)
    }


def files_of(result: Path) -> Iterator[Path]:
    """Its files; without locks, without the folds of a study, which it continues with, and without an export."""
    if result.is_file():
        yield result
    for path in result.rglob("*"):
        parts = path.relative_to(result).parts
        if (
            path.is_file()
            and not path.name.startswith(".lock")
            and not parts[0].startswith(("fold-", ".staged-"))
            and parts[0] != "export"
        ):
            yield path


def hash_of(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(stable(json.loads(data)), sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: stable(one) for key, one in value.items() if key not in _VOLATILE}
    return [stable(one) for one in value] if isinstance(value, list) else value


def without(state: dict[str, str], loose: set[str]) -> dict[str, str]:
    return {path: "" if path in loose else digest for path, digest in state.items()}


def differences(state: dict[str, str], old: dict[str, str], new: dict[str, str]) -> str:
    """The files that differ from the old and from the new result, a few of each."""
    texts = []
    for name, other in (("old", old), ("new", new)):
        wrong = sorted(p for p in {*state, *other} if state.get(p) != other.get(p) and other.get(p) != "")
        texts.append(f"{len(wrong)} files unlike the {name} one ({', '.join(wrong[:4])})")
    return "; ".join(texts)


def left_overs(place: Path) -> list[str]:
    found = [path for root in ("workspace", "tmp") for path in (place / root).rglob("*")]
    found += place.iterdir()
    return sorted(p.relative_to(place).as_posix() for p in found if _LEFT_OVER.search(p.name) and p != place / "tmp")


if __name__ == "__main__":
    main()
