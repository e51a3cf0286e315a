"""A real scheduler and real workers on this machine's loopback, each in its own process."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

LONG = 120  # seconds: the machine may be busy


class Cluster:
    """A scheduler that gives up a partition after two of its workers died."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._workers: list[subprocess.Popen] = []
        self._scheduler = self._start("scheduler", "--port", "0")
        try:
            self.wait(lambda: self.address)
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Where the scheduler is; empty until its file is written to the end."""
        try:
            return json.loads(self._file.read_text())["address"]
        except (OSError, ValueError):
            return ""

    def have_workers(self, count: int) -> None:
        """Start or kill workers until there are this many."""
        from distributed import Client

        self._workers = [worker for worker in self._workers if worker.poll() is None]
        while len(self._workers) > count:
            self.kill_a_worker()
        while len(self._workers) < count:
            # Without Dask's nanny, which would restart a killed worker.
            options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder / "work"))
            self._workers.append(self._start("worker", *options))
        with Client(self.address, timeout=LONG) as client:
            self.wait(lambda: len(client.nthreads()) == count)

    def kill_a_worker(self) -> None:
        worker = self._workers.pop()
        worker.kill()
        worker.wait()

    def close(self) -> None:
        for process in [*self._workers, self._scheduler]:
            process.kill()
            process.wait()

    @staticmethod
    def wait(condition: Callable[[], object]) -> None:
        """Wait until the condition holds."""
        end = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def _start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(self._file)]
        command += ["--host", "127.0.0.1", "--no-dashboard"]
        environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        with (self._folder / "log.txt").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self._folder)


@pytest.fixture(scope="session")
def scheduler(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(scheduler) -> Cluster:
    """The scheduler with two workers, whatever an earlier test did to them."""
    scheduler.have_workers(2)
    return scheduler


@pytest.fixture(scope="session")
def archive(phantoms, tmp_path_factory) -> Path:
    """202 films and one file that is not a film, in three folders."""
    root = tmp_path_factory.mktemp("archive")
    films = sorted(phantoms.parent.rglob("*.png"))
    for number in range(202):
        target = root / str(number % 3) / f"{number:03d}.png"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(films[number % len(films)], target)
    (root / "1" / "damaged.png").write_bytes(films[0].read_bytes()[:200])
    return root
