"""What a node takes from senders, and how those who send too much, too slowly or nonsense are cut off."""

import socket
import threading
import time
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import NoReturn

from cxr_cli.films.limits import BYTES
from cxr_cli.progress import note

LONGEST_PDU = 2**20  # bytes that are taken from a sender at once


@dataclass(frozen=True)
class Limits:
    """What a node accepts.

    Attributes:
        callers: AE titles that may send. Empty: all.
        idle_seconds: without a byte, after which a sender is cut off.
        film_seconds: in which a film has to arrive.
    """

    callers: Collection[str] = ()
    idle_seconds: float = 30
    film_seconds: float = 300


class Received:
    """What one sender has sent: reads its bytes as long as they are few and come soon enough."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._connection, self._limits, self._context = connection, limits, copy_context()
        self._over = False
        connection.settimeout(limits.idle_seconds)
        self.begin()

    def begin(self) -> None:
        """Begin to count the next film."""
        self._bytes, self._since = 0, time.monotonic()

    def read(self, size: int) -> bytearray:
        """Read `size` bytes, or fewer if the sender is gone.

        Raises:
            OSError: too many, or too slowly. pynetdicom then closes the connection.
        """
        self._bytes += size
        if size > LONGEST_PDU:
            self._cut_off("a message too long to be of DICOM")
        if self._bytes > BYTES.value + LONGEST_PDU:
            self._cut_off(f"a film of more than {BYTES}")
        data = bytearray()
        while len(data) < size:
            piece = self._connection.recv(min(size - len(data), 2**16))
            if not piece:
                break
            data += piece
            if time.monotonic() - self._since > self._limits.film_seconds:
                self._cut_off(f"a film that took more than {self._limits.film_seconds} s to arrive")
        return data

    def close(self) -> None:
        """Close the connection, which pynetdicom leaves open if the sender closed it first."""
        self._connection.close()

    def _cut_off(self, why: str) -> NoReturn:
        if not self._over:
            self._over = True
            self._context.copy().run(note, f"A sender was cut off: {why}.")
        raise OSError(why)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Say in a sentence that pynetdicom gave a sender up: a thread of it fails on what isn't DICOM."""
    before, context = threading.excepthook, copy_context()

    def failed(arguments: threading.ExceptHookArgs) -> None:
        where = arguments.exc_traceback
        modules = {frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(where)}
        if any(module.startswith("pynetdicom.") for module in modules):
            context.copy().run(note, "A sender was cut off: it did not speak DICOM.")
        else:
            before(arguments)

    threading.excepthook = failed
    try:
        yield
    finally:
        threading.excepthook = before
