"""Read class folders: films with a label and a given part, and a reason for every file that is left out."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxr_cli.dataset.selection import Candidate, Exclusion, Selection
from cxr_cli.dataset.table import folded
from cxr_cli.errors import FolderError
from cxr_cli.films.find import is_film_file, walk_files
from cxr_cli.films.inside import report_outside
from cxr_cli.nearest import no_folder, path_meant
from cxr_cli.workspace.folders import PARTS

_PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_LONGEST_NAME = 255  # bytes; most file systems hold no longer one, and one class may be called non_NAME
_FILE_HINT = "Name the folder that holds the class folders: --folders DIR; or a metadata file: --metadata FILE"
_LAYOUT_HINT = "Expected are DIR/covid, DIR/normal; or DIR/train/covid, DIR/train/normal, DIR/val/covid and so on"


def select_from_folders(
    folder: Path,
    *,
    positive: str | None = None,
    patient_pattern: str | None = None,
    skip: Path | None = None,
    known: tuple[str, str] | None = None,
) -> Selection:
    """Read a folder of class folders, or of train, val and test with class folders in each.

    A class folder may have sub-folders. Any name will do, and case does not matter. Left out are hidden files, files
    that are no images by their suffix, and what lies in a folder of masks. Nothing is opened yet.

    Args:
        folder: of the class folders, or of the parts.
        positive: the class folder that is positive. Defaults to the one that is named for COVID. More than two class
            folders become this one against the rest.
        patient_pattern: a regular expression whose first group, or else whole match, is the patient in a file's name.
            Defaults to none: no film names its patient.
        skip: a folder to ignore.
        known: the negative and the positive class of a run that will predict the films. Then one class folder is
            enough, and the positive one has the name of the run's positive class; there is none if all folders are
            named as the run's negative class.
            Defaults to none.

    Returns:
        The files kept and left out, with the funnel and the parts that are given.

    Raises:
        FolderError: the folders can't be understood, not one of them is positive, or the pattern is wrong.
    """
    patient_of = _patient_reader(patient_pattern)
    if not folder.is_dir():
        raise FolderError(
            f"Expected a folder of class folders. Received: {no_folder(folder)}.",
            hint=path_meant(folder, _FILE_HINT if folder.is_file() else "Name it: --folders DIR"),
        )
    links: list[str] = []
    inside = [Path(path) for path in walk_files(folder, outside=links, hidden=True, skip=skip)]
    files = [
        _File(path, path.relative_to(folder).parts, patient_of(path.name), leads_out=number >= len(inside))
        for number, path in enumerate([*inside, *map(Path, links)])
    ]
    selection = Selection(negative="", positive="", rows=len(files))
    report_outside(folder, links)
    files = _apply(selection, files, "has the file name of an image", _File.no_image)
    files = _apply(selection, files, "is not in a folder of masks", _File.in_masks)
    parts = _part_folders(folder, files)
    files = [file.in_part(parts) for file in files]
    files = _apply(selection, files, "is in a class folder", lambda file: "" if file.kind else "not in a class folder")
    _check_layout(folder, files, fewest=1 if known else 2)
    selection.given_parts = [part for part in PARTS if part in parts.values()]

    names = _class_names(files)  # folded case -> as written
    counts = Counter(names[file.kind.casefold()] for file in files)
    selection.positive = _positive_of(counts, positive, known)
    others = [name for name in counts if name != selection.positive]
    selection.negative = others[0] if len(others) == 1 else f"non_{selection.positive}"
    if len(selection.negative.encode()) > _LONGEST_NAME:
        raise FolderError(
            f"Expected class folders with names of at most {_LONGEST_NAME} bytes. Received: {selection.negative}.",
            hint="Rename that folder",
        )
    selection.notes = _missing_classes(files, names, selection.given_parts)
    selection.kept = [
        Candidate(
            image=file.path,
            source=folder.resolve().name,
            filename="/".join(file.inside),
            label=selection.positive if names[file.kind.casefold()] == selection.positive else selection.negative,
            finding=file.kind,
            patient=file.patient,
            part=file.part,
        )
        for file in files
    ]
    if patient_pattern and not any(film.patient for film in selection.kept):
        raise FolderError(
            f"Expected a pattern that finds the patient in file names. Received: '{patient_pattern}', which "
            f"matches none of {len(files)}, for example not {files[0].path.name!r}.",
            hint=r"For names like 00000013_005.png: --patient-pattern '^(\d+)_'",
        )
    return selection


@dataclass(frozen=True)
class _File:
    path: Path
    inside: tuple[str, ...]  # the path from the folder that was named
    patient: str  # as its name has it; empty where that is not known
    part: str = ""
    kind: str = ""  # the class folder's name
    leads_out: bool = False  # a link to a file or folder that is not in the folder that was named

    def no_image(self) -> str:
        """Why the file is left out because of its name, or of where it leads."""
        if self.leads_out:
            return "a link that leads out of the folder"
        if any(name.startswith(".") for name in self.inside):
            return "hidden file or folder"
        if not is_film_file(str(self.path)):
            return "its suffix is not that of an image file"
        # The manifest could not hold it: a name in another encoding, for example from an old archive.
        return "" if _printable(str(self.path)) == str(self.path) else "file name is not UTF-8"

    def in_masks(self) -> str:
        """Why the file is left out as a mask: some collections keep images/ and masks/ in each class folder."""
        masks = [name for name in self.inside[:-1] if {"mask", "masks"} & set(re.split(r"[\W_]+", name.casefold()))]
        return f"in the folder {masks[0]}" if masks else ""

    def in_part(self, parts: dict[str, str]) -> "_File":
        """The same file with its part, of the folders in `parts`, and its class folder."""
        if not parts:
            return replace(self, kind=self.inside[0] if len(self.inside) > 1 else "")
        kind = self.inside[1] if len(self.inside) > 2 else ""
        return replace(self, part=parts.get(self.inside[0], ""), kind=kind)

    def excluded(self, reason: str) -> Exclusion:
        name, kind, patient = map(_printable, ("/".join(self.inside), self.kind, self.patient))
        return Exclusion("", None, filename=name, patient=patient, finding=kind, view="", modality="", reason=reason)


def _apply(selection: Selection, files: list[_File], rule: str, reason_of: Callable[[_File], str]) -> list[_File]:
    verdicts = [(file, reason_of(file)) for file in files]
    selection.reject(rule, [file.excluded(reason) for file, reason in verdicts if reason])
    return [file for file, reason in verdicts if not reason]


def _part_folders(folder: Path, files: Sequence[_File]) -> dict[str, str]:
    """Folder name -> part, of the folders with films in them; empty where no part is given."""
    tops = Counter(file.inside[0] for file in files if len(file.inside) > 1)
    parts = {name: _PART_NAMES[name.casefold()] for name in tops if name.casefold() in _PART_NAMES}
    others = {name: films for name, films in tops.items() if name not in parts}
    if parts and others:
        raise FolderError(
            f"Expected either class folders in {folder}, or parts of a split. Received: {_listed(parts)} beside "
            f"{_with_films(others)}.",
            hint=_LAYOUT_HINT,
        )
    for part in PARTS:
        same = [name for name, meant in parts.items() if meant == part]
        if len(same) > 1:
            raise FolderError(
                f"Expected one folder for {part} in {folder}. Received: {_listed(same)}.", hint="Leave one of them"
            )
    if parts and "train" not in parts.values():
        raise FolderError(
            f"Expected the part train in {folder}, from which missing parts are drawn. Received: {_listed(parts)}.",
            hint=_LAYOUT_HINT,
        )
    return parts


def _check_layout(folder: Path, files: Sequence[_File], *, fewest: int) -> None:
    train = [file for file in files if file.part in {"", "train"}]
    kinds = {file.kind.casefold(): file for file in train}
    where = folder / next((file.inside[0] for file in train if file.part), "")
    if not kinds:
        raise FolderError(
            f"Expected class folders with films in {where}. Received: no film in a folder of it.", hint=_LAYOUT_HINT
        )
    if len(kinds) < fewest:
        (file,) = kinds.values()
        films = Counter(file.kind for file in train)
        deeper = {other.inside[1] for other in train if len(other.inside) > 2}
        raise FolderError(
            f"Expected two or more class folders in {where}. Received: one, {_with_films(films)}.",
            hint=f"Are the classes in it? --folders {shlex.quote(str(folder / file.kind))}"
            if not file.part and len(deeper) > 1
            else _LAYOUT_HINT,
        )
    for file in files:
        inner = [name for name in file.inside[1:-1] if name.casefold() in _PART_NAMES]
        if not file.part and inner:
            raise FolderError(
                f"Expected the parts of a split above the class folders: {inner[0]}/{file.kind}. "
                f"Received: {file.kind}/{inner[0]} in {folder}.",
                hint=_LAYOUT_HINT,
            )
    for file in files:
        if file.kind.casefold() not in kinds:
            raise FolderError(
                f"Expected the class folders of train, {_listed(kind.kind for kind in kinds.values())}, in each part. "
                f"Received: {file.inside[0]}/{file.kind}.",
                hint="Give a class the same name in each part",
            )


def _class_names(files: Sequence[_File]) -> dict[str, str]:
    """Folded name -> the name, as train has it."""
    names: dict[str, str] = {}
    for file in sorted(files, key=lambda file: (file.part not in {"", "train"}, file.kind)):
        names.setdefault(file.kind.casefold(), file.kind)
    return names


def _missing_classes(files: Sequence[_File], names: dict[str, str], parts: Sequence[str]) -> list[str]:
    there = {(file.part, file.kind.casefold()) for file in files}
    return [
        f"The given {part} has no films of {name}."
        for part in parts
        for kind, name in names.items()
        if (part, kind) not in there
    ]


def _positive_of(counts: Counter[str], asked: str | None, known: tuple[str, str] | None) -> str:
    names = sorted(counts)
    if asked is None and known:
        negative, positive = known
        matching = [name for name in names if _same_name(name, positive)]
        if not matching and all(_same_name(name, negative) for name in names):
            return positive
        received = f"{_with_films(counts)}; the run's classes are {negative} and {positive}"
    elif asked is None:
        matching = [name for name in names if _names_covid(name)]
        wrong = f"{len(matching)} of them are" if matching else "none of them is"
        received = f"{_with_films(counts)}; {wrong} named for COVID"
    else:
        matching = [name for name in names if _same_name(name, asked)]
        matching = [name for name in matching if name == asked] or matching
        received = f"{asked!r}; the class folders are {_with_films(counts)}"
    if len(matching) != 1:
        raise FolderError(
            f"Expected the name of the positive class folder. Received: {received}.",
            hint="Say which: " + " or ".join(f"--positive {shlex.quote(name)}" for name in names),
        )
    return matching[0]


def _names_covid(name: str) -> bool:
    words = set(re.split(r"[\W_]+", name.casefold()))
    return bool(words & {"covid", "covid19"}) and not words & {"no", "non", "not", "without", "negative", "neg"}


def _same_name(name: str, asked: str) -> bool:
    # Nothing is left of a name in other letters than a to z.
    same = bool(folded(asked)) and folded(name) == folded(asked)
    return same or name.casefold() == asked.strip().casefold() or (_names_covid(asked) and _names_covid(name))


def _patient_reader(pattern: str | None) -> Callable[[str], str]:
    if pattern is None:
        return lambda name: ""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise FolderError(
            f"Expected a regular expression. Received: the patient pattern '{pattern}': {error}.",
            hint=r"For names like 00000013_005.png: --patient-pattern '^(\d+)_'",
        ) from error

    def patient_of(name: str) -> str:
        match = expression.search(name)
        return (match.group(1 if expression.groups else 0) or "") if match else ""

    return patient_of


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _with_films(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({films} film{'s' if films != 1 else ''})" for name, films in sorted(counts.items()))
