"""The one rule for links and paths: from a folder that is given, nothing is read that doesn't really lie in it.

The given folder itself may be a link, and links in it may lead anywhere within it. A link or path that leads out is not
followed, and is reported: an archive from elsewhere could hold one to any file of this computer.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cxr_cli.progress import note


class Inside:
    """Whether files lie in one of some folders, all links resolved."""

    def __init__(self, folders: Iterable[str | Path]) -> None:
        self._roots = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)  # noqa: PTH118

    def has(self, path: str) -> bool:
        """Whether `path` leads to one of the folders, or to something in it; False where that can't be known."""
        try:
            return os.path.join(os.path.realpath(path), "").startswith(self._roots)  # noqa: PTH118
        except (OSError, ValueError):
            return False


def report_outside(folder: str | Path, links: Sequence[str]) -> None:
    """Tell the watcher which links in a folder were not followed; nothing if there are none."""
    if links:
        note(f"{_counted(len(links))} out of {folder}, not followed: {links[0]}{' …' * (len(links) > 1)}")


def _counted(links: int) -> str:
    return "1 link leads" if links == 1 else f"{links} links lead"
