"""HTTP connections that can't be held open for nothing: uvicorn has no time limit for the head of a request."""

import asyncio
import socket
from typing import Any, ClassVar

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from cxr_cli.web.limits import PageLimits
from cxr_cli.web.workers import FilmWorkers


def limited_connections(limits: PageLimits) -> type[asyncio.Protocol]:
    """Make the class that serves a connection within `limits`."""

    class LimitedConnection(H11Protocol):
        _until_asked: asyncio.TimerHandle | None = None
        _opened: ClassVar[dict["LimitedConnection", None]] = {}  # the oldest first; uvicorn's own set has no order

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio does so only for sockets that it opened: else the body of an answer waits 40 ms behind its head.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wait_for_head()
            self._opened[self] = None
            if len(self._opened) > limits.connections:
                # Rather one that has never asked anything than one that a browser keeps for its next request.
                idle = [other for other in self._opened if not other.asks()]
                oldest = next((other for other in idle if other.cycle is None), idle[0])
                del self._opened[oldest]
                oldest.transport.abort()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.asks() or self.transport.is_closing():
                self._stop_waiting()
            else:
                self._wait_for_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._opened.pop(self, None)
            super().connection_lost(exc)

        def asks(self) -> bool:
            """Whether the head of a request is complete and its response is not."""
            return self.cycle is not None and not self.cycle.response_complete

        def _wait_for_head(self) -> None:
            if self._until_asked is None:
                self._until_asked = self.loop.call_later(limits.header_seconds, self.transport.abort)

        def _stop_waiting(self) -> None:
            if self._until_asked is not None:
                self._until_asked.cancel()
                self._until_asked = None

    return LimitedConnection


class PageServer(Server):
    """Stops the processes that predict before it waits for replies: one that hangs would never come."""

    def __init__(self, config: Config, workers: FilmWorkers) -> None:
        super().__init__(config)
        self._workers = workers

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop, within the time of the configuration."""
        await self._workers.stop()
        await super().shutdown(sockets)
