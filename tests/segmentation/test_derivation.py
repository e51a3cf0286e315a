"""The prior is what half of the patients give, and nothing else."""

import csv
import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.imaging.reader import read_film
from cxr_cli.segmentation.derivation import derive, is_for_prior
from cxr_cli.segmentation.prior import lung_prior

COLLECTION = Path("data", "covid-chestxray")
ORIGIN = (
    "derivation.py made it from {films} films of {patients} patients of the ieee8023 COVID-19 image data collection "
    "(Cohen et al. 2020, arXiv 2006.11988) and their lung masks by V7 Labs; see prior.py for what the numbers are."
)


def drawn_films(shared: Path, *, for_prior: bool) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Patient, film and drawn lungs of the frontal X-rays that have both; of one half of the patients."""
    root = shared / COLLECTION
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        film, mask = root / "images" / row["filename"], root / "masks" / "lungs" / f"{row['filename']}.png"
        frontal = row["modality"] == "X-ray" and row["view"] in {"PA", "AP", "AP Supine"}
        if frontal and film.is_file() and mask.is_file() and is_for_prior(row["patientid"]) == for_prior:
            yield row["patientid"], read_film(film), read_film(mask) > 127


@pytest.mark.realdata
def test_the_prior_comes_from_half_of_the_patients(shared):
    drawn = list(drawn_films(shared, for_prior=True))
    derived = derive((film, lungs) for _, film, lungs in drawn)
    values = {
        "origin": ORIGIN.format(films=len(drawn), patients=len({patient for patient, *_ in drawn})),
        "mean": derived.mean.round(4).tolist(),
        "modes": derived.modes.round(4).tolist(),
        "weights": derived.weights.round(5).tolist(),
    }
    if os.environ.get("CXR_WRITE_PRIOR"):
        text = json.dumps(values).replace(', "', ',\n"').replace("], [", "],\n[") + "\n"
        Path(str(files("cxr_cli.segmentation") / "lung_prior.json")).write_text(text, encoding="utf-8")

    committed = lung_prior()
    np.testing.assert_allclose(committed.mean, derived.mean, atol=1e-3)
    np.testing.assert_allclose(np.abs(committed.modes), np.abs(derived.modes), atol=2e-3)
    np.testing.assert_allclose(committed.weights, derived.weights, atol=1e-3)
