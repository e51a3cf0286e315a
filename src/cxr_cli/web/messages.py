"""What the server and a process that predicts films say to each other: JSON, each message after its length."""

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


@dataclass(frozen=True)
class FilmRequest:
    """A film to predict."""

    path: str
    name: str
    run: str | None


@dataclass(frozen=True)
class FilmReply:
    """What the page shows for it, as HTML; or, at the start of a process, why there can be no predictions."""

    html: str = ""
    message: str = ""
    hint: str = ""


def framed(message: WorkerSetup | FilmRequest | FilmReply) -> bytes:
    """Write a message as it is sent."""
    data = msgspec.json.encode(message)
    return len(data).to_bytes(LENGTH) + data
