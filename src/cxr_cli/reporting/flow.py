"""The flow of films from the metadata to the test, as a picture: STARD 2015 (Bossuyt et al., BMJ 351:h5527)."""

import textwrap
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.films.figures import PAGE, new_chart, save_figure
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.workspace.folders import PARTS

_WIDTH = PAGE
_SIZE = 8  # points of the text
_LINE, _PAD, _GAP = 0.15, 0.1, 0.28  # inches: a line of text, the space around it, and between two boxes
_CHARACTERS = 0.071  # inches that a character takes on average, with some room
_EDGE, _FILL, _SIDE_FILL = "#444444", "#eef4f9", "#f6f6f6"


@dataclass(frozen=True)
class _Box:
    """A box of the picture, in inches from the upper left corner."""

    left: float
    top: float
    width: float
    lines: list[str]

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def draw_flow(path: Path, material: ReportMaterial) -> None:
    """Draw which films were left out and why, how the others were divided, and how those of the test were called.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        material: of the run.
    """
    spine, sides, parts, results = _boxes(material)
    height = max(box.bottom for box in [*results, *parts]) + 0.1
    figure, axes = new_chart(_WIDTH, height)
    figure.set_layout_engine("none")
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0), position=(0, 0, 1, 1))
    axes.axis("off")
    for box in [*spine, *parts, *results]:
        _draw(axes, box, _FILL)
    for box in sides:
        _draw(axes, box, _SIDE_FILL)
    for above, below in pairwise(spine):
        _arrow(axes, (above.middle, above.bottom), (below.middle, below.top))
    for above, below, side in zip(spine, spine[1:], sides, strict=False):
        level = (above.bottom + below.top) / 2
        _arrow(axes, (above.middle, level), (side.left, level))
    for boxes, source in ((parts, spine[-1]), (results, parts[-1])):
        level = (source.bottom + boxes[0].top) / 2
        for box in boxes:
            axes.plot([source.middle, source.middle, box.middle], [source.bottom, level, level], color=_EDGE, lw=1)
            _arrow(axes, (box.middle, level), (box.middle, box.top))
    made, test = material.made, material.test
    save_figure(
        figure,
        path,
        alt=f"Flow of films: of {made.rows:,} {screened(made)}, {len(material.films):,} films are in the dataset and "
        f"{test.counted()} in the test.",
    )


def screened(made: DatasetRecord) -> str:
    """What the films of a dataset were selected from."""
    if made.options.get("folders"):
        return "files in the folders"
    return "DICOM files" if made.options.get("dicom") else "rows of the metadata"


def flow_caption(material: ReportMaterial) -> str:
    """What the picture shows, and what its numbers leave open."""
    test, part = material.test, material.test.films
    films = sum(material.made.films[test.split].values())
    sentences = ["Flow of films and patients (STARD 2015), flow.png."]
    if films != part:
        sentences.append(f"{films - part:,} test films that the run has seen before were left out of the test.")
    if test.abstentions.films:
        sentences.append(
            f"{test.abstentions.films:,} test films get no class from cxr predict; all other figures count them."
        )
    made = material.made
    named = made.funnel[-1].patients if made.funnel else None
    if not made.patients_from:
        sentences.append("No film names its patient, so how many patients there are is not known.")
    elif named is None:
        sentences.append("The dataset is from before patients were counted in the selection.")
    elif made.films_without_patient:
        sentences.append("Only patients who are named are counted.")
    elif _joined(made):
        sentences.append("In the parts, patients who share a film count as one.")
    if not made.films_without_patient and len({film.class_ for film in material.predictions}) > 1:
        sentences.append("A patient with several films may be called both.")
    return " ".join(sentences)


def _joined(made: DatasetRecord) -> int | None:
    """How many patients there are where those who share a film count as one; None if as many, or not known."""
    named, apart = made.funnel[-1].patients if made.funnel else None, sum(made.patients.values())
    return apart if named not in {None, apart} and not made.films_without_patient and not made.leaks else None


def _boxes(material: ReportMaterial) -> tuple[list[_Box], list[_Box], list[_Box], list[_Box]]:
    """The boxes down the middle, those of films left out, those of the parts, and those of the test's results."""
    made, test = material.made, material.test
    left, wide = 0.1, 3.6
    first = f"{screened(made)[:1].upper()}{screened(made)[1:]}\n{_of_patients(made.rows, made.patients_listed)}"
    spine, sides = [_box(left, 0.1, wide, first)], []
    for step in made.funnel:
        if not step.removed:
            continue
        side = _box(left + wide + 0.5, 0, _WIDTH - wide - 0.7, f"Left out: {step.removed:,}\nrule not met: {step.rule}")
        top = spine[-1].bottom + max(side.height + 0.1, _GAP)
        level = (spine[-1].bottom + top) / 2
        sides.append(_Box(side.left, level - side.height / 2, side.width, side.lines))
        spine.append(_box(left, top, wide, f"Remaining\n{_of_patients(step.left, step.patients)}"))
    films = _of_patients(len(material.films), made.funnel[-1].patients if made.funnel else None)
    # The last one is the dataset; where nothing was left out, it is one more.
    top = spine.pop().top if sides else spine[-1].bottom + _GAP
    classes = ", ".join(f"{sum(made.films[part][label] for part in PARTS):,} {label}" for label in made.classes)
    joined = _joined(made)
    why = f"\n{joined:,} in the parts below, where patients\nwho share a film count as one" if joined else ""
    spine.append(_box(left, top, wide, f"Films of the dataset\n{films}\n{classes}{why}"))
    width = (_WIDTH - 0.2 - 2 * 0.2) / 3
    top = spine[-1].bottom + 1.2 * _GAP
    parts = [
        _box(
            left + place * (width + 0.2),
            top,
            width,
            f"{part}\n{sum(made.films[part].values()):,} films of {made.patients_in(part)} patients\n"
            + ", ".join(f"{count:,} {label}" for label, count in made.films[part].items()),
        )
        for place, part in enumerate(PARTS)
    ]
    called = [film.class_ if not film.reason else "" for film in material.predictions]
    groups: dict[str, set[str]] = defaultdict(set)
    cells: Counter[tuple[str, str]] = Counter()
    for kind, film in zip(called, material.predictions, strict=True):
        groups[kind].add(film.group)
        cells[kind, film.truth] += 1
    kinds = {test.positive: f"Called {test.positive}", test.negative: f"Called {test.negative}", "": "No class"}
    columns = {kind: title for kind, title in kinds.items() if kind or kind in groups}

    def patients(kind: str) -> int | None:
        return None if made.films_without_patient else len(groups[kind])

    width = (_WIDTH - 0.2 - 0.2 * (len(columns) - 1)) / len(columns)
    top = max(part.bottom for part in parts) + 1.2 * _GAP
    results = [
        _box(
            left + place * (width + 0.2),
            top,
            width,
            f"{title}\nfilms: {_of_patients(called.count(kind), patients(kind))}\n"
            + "\n".join(f"truly {truth}: {cells[kind, truth]:,}" for truth in (test.positive, test.negative)),
        )
        for place, (kind, title) in enumerate(columns.items())
    ]
    return spine, sides, parts, results


def _of_patients(count: int, patients: int | None) -> str:
    return f"{count:,}" if patients is None else f"{count:,}, of {patients:,} patients"


def _box(left: float, top: float, width: float, text: str) -> _Box:
    characters = int((width - 2 * _PAD) / _CHARACTERS)
    lines = [line for part in text.split("\n") for line in textwrap.wrap(part, characters) or [""]]
    return _Box(left, top, width, lines)


def _draw(axes: Any, box: _Box, color: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((box.left, box.top), box.width, box.height, facecolor=color, edgecolor=_EDGE, lw=1))
    middle = box.top + box.height / 2
    axes.text(box.middle, middle, "\n".join(box.lines), ha="center", va="center", fontsize=_SIZE, linespacing=1.25)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": _EDGE, "lw": 1, "shrinkA": 0, "shrinkB": 0}
    )
