"""Run partitions on a cluster: a limited number at a time, each result as it comes, and clear errors."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from cxr_cli.errors import ClusterError, CxrError, ImageError
from cxr_cli.progress import note

if TYPE_CHECKING:
    from distributed import Client, as_completed

P = TypeVar("P")
R = TypeVar("R")
AGAIN = "Then run the same command again: what is done is kept"
# Enough for a thousand cores; few enough that the client's memory doesn't grow with the archive.
_IN_FLIGHT = 1000
_WORKER_SECONDS = 60  # without any worker: one may be late, but nobody should wait forever
_ASK_SECONDS = 5
_POLL_SECONDS = 0.05


def films_a_partition(films: int) -> int:
    """The number of films in a partition: small enough that all cores have work until the end."""
    # 500 films are 5 to 60 s of work, and ten million films make 20,000 parts, which any file system holds.
    return 500 if films >= 100_000 else 100 if films >= 5_000 else 20


def run_partitions(
    client: "Client",
    task: Callable[[P], R],
    partitions: Iterable[P],
    *,
    piecewise: Callable[[P, "OneByOne"], R],
) -> Iterator[R]:
    """Run partitions. If a worker dies, its partition goes to another, as often as the scheduler allows (default: 3).

    A partition on which one worker after another died is done by `piecewise`, after all others.

    Args:
        client: see `connected`.
        task: a function of a module, or a `partial` of one, which the workers import. It returns no tuple and no
            exception.
        partitions: the arguments of `task`, taken as workers become free.
        piecewise: makes the result of a partition from the results of its films, as `OneByOne` gives them.

    Returns:
        The results, as they come.

    Raises:
        ClusterError: the scheduler or the workers are gone, or lack cxr.
        CxrError: raised by a task.
    """
    from distributed import KilledWorker

    _check_workers(client)
    deadly: list[P] = []
    for partition, result in _completed(client, task, partitions):
        if isinstance(result, KilledWorker):
            deadly.append(partition)
        else:
            yield result
    if deadly:
        note("One worker after another died. The films that they had are tried one by one")
    for partition in deadly:
        yield piecewise(partition, OneByOne(client))


@dataclass(frozen=True)
class OneByOne:
    """Runs a task for one film at a time: Dask blames all that a dead worker had, also what was only waiting there."""

    client: "Client"

    def __call__(self, task: Callable[[Path], R], films: Iterable[Path]) -> Iterator[R | None]:
        """The results in the order of the films; None for a film on which one worker after another died."""
        from distributed import KilledWorker

        for film in films:
            ((_, result),) = _completed(self.client, task, [film])
            yield None if isinstance(result, KilledWorker) else result


def died_on(film: Path) -> ImageError:
    """The error of a film on which one worker after another died."""
    return ImageError(f"Expected a film. Received: {film}, on which one worker of the cluster after another died.")


def _completed(client: "Client", task: Callable[[P], R], partitions: Iterable[P]) -> Iterator[tuple[P, Any]]:
    """Each partition with its result, or with `KilledWorker`."""
    from distributed import KilledWorker, as_completed

    waiting = iter(partitions)
    running: dict[str, P] = {}
    done = as_completed(loop=client.loop, with_results=True, raise_errors=False)

    def submit(count: int) -> None:
        for partition in islice(waiting, count):
            # A key of its own: no task of another client is joined, and no arguments are hashed.
            future = client.submit(task, partition, key=f"cxr-{uuid4().hex}", pure=False)
            running[future.key] = partition
            done.add(future)

    submit(_IN_FLIGHT)
    while running:
        batch = _next_batch(client, done)
        for future, result in batch:
            partition = running.pop(future.key)
            error = result[1] if isinstance(result, tuple) else result
            if isinstance(error, BaseException) and not isinstance(error, KilledWorker):
                _raise(error)
            yield partition, error
        submit(len(batch))


@lru_cache
def require_version(expected: str) -> None:
    """Check, on a worker, that it has the same version of cxr as the client: it may have joined late.

    Raises:
        ClusterError: it has another version.
    """
    if installed_version() != expected:
        raise _other_version(socket.gethostname(), installed_version(), expected)


def require_shared(path: Path) -> None:
    """Check, on a worker, that it sees a file of the client.

    Raises:
        ClusterError: the worker does not see the file.
    """
    if not path.exists():
        raise ClusterError(
            f"Expected {path} on each worker. Received: no such file on {socket.gethostname()}.",
            hint="Keep films, workspace and output on a file system that all machines have at the same path",
        )


def installed_version() -> str:
    """The version of cxr here, on a worker or the client."""
    return version("cxr-cli")


def _check_workers(client: "Client") -> None:
    """Check the workers that are connected: one that can't load cxr would only fail at its first task."""
    expected = installed_version()
    for worker, installed in client.run(version, "cxr-cli", on_error="return").items():
        if installed != expected:
            raise _other_version(worker, str(installed), expected)


def _other_version(worker: str, installed: str, expected: str) -> ClusterError:
    return ClusterError(
        f"Expected cxr-cli {expected} on each worker. Received: {installed} on {worker}.",
        hint=f'Install it there, and with the scheduler: pip install "cxr-cli[cluster]=={expected}"',
    )


def _next_batch(client: "Client", done: "as_completed") -> list[tuple[Any, Any]]:
    """Yield results as they are ready; wait for them as long as there are workers."""
    seen = asked = time.monotonic()
    while not done.has_ready():
        time.sleep(_POLL_SECONDS)
        if time.monotonic() - asked < _ASK_SECONDS:
            continue
        try:
            present = bool(client.nthreads())
        except OSError:
            present = True  # The scheduler is gone. Dask looks for it for a while, and then reports every task.
        asked = time.monotonic()
        if present:
            seen = asked
        elif asked - seen > _WORKER_SECONDS:
            raise ClusterError(
                f"Expected workers at {client.scheduler.address}. Received: none for {_WORKER_SECONDS} seconds.",
                hint=f"Start some, with the same cxr-cli: dask worker {client.scheduler.address}. {AGAIN}",
            )
    return list(done.next_batch(block=False))


def _raise(error: BaseException) -> None:
    if isinstance(error, CancelledError):
        reason = str(error).splitlines()[0].rpartition("reason: ")[2]
        raise ClusterError(
            f"Expected the scheduler to run until the end. Received: {reason}",
            hint=f"Start the scheduler and its workers. {AGAIN}",
        ) from error
    if isinstance(error, ImportError):
        raise ClusterError(
            f"Expected cxr-cli with its extra on each worker. Received: {error}.",
            hint=f'Install it there: pip install "cxr-cli[cluster]=={installed_version()}"',
        ) from error
    if not isinstance(error, CxrError) and "deserialization" in str(error):
        raise ClusterError(
            f"Expected cxr-cli {installed_version()} beside the scheduler. Received: it can't load cxr's tasks.",
            hint=f'Install it there: pip install "cxr-cli[cluster]=={installed_version()}"',
        ) from error
    raise error
