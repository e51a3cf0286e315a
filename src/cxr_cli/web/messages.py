"""What the server and a process that reads films say to each other: JSON, each message after its length."""

from dataclasses import dataclass

import msgspec

LENGTH = 4  # bytes before each message that say how long it is


@dataclass(frozen=True)
class WorkerSetup:
    """What a process needs to know when it starts."""

    workspace: str
    run: str | None
    alpha: float | None
    memory_mb: int
    seconds: float
    shown_pixels: int


@dataclass(frozen=True)
class FilmRequest:
    """A film to predict, or to prepare for a viewer.

    Args:
        path: where it is.
        name: its name, for messages.
        run: the run to predict it with. Defaults to the latest.
        pixels: where to write its pixels; empty to predict it.
    """

    path: str
    name: str
    run: str | None = None
    pixels: str = ""


class FilmReply(msgspec.Struct, frozen=True):
    """What came of it: JSON for the page; or why there is nothing, at the start of a process or for pixels."""

    answer: msgspec.Raw = msgspec.Raw(b"null")
    message: str = ""
    hint: str = ""


def framed(message: WorkerSetup | FilmRequest | FilmReply) -> bytes:
    """Write a message as it is sent."""
    data = msgspec.json.encode(message)
    return len(data).to_bytes(LENGTH) + data
