"""Films that were uploaded: each in a file of its own, until it is predicted.

Gradio's own route names a file by its content. If two people dropped the same film, the first one's prediction would
remove the second one's film.
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cxr_cli.errors import CxrError, ImageError
from cxr_cli.web.limits import PageLimits


class Uploads:
    """The films that wait to be predicted. Used from the event loop alone.

    Args:
        root: an empty folder that nothing else uses.
        limits: how many films wait, and how long.
    """

    def __init__(self, root: Path, limits: PageLimits) -> None:
        self.root = root.resolve()
        self.limits = limits
        self._waiting: dict[str, int] = {}  # bytes of each film by its path, the oldest first
        self._arriving = 0  # bytes of films that are not complete

    async def counted(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Pass on the bytes of one upload, and remove the oldest waiting films when there are too many bytes.

        Raises:
            CxrError: the uploads that arrive at the same time have too many bytes without any that waits.
        """
        received = 0
        try:
            async for chunk in chunks:
                received += len(chunk)
                self._arriving += len(chunk)
                while self._arriving + sum(self._waiting.values()) > self.limits.uploads_bytes:
                    if not self._waiting:
                        raise CxrError("Too many films are being sent at the same time.", hint="Drop it again later")
                    self._remove(next(iter(self._waiting)))
                yield chunk
        finally:
            self._arriving -= received

    async def keep(self, data: BinaryIO) -> Path:
        """Write a film to disk, from where `data` stands.

        Returns:
            A path that nobody can guess.
        """
        path = self.root / secrets.token_hex(16)
        size = await asyncio.to_thread(_write, path, data)
        while len(self._waiting) >= self.limits.uploads_waiting:
            self._remove(next(iter(self._waiting)))
        self._waiting[str(path)] = size
        asyncio.get_running_loop().call_later(self.limits.forgotten_seconds, self._remove, str(path))
        return path

    @contextmanager
    def taken(self, path: str) -> Iterator[Path]:
        """Give the film at `path` for the length of the block, and delete it at the end in any case.

        Raises:
            ImageError: no such film was kept here.
        """
        if self._waiting.pop(path, None) is None:
            raise ImageError(
                "Expected a film. Received: none, or one that was uploaded too long ago.", hint="Drop it again"
            )
        try:
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)

    def _remove(self, path: str) -> None:
        """Remove a film that nobody asked about; one that is being predicted stays until that is done."""
        if self._waiting.pop(path, None) is not None:
            Path(path).unlink(missing_ok=True)


def _write(path: Path, data: BinaryIO) -> int:
    with path.open("xb") as file:
        shutil.copyfileobj(data, file)
        return file.tell()
