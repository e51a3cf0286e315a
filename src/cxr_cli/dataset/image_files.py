"""The image files that rows of metadata name: where they are, which are left alone, and which are named twice."""

import os
import stat
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cxr_cli.films.inside import Inside

OUTSIDE = "image file is outside the given folder"


class ImageFile(NamedTuple):
    """The image file of a row."""

    path: str
    identity: tuple[int, int]  # device and inode
    problem: str  # why there is none; empty where there is one


NO_IMAGE = ImageFile("", (0, 0), "no image file")
_NOT_INSIDE = ImageFile("", (0, 0), OUTSIDE)


class ImageFinder:
    """Finds image files below a folder, and looks for each sub-folder once, not for each row.

    Args:
        home: the folder.
        inside: the folders outside of which nothing is read.
    """

    def __init__(self, home: Path, inside: Inside) -> None:
        self._home = home
        self._inside = inside
        self._places = cache(self._places_for)

    def __call__(self, folder: str, name: str) -> ImageFile:
        """The file `name` in `folder` below home, or else in home or its folder `images`.

        Either kind of slash separates folders. Letters with accents are the same composed and decomposed: macOS writes
        them in the other way than most.
        """
        folder, name = folder.replace("\\", "/"), name.replace("\\", "/").rstrip("/")
        found = self._find(folder, name) if name else NO_IMAGE
        if found is NO_IMAGE and not (folder + name).isascii():
            for form in ("NFC", "NFD"):
                found = self._find(unicodedata.normalize(form, folder), unicodedata.normalize(form, name))
                if found is not NO_IMAGE:
                    break
        return found

    def _find(self, folder: str, name: str) -> ImageFile:
        found = NO_IMAGE
        for place, place_inside in self._places(folder):
            path = os.path.join(place, name)  # noqa: PTH118 - a tenth of what Path takes, for each of a million rows
            try:
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode) or "/" in name or not place_inside:
                    if not self._inside.has(path):
                        found = _NOT_INSIDE
                        continue
                    status = os.stat(path)  # noqa: PTH116
            except (OSError, ValueError):  # a name too long: a quote that was closed too late, for example
                continue
            if stat.S_ISREG(status.st_mode):
                return ImageFile(path, (status.st_dev, status.st_ino), "")
        return found

    def _places_for(self, folder: str) -> list[tuple[str, bool]]:
        places = dict.fromkeys((self._home / folder, self._home, self._home / "images"))
        return [(str(place), self._inside.has(str(place))) for place in places if place == self._home or _is_dir(place)]


class Mentions:
    """Recognizes rows whose image file an earlier row names, and what they contradict."""

    def __init__(self) -> None:
        self._images: dict[tuple[int, int], list[tuple[str, str, str]]] = {}  # path, row and label of each name
        self.contradicted: dict[str, str] = {}  # a row -> why it is left out, as a later one has another label

    def seen_before(self, image: ImageFile, where: str, label: str) -> str:
        """Why a row is left out: an earlier one has its file. Two hard links are two files: their paths differ."""
        names = self._images.setdefault(image.identity, [])
        real = os.path.realpath(image.path) if names else ""
        for path, first, its_label in names:
            if os.path.realpath(path) == real:
                if its_label == label:
                    return f"same image file as {first}"
                self.contradicted.setdefault(first, f"same image file as {where}, which has another class")
                return f"same image file as {first}, which has another class"
        names.append((image.path, where, label))
        return ""


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
