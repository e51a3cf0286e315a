"""Films that were sent to the page: each in a file of its own, until its reply is made."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cxr_cli.errors import CxrError
from cxr_cli.web.limits import PageLimits

_LATER = "Drop it again later"


class Uploads:
    """The films that arrive or are worked on. Used from the event loop alone.

    Args:
        root: an empty folder that nothing else uses.
        limits: how many films there are at once, and how many bytes.
    """

    def __init__(self, root: Path, limits: PageLimits) -> None:
        self.root = root.resolve()
        self.limits = limits
        self._films = 0
        self._bytes = 0

    @asynccontextmanager
    async def received(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[Path]:
        """Write a film to a file as it arrives, and remove that at the end of the block in any case.

        Args:
            chunks: the film's bytes.

        Raises:
            CxrError: too many films, or bytes of films, are here already.
        """
        if self._films >= self.limits.queue:
            raise CxrError("Too many films are waiting to be predicted.", hint=_LATER)
        path, size = self.root / secrets.token_hex(16), 0
        self._films += 1
        try:
            with path.open("xb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    self._bytes += len(chunk)
                    if self._bytes > self.limits.uploads_bytes:
                        raise CxrError("Too many films are being sent at the same time.", hint=_LATER)
                    await asyncio.to_thread(file.write, chunk)
            yield path
        finally:
            self._films -= 1
            self._bytes -= size
            path.unlink(missing_ok=True)
