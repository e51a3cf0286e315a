"""Processes that read films for the page, so that a film can hang, or take all memory, without the page doing so.

A film is parsed in such a process only. One that takes too long or dies is replaced by a new one.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cxr_cli.errors import CxrError, ImageError, WorkspaceError
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.messages import LENGTH, FilmReply, FilmRequest, WorkerSetup, framed

T = TypeVar("T")
_LARGEST = 1 << 20  # bytes of a message: a reply has about 40,000


class FilmWorkers:
    """Processes that read films, and a queue before them.

    Args:
        workspace: the folder of the workspace.
        run: the run to open first. Defaults to the latest.
        alpha: show each film's prediction set too.
        limits: how many processes, and how much each film gets.
    """

    def __init__(self, workspace: Path, *, run: str | None, alpha: float | None, limits: PageLimits) -> None:
        self.limits = limits
        self._setup = WorkerSetup(
            str(workspace), run, alpha, limits.memory_mb, limits.film_seconds, limits.shown_pixels
        )
        self._processes: set[asyncio.subprocess.Process] = set()
        self._idle: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        self._slow = 0  # films that take long
        self._tasks: set[asyncio.Task[object]] = set()  # the event loop holds no task itself
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """Start the processes, and wait for the first one.

        Raises:
            WorkspaceError: it could not open the run.
        """
        reply = await asyncio.shield(self._in_background(self._start_one()))
        if reply.message:
            raise WorkspaceError(reply.message, hint=reply.hint)
        for _ in range(self.limits.processes - 1):
            self._in_background(self._start_one())

    async def stop(self) -> None:
        """End all processes, whatever they are doing."""
        self._stopped.set()
        for process in self._processes:
            _kill(process)
        # Not left to be cancelled: asyncio waits for ever for a process whose start was cancelled half way.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.limits.stop_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                for process in self._processes:
                    await process.wait()

    async def predict(self, path: Path, *, name: str, run: str | None) -> bytes:
        """Predict a film, once a process is free.

        Args:
            path: where it is.
            name: its name, for messages.
            run: the run's name. Defaults to the latest.

        Returns:
            JSON: a `FilmAnswer`.

        Raises:
            CxrError: the server is stopping, or the film took too long or too much.
        """
        return bytes((await self._reply(FilmRequest(str(path), name, run))).answer)

    async def write_pixels(self, path: Path, into: Path, *, name: str) -> None:
        """Write a film for a viewer, once a process is free.

        Args:
            path: where it is.
            into: a file to write; see `web.pixels`.
            name: its name, for messages.

        Raises:
            CxrError: the film can't be read, took too long or too much, or the server is stopping.
        """
        reply = await self._reply(FilmRequest(str(path), name, pixels=str(into)))
        if reply.message:
            raise ImageError(reply.message, hint=reply.hint)

    async def _reply(self, request: FilmRequest) -> FilmReply:
        while (process := await self._idle.get()).returncode is not None:  # it ended between two films
            self._replace(process)
        # Whoever asked may leave meanwhile; the process must be free again all the same.
        return await asyncio.shield(self._in_background(self._ask(process, request)))

    async def _ask(self, process: asyncio.subprocess.Process, request: FilmRequest) -> FilmReply:
        try:
            assert process.stdin
            process.stdin.write(framed(request))
            reply = await self._wait_for(self._in_background(_receive(process)))
        except TimeoutError as error:
            self._replace(process)
            raise ImageError(
                f"Expected a film that can be read and predicted within {self.limits.film_seconds:g} seconds. "
                f"Received: {request.name} takes longer.",
                hint="Ask whoever runs this page for more time: cxr serve --timeout SECONDS",
            ) from error
        except (asyncio.IncompleteReadError, OSError, msgspec.DecodeError) as error:
            self._replace(process)
            if self._stopped.is_set():
                raise CxrError("The page has been closed.") from error
            raise ImageError(
                f"Expected a film. Received: {request.name}, which is damaged so badly that the process that read it "
                "ended.",
                hint="Export the film again, for example as PNG",
            ) from error
        if len(self._processes) > self.limits.processes + self._slow:
            self._replace(process)
        else:
            self._idle.put_nowait(process)
        return reply

    async def _wait_for(self, reply: asyncio.Task[FilmReply]) -> FilmReply:
        """Wait for a reply as long as a film may take. If it is slow, let another process take the next film."""
        seconds = min(self.limits.slow_seconds, self.limits.film_seconds)
        await asyncio.wait({reply}, timeout=seconds)
        if reply.done():
            return reply.result()
        self._slow += 1
        if len(self._processes) < 2 * self.limits.processes:
            self._in_background(self._start_one())
        try:
            async with asyncio.timeout(self.limits.film_seconds - seconds):
                return await reply
        finally:
            self._slow -= 1

    def _replace(self, process: asyncio.subprocess.Process) -> None:
        """End a process, and start another one if there are too few then."""
        _kill(process)
        self._processes.discard(process)
        self._in_background(process.wait())
        if len(self._processes) < self.limits.processes:
            self._in_background(self._start_one())

    async def _start_one(self) -> FilmReply:
        """Start a process and wait until it is ready. If it can't be started, try again until the server is stopped."""
        while not self._stopped.is_set():
            process = None
            try:
                process = await _spawn()
                self._processes.add(process)
                if self._stopped.is_set():
                    _kill(process)
                assert process.stdin
                process.stdin.write(framed(self._setup))
                async with asyncio.timeout(self.limits.start_seconds):
                    reply = await _receive(process)
                self._idle.put_nowait(process)
                return reply
            except (TimeoutError, asyncio.IncompleteReadError, OSError):
                if process:
                    _kill(process)
                    self._processes.discard(process)
                    await process.wait()
                if not self._stopped.is_set():
                    await asyncio.sleep(1)
        return FilmReply(message="The page has been closed.")

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio reports the error of a film whose sender has left


async def _spawn() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        # -P: no module of the current folder is imported in place of one that is meant.
        *(sys.executable, "-P", "-m", "cxr_cli.web.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=_LARGEST,
        start_new_session=True,  # else Ctrl-C would reach it too
    )


async def _receive(process: asyncio.subprocess.Process) -> FilmReply:
    assert process.stdout
    length = int.from_bytes(await process.stdout.readexactly(LENGTH))
    return msgspec.json.decode(await process.stdout.readexactly(length), type=FilmReply)


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started to decode films
            else:
                process.kill()
