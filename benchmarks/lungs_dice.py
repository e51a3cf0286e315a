"""Compare `cxr segment` with lungs drawn by people: mean Dice of each method, and of one constant mask.

    python benchmarks/lungs_dice.py COVID-CHESTXRAY [SHENZHEN …]

The first folder is the ieee8023 collection. Half of its patients gave the prior; README and docs/pipelines.md show the
figures of the other half. No film of further folders is in the prior. A folder has `metadata.csv`, `images/` and
`masks/lungs/`, with masks named as for `cxr segment --reference`.
"""
# ruff: noqa: D103, T201

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
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
    folders = parser.parse_args().folders
    header = ["films", "number", *SEGMENTATION_METHODS, "constant mask"]
    show(header)
    show(["---"] * len(header))
    with ProcessPoolExecutor() as pool:
        for place, folder in enumerate(folders):
            films = drawn_films(folder)
            scores = list(pool.map(scores_of, films))
            show([f"{folder.name}, all", len(scores), *means(scores)])
            if place == 0:
                unseen = [row for row, film in zip(scores, films, strict=True) if not is_for_prior(film.patient)]
                show([f"{folder.name}, not in the prior", len(unseen), *means(unseen)])


def scores_of(film: DrawnFilm) -> list[float]:
    """Return the Dice of each method, and of the prior's mean outline, with the mask drawn by a person."""
    pixels, drawn = film.pixels(), film.lungs()
    masks = [segment_lungs(pixels, method).mask for method in SEGMENTATION_METHODS]
    return [dice(mask, drawn) for mask in (*masks, mean_outline(pixels.shape))]


def mean_outline(shape: tuple[int, ...]) -> np.ndarray:
    """Draw the prior's mean outline, which is the same for every film, as (H, W) bool."""
    canvas = Image.new("1", (shape[1], shape[0]))
    for lung in points(lung_prior().mean[None])[0]:
        ImageDraw.Draw(canvas).polygon([(x * shape[1], y * shape[0]) for x, y in lung.tolist()], fill=1)
    return np.asarray(canvas)


def means(scores: list[list[float]]) -> list[str]:
    return [f"{fmean(column):.3f}" for column in zip(*scores, strict=True)]


def show(cells: Sequence[object]) -> None:
    print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
