"""Measure `cxr predict` on 1, 2, 4 … cores: the threads of one command, one command per core, and a Dask cluster here.

    python benchmarks/scaling.py [--films 1000] [--size 640] [--workspace DIR --model RUN]

For each, films per second, the memory of all its processes together, and the processor time per film beyond that of a
call with 16 films, which is the start. Without a workspace, a MobileNetV2 is first trained on phantoms. On Linux only:
the cores that a command may use are set for it.
"""
# ruff: noqa: D103, T201 - scripts print

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from harness import record
from material import add_run_options, trained_run, write_films

_FEW = 16  # films: as many threads are started as for many
# What `os.cpu_count` counts doesn't follow from the cores that a process may use.
_PROGRAM = "import os, sys; os.cpu_count = lambda: {}; sys.argv[0] = 'cxr'; from cxr_cli.cli.app import main; main()"


@dataclass(frozen=True)
class Cost:
    """What it took to predict a folder."""

    seconds: float
    processor: float  # seconds, of all processes
    memory: float  # MiB, of all processes together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--films", type=int, default=1000, help="number of films (default: %(default)s)")
    parser.add_argument("--size", type=int, default=640, help="longer side in pixels (default: %(default)s)")
    parser.add_argument("--source", type=Path, help="folder of real films (default: render phantoms)")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    counts = sorted({2**power for power in range(len(cores).bit_length())} | {len(cores)})
    with tempfile.TemporaryDirectory(prefix="cxr-scaling-") as name:
        folder = Path(name)
        trained = trained_run(options, folder)
        kind = f"films of {options.source.resolve().parent.name}" if options.source else "phantoms"
        make = {"side": options.size, "kind": "jpg", "source": options.source}
        films, few = (write_films(folder / f"films{n}", n, **make) for n in (options.films, _FEW))
        run = ["-m", trained.name, "-w", str(trained.root.parents[1])]
        for way in ("threads", "one command per core", "Dask"):
            speeds, memory, notes = [], [], []
            for count in counts:
                cost, start = (_measured(way, some, cores[:count], run, folder) for some in (films, few))
                beyond = (cost.processor - start.processor) / (options.films - _FEW) * 1000
                speeds.append(f"{count}: {options.films / cost.seconds:.0f}")
                memory.append(f"{count}: {cost.memory:.0f}")
                notes.append(f"{count}: {beyond:.1f} ms a film after a start of {start.processor:.1f} s")
                print(f"{way} {speeds[-1]} films per second; {memory[-1]} MiB; {notes[-1]}", flush=True)
            record(
                f"`cxr predict DIR` by the number of cores, {way}, {trained.name}",
                data=f"{options.films:,} {kind} of {options.size} px, JPG",
                target="",
                columns={
                    "cxr": f"films per second by cores: {', '.join(speeds)}",
                    "cxr, MiB": ", ".join(memory),
                    "notes": f"processor time by cores: {'; '.join(notes)}",
                    "runs": "1",
                },
            )


def _measured(way: str, films: Path, cores: Sequence[int], run: Sequence[str], folder: Path) -> Cost:
    if way == "threads":
        return _cost([_predict(len(cores), [films], run, "--csv", folder / "rows.csv", "--replace")], cores)
    if way == "Dask":
        output = Path(tempfile.mkdtemp(dir=folder))
        return _cost([_predict(len(cores), [films], run, "--cluster", "local", "-o", output / "predictions")], cores)
    paths = sorted(films.iterdir())
    shares = (paths[first :: len(cores)] for first in range(len(cores)))
    return _cost(
        [
            _predict(1, share, run, "--csv", folder / f"rows{number}.csv", "--replace")
            for number, share in enumerate(shares)
        ],
        cores,
    )


def _predict(cores: int, films: Sequence[Path], *arguments: object) -> list[str]:
    flat = [str(one) for some in arguments for one in (some if isinstance(some, list) else [some])]
    return [sys.executable, "-c", _PROGRAM.format(cores), "predict", *map(str, films), *flat]


def _cost(commands: Sequence[Sequence[str]], cores: Sequence[int]) -> Cost:
    """Run commands at once, on these cores."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        for command in commands
    ]
    ended, peak = threading.Event(), [0.0]
    watch = threading.Thread(target=_watch, args=([process.pid for process in processes], ended, peak))
    watch.start()
    codes = [process.wait() for process in processes]
    seconds = time.perf_counter() - started
    ended.set()
    watch.join()
    assert not any(codes), codes
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, processor, peak[0])


def _watch(pids: Sequence[int], ended: threading.Event, peak: list[float]) -> None:
    """Keep the largest memory of processes and their children; what they share is divided among them."""
    while not ended.wait(0.3):
        total = 0.0
        for pid in pids:
            try:
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    total += process.memory_full_info().pss / 2**20
            except psutil.Error:  # it has ended since
                continue
        peak[0] = max(peak[0], total)


if __name__ == "__main__":
    main()
