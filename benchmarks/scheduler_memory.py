"""Measure what the scheduler of a cluster and the command hold for archives of made-up films: no pixels, no network.

    python benchmarks/scheduler_memory.py [--rows 10000 100000 1000000 10000000]

Each size runs in fresh processes: a scheduler, two workers, and a client that lists the films and runs their partitions
as `cxr predict --cluster` does. The workers only look up the names of a partition's films.
"""
# ruff: noqa: D103, T201 - scripts print

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import record, run

from cxr_cli.cluster.connection import connected
from cxr_cli.cluster.partitions import films_a_partition, run_partitions
from cxr_cli.cluster.tables import read_films, write_films

_WORKERS = 2
_ASKED_EVERY = 100  # partitions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000], help="numbers of films"
    )
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.one:
        print(json.dumps(simulated(options.one)))
        return
    notes, memory = [], []
    for rows in options.rows:
        _, _, output = run([sys.executable, __file__, "--one", str(rows)])
        found = json.loads(output)
        notes.append(
            f"{rows:,} films in {found['partitions']:,} partitions: at most {found['tasks']:,} tasks at a time, "
            f"scheduler {found['scheduler']['MiB']:.0f} MiB and {found['scheduler']['seconds']:.0f} s of processor, "
            f"command {found['command']['MiB']:.0f} MiB and {found['command']['seconds']:.0f} s"
        )
        memory.append(f"{rows:,} films: {found['scheduler']['MiB']:.0f}")
        print(notes[-1], flush=True)
    record(
        "memory of the scheduler, `cxr predict --cluster`",
        data="made-up films, no pixels",
        target="flat",
        columns={"cxr, MiB": ", ".join(memory), "notes": "; ".join(notes), "runs": "1"},
    )


def simulated(rows: int) -> dict[str, Any]:
    """What an archive costs the scheduler and the command, in peak MiB and processor seconds."""
    with TemporaryDirectory(prefix="cxr-scheduler-") as name, ExitStack() as opened:
        plan = Path(name) / "films.parquet"
        count, _ = write_films((Path(f"/archive/{row // 1000:05d}/{row:08d}.png") for row in range(rows)), plan)
        size = films_a_partition(count)
        numbers = range(-(-count // size))
        client = opened.enter_context(connected(opened.enter_context(cluster(Path(name)))))
        client.wait_for_workers(_WORKERS, timeout=120)
        tasks = films = 0
        done = run_partitions(client, partial(names_counted, plan, size), numbers, piecewise=refused)
        for number, part in enumerate(done):
            films += part.total()
            if number % _ASKED_EVERY == 0:
                tasks = max(tasks, client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
        assert films == rows, films
        return {
            "partitions": len(numbers),
            "tasks": tasks,
            "scheduler": client.run_on_scheduler(used),
            "command": used(),
        }


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and workers, each in a process of its own; give the file with the scheduler's address."""
    file = folder / "scheduler.json"
    dask = [str(Path(sys.executable).with_name("dask"))]
    scheduler = [
        *dask,
        "scheduler",
        "--scheduler-file",
        str(file),
        "--host",
        "127.0.0.1",
        "--no-dashboard",
        "--port",
        "0",
    ]
    worker = [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    processes = []
    try:
        for command in (scheduler, *[worker] * _WORKERS):
            processes.append(
                subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            while not file.exists():
                time.sleep(0.1)
        yield str(file)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()


def names_counted(plan: Path, size: int, number: int) -> Counter[str]:
    """A worker's answer for a partition, as large as that of predictions."""
    return Counter({"covid": len(read_films(plan, number=number, size=size)), "non_covid": 0, "": 0})


def refused(number: int, one_by_one: object) -> Counter[str]:
    raise AssertionError(f"workers died on partition {number}")


def used() -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"MiB": usage.ru_maxrss / 1024, "seconds": usage.ru_utime + usage.ru_stime}


if __name__ == "__main__":
    main()
