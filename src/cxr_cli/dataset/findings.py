"""The findings of DICOM films, from a CSV file that names films by UID, accession number or file name."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxr_cli.dataset.csv_file import open_csv
from cxr_cli.dataset.headers import FilmHeader
from cxr_cli.dataset.table import folded, refuse_twins
from cxr_cli.errors import MetadataError

_FINDING = ("finding", "findings", "diagnosis", "label")
# What names a film, and the folded names of its column. The first that a file has is used.
_KEYS = {
    "SOP Instance UID": ("sopinstanceuid", "sopuid", "instanceuid", "imageuid", "uid"),
    "accession number": ("accessionnumber", "accession", "accessionno"),
    "file name": ("filename", "file", "path", "filepath", "image", "imagename", "imagefile"),
}
_HINT = (
    "Its columns are finding and one of SOPInstanceUID, AccessionNumber and filename: "
    "cxr prepare --dicom DIR --findings FILE"
)


@dataclass(frozen=True)
class Findings:
    """The findings of a table, by what names a film in it. The keys may identify patients: none is ever written."""

    by: str  # a name of `_KEYS`
    findings: dict[str, list[str]]  # key -> its different findings
    rows: Counter[str]  # key -> rows; an empty one of rows that name no film
    notes: list[str]  # what to know about how the table was read, in sentences

    def match(self, films: Sequence[FilmHeader], folder: Path) -> "Matched":
        """Look up the findings of films that lie below `folder`."""
        names = _Names(films, folder) if self.by == "file name" else None
        keys = [
            names.key(film, self.findings) if names else film.uid if self.by == "SOP Instance UID" else film.accession
            for film in films
        ]
        found = {key for key in keys if key in self.findings}
        return Matched(
            findings=[self.findings.get(key, []) for key in keys],
            repeated=[bool(names and names.repeated(film, self.findings)) for film in films],
            unused=sum(rows for key, rows in self.rows.items() if key not in found),
        )


@dataclass(frozen=True)
class Matched:
    """What a table says of films."""

    findings: list[list[str]]  # of each film: none, one, or several that contradict each other
    repeated: list[bool]  # of each film: only its bare name is in the table, and other films have that name too
    unused: int  # rows of the table that fit no film


def read_findings(path: Path) -> Findings:
    """Read a table of findings.

    Args:
        path: a CSV file with a column `finding`, and one that names films: by SOPInstanceUID, AccessionNumber, or file
            name (a path from the folder of the films; the bare name will do if it is there once). Columns are known by
            name, whatever the case and spacing.

    Raises:
        MetadataError: the file can't be read, or lacks a column.
    """
    known = {*_FINDING, *(name for names in _KEYS.values() for name in names)}
    file = open_csv(path, known=lambda header: len(known & set(map(folded, header))), hint=_HINT)
    names = [folded(column) for column in file.header]
    finding = next((names.index(name) for name in _FINDING if name in names), None)
    by, key = next(((by, names.index(name)) for by, same in _KEYS.items() for name in same if name in names), ("", 0))
    if finding is None or not by:
        lacking = " and ".join(["finding"] * (finding is None) + ["one that names films"] * (not by))
        # The names are not shown: in a file without a header, they are the first patient's.
        raise MetadataError(
            f"Expected a column finding, and one of SOPInstanceUID, AccessionNumber and filename, in {path}. "
            f"Received: {len(names)} columns, without {lacking}.",
            hint=_HINT,
        )
    refuse_twins(path, file.header, {"finding": finding, by: key})
    findings: dict[str, list[str]] = {}
    rows: Counter[str] = Counter()
    for name, text in file.rows([key, finding]):
        film = _path(name) if by == "file name" else name
        rows[film] += 1
        if film and text not in findings.setdefault(film, []):
            findings[film].append(text)
    notes = [note.replace(str(path), "The file of findings") for note in file.notes]  # its path may name people
    return Findings(by, findings, rows, notes)


class _Names:
    """The names that a table may give each of some films."""

    def __init__(self, films: Iterable[FilmHeader], folder: Path) -> None:
        self._folder = folder
        self._films = Counter(name for film in films for name in {film.path.name, film.path.stem})

    def key(self, film: FilmHeader, known: dict[str, list[str]]) -> str:
        """The first of the film's names that is in the table: its path, or its bare name if no other film has it."""
        inside = PurePosixPath(film.path.relative_to(self._folder).as_posix())
        paths = [str(inside), str(inside.with_suffix("")), film.path.as_posix()]
        bare = [name for name in (inside.name, inside.stem) if self._films[name] == 1]
        return next((name for name in (*paths, *bare) if name in known), str(inside))

    def repeated(self, film: FilmHeader, known: dict[str, list[str]]) -> bool:
        """Whether the table has the film's bare name, and another film has it too."""
        return any(self._films[name] > 1 and name in known for name in (film.path.name, film.path.stem))


def _path(text: str) -> str:
    return text.replace("\\", "/").removeprefix("./")
