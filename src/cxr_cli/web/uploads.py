"""Films that were uploaded: each in a file of its own, until it is predicted.

Gradio's own route names a file by its content. If two people dropped the same film, the first one's prediction would
remove the second one's film.
"""

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cxr_cli.errors import ImageError

_FORGOTTEN = 600  # seconds, after which no prediction will be requested


class Uploads:
    """The films that wait to be predicted.

    Args:
        root: an empty folder that nothing else uses.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def keep(self, data: BinaryIO) -> Path:
        """Write a film to disk, from where `data` stands.

        Returns:
            A path that nobody can guess.
        """
        self._sweep()
        path = self.root / secrets.token_hex(16)
        with path.open("xb") as file:
            shutil.copyfileobj(data, file)
        return path

    @contextmanager
    def taken(self, path: Path) -> Iterator[Path]:
        """Give the film at `path` for the length of the block, and delete it at the end in any case.

        Raises:
            ImageError: no such film was kept here.
        """
        if path.parent != self.root or not path.is_file():
            raise ImageError(
                "Expected a film. Received: none, or one that was uploaded too long ago.", hint="Drop it again"
            )
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove films whose page was closed before it asked for the prediction."""
        for path in self.root.iterdir():
            try:
                if time.time() - path.stat().st_mtime > _FORGOTTEN:
                    path.unlink()
            except FileNotFoundError:  # predicted just now
                continue
