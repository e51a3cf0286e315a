"""The other side of `films.apart`: a process that decodes films, one after the other, within limits."""

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.errors import ImageError
from cxr_cli.films.dicom import decode_dicom, is_dicom
from cxr_cli.films.limits import MEMORY, SECONDS
from cxr_cli.films.pictures import decode_picture


def serve() -> None:
    """Answer requests, one a line, until there are no more. Each answer is a line, and the pixels of the film."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may come between
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process ends this one
    for line in sys.stdin.buffer:
        answer, film = _answer(json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(b"" if film is None else np.ascontiguousarray(film).data)
        answers.flush()


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray | None]:
    os.environ.update({name: str(value) for name, value in request["limits"].items()})
    if request["folder"]:
        os.chdir(request["folder"])
    path = Path(request["path"])
    _limit_memory(MEMORY.value)
    _limit_time(SECONDS.value)
    try:
        film = _decode(path, request["frame"], request["at_least"])
    except ImageError as error:
        return {"error": error.message, "hint": error.hint}, None
    except Exception:  # noqa: BLE001 - a bug, whose traceback is for the other process
        return {"bug": traceback.format_exc()}, None
    finally:
        _limit_time(0)
    return {"shape": film.shape, "bytes": film.nbytes}, film


def _decode(path: Path, frame: int | None, at_least: int | None) -> np.ndarray:
    with path.open("rb") as stream:
        head = stream.read(132)
    if is_dicom(head):
        return decode_dicom(path, frame)
    return decode_picture(path, frame=frame, at_least=at_least, slow=True)


def _limit_time(seconds: int) -> None:
    """Let the system end this process once it has used this much processor time, in seconds; 0 for no limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        return
    import faulthandler  # Windows has no such timer, but this one, of elapsed time

    faulthandler.cancel_dump_traceback_later()
    if seconds:
        faulthandler.dump_traceback_later(seconds, exit=True)


def _limit_memory(size: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # not on Windows; macOS doesn't heed it
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))
