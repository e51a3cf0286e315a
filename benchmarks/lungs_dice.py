"""Compare `cxr segment` with lungs drawn by people: Dice of each method, and of one constant mask.

    python benchmarks/lungs_dice.py COVID-CHESTXRAY [SHENZHEN …] [--manifest MANIFEST] [--model MODEL …]

A folder has `metadata.csv`, `images/` and `masks/lungs/`, with masks named as for `cxr segment --reference`. The first
one is the ieee8023 collection: half of its patients gave the prior, and the other half is a row of its own. With
`--manifest`, only films of the test part of a prepared dataset are measured, for a U-Net that was trained on the rest.
`--model` adds a column for the `model.tflite` of a run of lung-unet. Cells: mean, and the lowest of all films.
"""
# ruff: noqa: D103, T201

import argparse
import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np
from lungs_prior import DrawnFilm, drawn_films, is_for_prior
from PIL import Image, ImageDraw

from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.lungs.masks import dice
from cxr_cli.lungs.methods import SEGMENTATION_METHODS
from cxr_cli.lungs.prior import lung_prior, points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--manifest", type=Path, help="manifest.csv of a dataset: measure its test films only")
    parser.add_argument("--model", type=Path, action="append", default=[], help="model.tflite of a run of lung-unet")
    parser.add_argument("--methods", nargs="+", choices=SEGMENTATION_METHODS, default=list(SEGMENTATION_METHODS))
    options = parser.parse_args()
    header = ["films", "number", *options.methods, *(path.parent.name for path in options.model), "constant mask"]
    show(header)
    show(["---"] * len(header))
    wanted = test_films(options.manifest) if options.manifest else None
    with ProcessPoolExecutor() as pool:
        for place, folder in enumerate(options.folders):
            films = [film for film in drawn_films(folder) if wanted is None or film.path.resolve() in wanted]
            scores = list(pool.map(partial(scores_of, methods=options.methods, models=options.model), films))
            show([f"{folder.name}, {'test films' if wanted else 'all'}", len(scores), *cells(scores)])
            if place == 0:
                unseen = [row for row, film in zip(scores, films, strict=True) if not is_for_prior(film.patient)]
                show([f"{folder.name}, not in the prior", len(unseen), *cells(unseen)])


def test_films(manifest: Path) -> set[Path]:
    with manifest.open(encoding="utf-8", newline="") as stream:
        return {Path(row["original"]).resolve() for row in csv.DictReader(stream) if row["split"] == "test"}


def scores_of(film: DrawnFilm, *, methods: Sequence[str], models: Sequence[Path]) -> list[float]:
    """Return the Dice of each method, model, and the prior's mean outline, with the mask drawn by a person."""
    pixels, drawn = film.pixels(), film.lungs()
    masks = [segment_lungs(pixels, method).mask for method in methods]
    masks += [segment_lungs(pixels, "unet", model).mask for model in models]
    return [dice(mask, drawn) for mask in (*masks, mean_outline(pixels.shape))]


def mean_outline(shape: tuple[int, ...]) -> np.ndarray:
    """Draw the prior's mean outline, which is the same for every film, as (H, W) bool."""
    canvas = Image.new("1", (shape[1], shape[0]))
    for lung in points(lung_prior().mean[None])[0]:
        ImageDraw.Draw(canvas).polygon([(x * shape[1], y * shape[0]) for x, y in lung.tolist()], fill=1)
    return np.asarray(canvas)


def cells(scores: list[list[float]]) -> list[str]:
    return [f"{fmean(column):.3f} ({min(column):.2f})" for column in zip(*scores, strict=True)]


def show(values: Sequence[object]) -> None:
    print(f"| {' | '.join(map(str, values))} |", flush=True)


if __name__ == "__main__":
    main()
