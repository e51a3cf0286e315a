"""Decode films in processes of their own, which can be stopped.

Decoders of compressed DICOM and of JPEG 2000 are large C programs, and some files keep them busy for ever, take all the
memory, or crash them. Here that costs the file, and not the program. A process is started when the first such film
comes, and is used again for the next; each thread that reads at the same time has its own.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from cxr_cli.errors import ImageError
from cxr_cli.films.limits import LIMITS, MEMORY, SECONDS

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from cxr_cli.films.worker import serve; serve()"


class _Worker:
    """A process that decodes one film after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Have one film decoded: the answer, and its pixels.

        Raises:
            EOFError: the process has ended.
        """
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except BrokenPipeError as error:
            raise EOFError from error
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        answer = json.loads(line)
        pixels = self._answers.read(answer.get("bytes", 0))
        if len(pixels) < answer.get("bytes", 0):
            raise EOFError
        return answer, pixels

    def end(self, *, at_once: bool = False) -> int:
        """Stop the process; return how it ended."""
        if at_once:
            self._process.kill()
        with suppress(OSError):  # what wasn't sent
            self._requests.close()  # then it ends by itself
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        return self._process.returncode


_idle: list[_Worker] = []


def decode_apart(path: Path, *, frame: int | None, at_least: int | None) -> np.ndarray:
    """Decode one film in another process.

    Args:
        path: an image file.
        frame: as for `decode_dicom`.
        at_least: as for `decode_picture`.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: the file can't be decoded, or not within the limits on time and memory.
    """
    request = {
        "path": str(path),
        "folder": str(Path.cwd()) if not path.is_absolute() else "",
        "frame": frame,
        "at_least": at_least,
        "limits": {limit.variable: limit.value for limit in LIMITS},
    }
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    try:
        answer, pixels = worker.ask(request)
    except EOFError:
        raise _why_ended(path, worker.end()) from None
    except BaseException:  # Ctrl+C: what it answers now would be taken for the next film
        worker.end(at_once=True)
        raise
    if "bug" in answer:
        worker.end()
        raise RuntimeError(f"The process that decodes films failed:\n{answer['bug']}")
    _idle.append(worker)
    if "error" in answer:
        raise ImageError(answer["error"], hint=answer["hint"])
    return np.frombuffer(pixels, np.uint8).reshape(answer["shape"])


def _why_ended(path: Path, code: int) -> ImageError:
    if code == -getattr(signal, "SIGPROF", 0):
        return ImageError(f"Expected a film that is decoded in {SECONDS}. Received: {path}.", hint=SECONDS.hint)
    return ImageError(
        f"Expected a film. Received: {path} makes its decoder fail (exit code {code}).",
        hint=f"It is damaged, or needs more than {MEMORY}. Export it again, as PNG",
    )


def _end_all() -> None:
    while _idle:
        _idle.pop().end()


atexit.register(_end_all)


if hasattr(os, "register_at_fork"):  # a child must not talk to the processes of its parent
    os.register_at_fork(after_in_child=_idle.clear)
