"""Training in a separate process: the memory that TensorFlow keeps, 0.1 GB per run and more, is freed with it."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from cxr_cli.errors import CxrError
from cxr_cli.progress import Watcher, note, watched_by, watcher
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.temporary import use_own_temporary_folder

if TYPE_CHECKING:
    from cxr_cli.training.make_run import Network

_RUNS = 5  # of a process, so that they share the seconds that loading TensorFlow takes


class TrainingProcess:
    """Trains one run after the other, each on a dataset of its own, in a process that is started when it is needed."""

    def __init__(self, caches: Workspace) -> None:
        """`caches` is the workspace whose cache all runs share."""
        self._caches = caches
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._runs = 0

    def __enter__(self) -> "TrainingProcess":
        """Start nothing yet."""
        return self

    def __exit__(self, *problem: object) -> None:
        """End the process, whatever it is doing."""
        self._end()

    @contextmanager
    def training(self, place: Workspace, options: TrainingOptions) -> Iterator[None]:
        """Train a run while the block does something else; one that was killed is resumed after its last checkpoint.

        Args:
            place: where the dataset is and the run goes.
            options: how to train.

        Raises:
            CxrError: after the block, as `make_run` does; or the process was killed.
        """
        if self._runs == _RUNS:
            self._end()
        if self._process is None:
            self._start()
        assert self._process
        assert self._connection
        self._runs += 1
        try:
            self._connection.send((place, options))
        except ConnectionError:
            raise _death(self._process) from None
        yield
        try:
            problem = self._connection.recv()
        except (EOFError, ConnectionError):
            raise _death(self._process) from None
        if problem:
            raise problem

    def _start(self) -> None:
        note("Loading TensorFlow")
        context = multiprocessing.get_context("spawn")  # TensorFlow's threads don't survive a fork
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(self._caches, watcher(), other))
        self._process.start()
        other.close()  # this process's copy, so that the death of the other is noticed
        self._runs = 0

    def _end(self) -> None:
        if self._process and self._connection:
            if self._process.is_alive():
                self._process.terminate()
            self._process.join()
            self._connection.close()
        self._process = self._connection = None


def _work(caches: Workspace, watcher: Watcher, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process handles it
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_own_temporary_folder()
    from cxr_cli.training.make_run import Network  # here, so that the other process never loads TensorFlow

    network = Network()
    while True:
        place, options = connection.recv()
        try:
            with watched_by(watcher):
                _train(place, options, caches, network)
        except CxrError as problem:
            connection.send(problem)
        else:
            connection.send(None)


def _train(place: Workspace, options: TrainingOptions, caches: Workspace, network: "Network") -> None:
    from cxr_cli.training.checkpoints import is_unfinished
    from cxr_cli.training.make_run import make_run
    from cxr_cli.training.plan import TrainingPlan

    name = options.arch
    with place.lock_run(name):
        resume = is_unfinished(place, name, options)
        make_run(place, TrainingPlan(options, name, resume=resume, cache=caches.cache), network)


def _leave(number: int, frame: Any) -> None:
    """End as after an error: progress bars and half-written files are removed."""
    sys.exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _death(process: SpawnProcess) -> Exception:
    process.join()
    exit_code = process.exitcode
    if exit_code is not None and exit_code < 0:
        return CxrError(
            f"Expected training to finish. Received: its process was killed by signal {-exit_code}.",
            hint="The usual cause is too little memory. The same command resumes this fold",
        )
    return RuntimeError("the training process failed; its traceback is above")
