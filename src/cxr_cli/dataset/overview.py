"""Pictures of a prepared dataset: the number of films of each class in each part, and samples.

Drawn by Pillow: matplotlib takes as long to import and draw these two as it takes to read a thousand films.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr_cli.dataset.manifest import Film
from cxr_cli.films.figures import OTHER, POSITIVE, save_picture
from cxr_cli.films.reader import read_film

# Apart in gray print too.
_CLASS_COLORS = (OTHER, POSITIVE)
_SAMPLES = 6
# All in pixels.
_CHART, _LEFT, _TOP, _BASE = (840, 480), 24, 110, 430
_CELL, _FILM, _TITLE, _GAP = 252, 242, 58, 4


def draw_distribution(path: Path, films: Mapping[str, Mapping[str, int]]) -> None:
    """Draw the films of each class in each part as bars, with their counts.

    Args:
        path: the PNG to write.
        films: part -> label -> films, the negative label first.
    """
    picture = Image.new("RGB", _CHART, "white")
    pen = ImageDraw.Draw(picture)
    text = ImageFont.load_default(17)
    pen.text((_LEFT, 14), "Films of each class in each part of the split", "black", ImageFont.load_default(20))
    place = _LEFT
    for label, color in zip(next(iter(films.values())), _CLASS_COLORS, strict=True):
        pen.rectangle((place, 54, place + 18, 68), color)
        pen.text((place + 26, 61), label, "black", text, anchor="lm")
        place += 56 + round(pen.textlength(label, text))

    most = max(count for part in films.values() for count in part.values())
    group = (_CHART[0] - 2 * _LEFT) / len(films)
    width = group * 0.38
    for number, (part, counts) in enumerate(films.items()):
        middle = _LEFT + (number + 0.5) * group
        for left, count, color in zip((middle - width, middle), counts.values(), _CLASS_COLORS, strict=True):
            top = _BASE - (_BASE - _TOP) * count / most
            pen.rectangle((left + 2, top, left + width - 2, _BASE), color)
            pen.text((left + width / 2, top - 4), str(count), "black", text, anchor="mb")
        pen.text((middle, _BASE + 12), part, "black", text, anchor="mt")
    pen.line((_LEFT, _BASE, _CHART[0] - _LEFT, _BASE), "black")
    save_picture(picture, path)


def draw_samples(path: Path, root: Path, films: Sequence[Film], labels: Sequence[str], *, seed: int) -> None:
    """Draw a row of films for each class, from all parts, with their findings and views.

    Args:
        path: the PNG to write.
        root: the folder that the films' paths start from.
        films: all films of the dataset.
        labels: the classes, a row each.
        seed: draws the films.
    """
    random = np.random.default_rng(seed)
    picture = Image.new("L", (_SAMPLES * _CELL, len(labels) * (_TITLE + _CELL) + _GAP), "white")
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    for row, label in enumerate(labels):
        members = [film for film in films if film.label == label]
        chosen = random.choice(len(members), size=min(_SAMPLES, len(members)), replace=False)
        top = row * (_TITLE + _CELL) + _TITLE
        for column, film in enumerate(members[i] for i in chosen):
            shown = Image.fromarray(read_film(root / film.path))
            shown.thumbnail((_FILM, _FILM), Image.Resampling.BILINEAR)
            middle = column * _CELL + _CELL // 2
            picture.paste(shown, (middle - shown.width // 2, top + _GAP))
            pen.text((middle, top), _title(film), "black", font, anchor="md", align="center", spacing=3)
    save_picture(picture, path)


def _title(film: Film) -> str:
    finding = film.finding if len(film.finding) < 26 else film.finding[:24] + "…"
    place = " · ".join(text for text in (film.view, film.split) if text)
    # A class folder's name is label and finding in one.
    return "\n".join(dict.fromkeys((film.label, finding, place)))
