"""Which planted shortcuts the audit of a dataset finds: a word in the lungs, a blurred and a brightened middle.

The films are those of a prepared workspace. Each shortcut is planted in 10, 50 and 100 % of the positive patients; once
with the real classes, and once with classes shuffled by patient, so that nothing else is there to be found. Forests are
smaller than in an audit.

    cxr prepare --metadata covid-chestxray/metadata.csv
    python benchmarks/audit_shortcuts.py cxr-workspace
"""

# ruff: noqa: T201
import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from cxr_cli.auditing import probes
from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS
from cxr_cli.auditing.checks import FROZEN, FROZEN_WITHOUT, check_shortcuts
from cxr_cli.auditing.files import read_properties
from cxr_cli.auditing.film_features import FilmFeatures, describe_films
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.films.reader import read_film
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

SHOWN = (BORDER.name, CORNERS.name, DETAIL.name, WITHOUT_LUNGS.name, FROZEN_WITHOUT, FROZEN)
SHARES = (0.1, 0.5, 1.0)


def _word(film: Image.Image) -> Image.Image:
    """A word of 3 % of the film's height, in its right lung."""
    font = ImageFont.load_default(size=max(10, round(0.03 * film.height)))
    place = (round(0.27 * film.width), round(0.42 * film.height))
    ImageDraw.Draw(film).text(place, "PORTABLE", fill=235, font=font)
    return film


def _middle(film: Image.Image, changed: Image.Image) -> Image.Image:
    """Change an ellipse half as wide and high as the film."""
    mask = Image.new("L", film.size, 0)
    ends = [round(share * side) for share in (0.25, 0.75) for side in film.size]
    ImageDraw.Draw(mask).ellipse(ends, fill=255)
    return Image.composite(changed, film, mask)


def _blurred(film: Image.Image) -> Image.Image:
    return _middle(film, film.filter(ImageFilter.GaussianBlur(0.004 * film.height)))


def _brightened(film: Image.Image) -> Image.Image:
    return _middle(film, film.point(lambda value: min(255, round(1.12 * value + 6))))


PLANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "a word in the lung": _word,
    "a blurred middle": _blurred,
    "a brightened middle": _brightened,
}


def main() -> None:
    """Print a table for the real classes, and one for shuffled ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    dataset = Workspace(parser.parse_args().workspace).prepared()
    probes._TREES, probes._REPEATS = 30, 1
    films, (_, positive) = read_manifest(dataset), read_record(dataset.record, DatasetRecord).classes
    paths = [dataset.root / film.path for film in films]
    described = {"nothing": _described(films, paths)}
    for name, plant in PLANTS.items():
        with TemporaryDirectory() as folder:
            planted = [Path(folder) / f"{place}.png" for place in range(len(paths))]
            for path, changed in zip(paths, planted, strict=True):
                plant(Image.fromarray(read_film(path))).save(changed)
            described[name] = _described(films, planted)
    print(f"{len(films)} films\n\nThe real classes\n")
    _print_table(films, paths, described, positive)
    names, first, members = np.unique([film.group for film in films], return_index=True, return_inverse=True)
    labels = np.random.default_rng(0).permutation([films[place].label for place in first])[members]
    shuffled = [replace(film, label=str(label)) for film, label in zip(films, labels, strict=True)]
    print(f"\nClasses shuffled among {len(names)} patients\n")
    _print_table(shuffled, paths, described, positive)


def _described(films: list[Film], paths: list[Path]) -> list[FilmFeatures]:
    return list(describe_films(paths, [film.group for film in films], seed=0))


def _print_table(films: list[Film], paths: list[Path], described: dict[str, list[FilmFeatures]], positive: str) -> None:
    print(f"| planted | of {positive} | {' | '.join(SHOWN)} |\n| --- | ---: |{' ---: |' * len(SHOWN)}")
    patients = sorted({film.group for film in films if film.label == positive})
    order, files = np.random.default_rng(0).permutation(patients), [read_properties(path) for path in paths]
    for name, share in [("nothing", 0.0), *((name, share) for name in PLANTS for share in SHARES)]:
        chosen = set(order[: round(share * len(order))])
        features = [
            described[name if film.label == positive and film.group in chosen else "nothing"][place]
            for place, film in enumerate(films)
        ]
        checks = {one.name: one for one in check_shortcuts(films, files, features, positive=positive, seed=0).checks}
        cells = [f"{checks[one].auc:.2f}{_mark(checks[one].level)}" for one in SHOWN]
        print(f"| {name} | {share:.0%} | {' | '.join(cells)} |", flush=True)


def _mark(level: str) -> str:
    return {"alarm": " **alarm**", "warning": " warning"}.get(level, "")


if __name__ == "__main__":
    main()
