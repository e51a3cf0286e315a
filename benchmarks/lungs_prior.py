"""Make `lung_prior.json` from films and the lungs that people drew on them.

    python benchmarks/lungs_prior.py COVID-CHESTXRAY

The folder is the ieee8023 collection with `metadata.csv`, `images/` and `masks/lungs/`. A test derives the prior again,
and compares it with the file of the package.
"""
# ruff: noqa: D103

import argparse
import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.clusters import SIDE
from cxr_cli.lungs.gray_levels import fuzzy_cmeans
from cxr_cli.lungs.masks import two_largest
from cxr_cli.lungs.prior import HEIGHTS, Prior, contrasts, smooth
from cxr_cli.lungs.segment import find_reference, read_reference

PLACE = Path(str(files("cxr_cli.lungs") / "lung_prior.json"))
ORIGIN = (
    "benchmarks/lungs_prior.py made it from {films} films of {patients} patients of the ieee8023 COVID-19 image data "
    "collection (Cohen et al. 2020, arXiv 2006.11988) and their lung masks by V7 Labs; see prior.py for what the "
    "numbers are."
)
_FRONTAL = {"PA", "AP", "AP Supine"}
_MODES = 12  # of 68: they hold 95 % of the variance
_DOUBT = 0.1  # added SD of contrast: a place whose contrast hardly varies must not dominate


@dataclass(frozen=True)
class DrawnFilm:
    """A film with a mask of the lungs that a person drew."""

    patient: str
    path: Path
    mask: Path

    def pixels(self) -> np.ndarray:
        """(H, W) uint8."""
        return read_film(self.path)

    def lungs(self) -> np.ndarray:
        """(H, W) bool."""
        return read_reference(self.mask, self.path, self.pixels().shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    used = [film for film in drawn_films(parser.parse_args().folder) if is_for_prior(film.patient)]
    text = json.dumps(values(derive(used), used)).replace(', "', ',\n"').replace("], [", "],\n[") + "\n"
    PLACE.write_text(text, encoding="utf-8")


def drawn_films(folder: Path) -> list[DrawnFilm]:
    """Return the frontal X-rays of a collection that have a lung mask."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["modality"] == "X-ray" and row["view"] in _FRONTAL]
    films = [(row["patientid"], folder / "images" / row["filename"]) for row in rows]
    return [
        DrawnFilm(patient, film, mask)
        for patient, film in films
        if film.is_file() and (mask := find_reference(folder / "masks" / "lungs", film))
    ]


def is_for_prior(patient: str) -> bool:
    """Whether a patient's films are used for the prior: a hash of the name selects about half of the patients."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 2 == 0


def derive(films: Iterable[DrawnFilm]) -> Prior:
    """Derive the prior.

    The shapes are a point distribution model (Cootes et al. 1995). The weight of a place is its mean contrast over
    the variance, which is Fisher's discriminant for places that vary independently.
    """
    shapes, seen = [], []
    for film in films:
        shape = measure(film.lungs())
        shapes.append(shape)
        darkness = fuzzy_cmeans(film.pixels()).darkness
        seen.append(contrasts(smooth(darkness), shape[None])[0])
    mean = np.mean(shapes, axis=0)
    _, lengths, directions = np.linalg.svd(np.array(shapes) - mean, full_matrices=False)
    modes = directions[:_MODES] * lengths[:_MODES, None] / np.sqrt(len(shapes))
    weights = np.maximum(np.mean(seen, axis=0), 0) / (np.var(seen, axis=0) + _DOUBT**2)
    return Prior(mean=mean, modes=modes, weights=weights / weights.sum())


def measure(lungs: np.ndarray) -> np.ndarray:
    """Return the 68 numbers that describe drawn lungs; see `cxr_cli.lungs.prior`.

    Args:
        lungs: (H, W) bool, with at least two connected regions.
    """
    numbers: list[float] = []
    square = resize(lungs.astype(np.uint8) * 255, SIDE) > 127
    for lung in two_largest(square):
        rows = np.flatnonzero(lung.any(axis=1))
        heights = np.rint(np.linspace(rows[0], rows[-1], HEIGHTS)).astype(np.intp)
        left = lung[heights].argmax(axis=1)
        right = SIDE - lung[heights, ::-1].argmax(axis=1)
        numbers += [x / SIDE for x in (rows[0], rows[-1] + 1, *left, *right)]
    return np.array(numbers)


def values(prior: Prior, films: list[DrawnFilm]) -> dict[str, object]:
    """Return the content of `lung_prior.json`."""
    return {
        "origin": ORIGIN.format(films=len(films), patients=len({film.patient for film in films})),
        "mean": prior.mean.round(4).tolist(),
        "modes": prior.modes.round(4).tolist(),
        "weights": prior.weights.round(5).tolist(),
    }


if __name__ == "__main__":
    main()
