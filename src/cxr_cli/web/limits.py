"""Every limit of the page, in one table."""

import os
from dataclasses import dataclass

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})  # addresses that no other machine reaches
MIN_PASSWORD = 8  # characters


@dataclass(frozen=True)
class PageLimits:
    """How much the page takes and how long it waits. The first three are options of the command."""

    film_mb: int = 100  # of one film: one film of 4000 by 5000 pixels with 16 bits has 40 MB
    film_seconds: float = 20  # to read and predict one film, after which its process is ended
    processes: int = max(3, min(8, os.cpu_count() or 1))  # films at once; twice as many while some are slow
    slow_seconds: float = 4  # after which a film is slow, and another process takes the next one
    memory_mb: int = 2048  # of a process that predicts, on top of what it has at its start
    start_seconds: float = 120  # for a process to start, after which it is ended and another one started
    queue: int = 256  # films that arrive, wait for a process or are worked on; the next one is told to come later
    connections: int = 500  # open at once; of more, the oldest that never asked anything is closed first
    header_seconds: float = 10  # to send the head of a request
    keep_alive_seconds: int = 5  # between two requests of one connection
    body_seconds: float = 10  # to send a body, plus the time it takes at this rate:
    body_rate: int = 64 * 1024  # bytes per second
    body_bytes: int = 64 * 1024  # of any request but a film
    uploads_mb: int = 1024  # of all films that arrive or are worked on
    shown_pixels: int = 24_000_000  # of a film as it is sent to a viewer; a larger one is reduced
    shown_at_once: int = 8  # films that are sent to viewers; the next one waits for its turn
    stop_seconds: int = 1  # for replies that are under way when the server is told to stop
    login_hours: int = 12  # until the password is needed again
    logins_waiting: int = 16  # passwords to check; after a wrong one the next is checked a second later

    @property
    def film_bytes(self) -> int:
        """Bytes of one film."""
        return self.film_mb << 20

    @property
    def uploads_bytes(self) -> int:
        """Bytes of all films that arrive or are worked on."""
        return self.uploads_mb << 20
