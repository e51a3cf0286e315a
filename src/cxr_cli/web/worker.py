"""A process that reads films for the page: requests in through stdin, replies out through stdout.

It ends when stdin does, which is when the server does. A film that takes too long ends it, also without the server.
"""

import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
from threadpoolctl import threadpool_limits

from cxr_cli.errors import CxrError, ImageError
from cxr_cli.web.answers import FilmAnswer, Problem
from cxr_cli.web.messages import LENGTH, FilmReply, FilmRequest, WorkerSetup, framed
from cxr_cli.web.pixels import write_for_viewer
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.workspace.layout import Workspace

T = TypeVar("T")


def read_until_closed() -> None:
    """Predict the films that are named on stdin, or write their pixels, until it is closed."""
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no reply
    setup = _read(requests, WorkerSetup)
    if setup is None:
        return
    threadpool_limits(1, user_api="blas")  # other films have the other cores
    predictors = RunPredictors(Workspace(Path(setup.workspace)), alpha=setup.alpha)
    _send(replies, _opened(predictors, setup.run))
    _limit_memory(setup.memory_mb)
    while request := _read(requests, FilmRequest):
        # The server ends a process that takes too long; this is for one whose server was killed meanwhile.
        _end_after(setup.seconds * 2)
        reply = reply_to(request, predictors, shown_pixels=setup.shown_pixels)
        _end_after(0)
        _send(replies, reply)


def reply_to(request: FilmRequest, predictors: RunPredictors, *, shown_pixels: int) -> FilmReply:
    """Predict a film, or write its pixels; an error is part of the reply."""
    path = Path(request.path)
    try:
        if request.pixels:
            write_for_viewer(path, Path(request.pixels), name=request.name, at_most=shown_pixels)
            return FilmReply()
        answer = predictors.predict(path, name=request.name, run=request.run)
        return FilmReply(msgspec.Raw(msgspec.json.encode(answer)))
    except CxrError as error:
        problem = Problem.of(error, predictors.workspace)
    except MemoryError:
        problem = Problem.of(
            ImageError(
                f"Expected a film that fits in memory. Received: {request.name} does not.",
                hint="Export the film with fewer pixels or frames",
            )
        )
    if request.pixels:
        return FilmReply(message=problem.message, hint=problem.hint)
    return FilmReply(msgspec.Raw(msgspec.json.encode(FilmAnswer(error=problem))))


def _opened(predictors: RunPredictors, run: str | None) -> FilmReply:
    try:
        predictors.prepare(run)
    except CxrError as problem:
        return FilmReply(message=problem.message, hint=problem.hint or "")
    return FilmReply()


def _limit_memory(memory_mb: int) -> None:
    """Limit how much memory the process can take on top of what it has, where the system has such limits."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (memory_mb << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # else a crash could write the film to disk


def _end_after(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # SIGALRM ends the process, whatever it is doing
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _read(stream: BinaryIO, kind: type[T]) -> T | None:
    length = stream.read(LENGTH)
    return msgspec.json.decode(stream.read(int.from_bytes(length)), type=kind) if length else None


def _send(stream: BinaryIO, reply: FilmReply) -> None:
    stream.write(framed(reply))
    stream.flush()


if __name__ == "__main__":
    read_until_closed()
