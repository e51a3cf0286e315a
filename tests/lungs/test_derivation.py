"""The prior is what half of the patients give, and nothing else. CXR_WRITE_PRIOR=1 writes it again."""

import json
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.films.reader import read_film
from cxr_cli.lungs.derivation import derive, is_for_prior, measure
from cxr_cli.lungs.prior import HEIGHTS, lung_prior

ORIGIN = (
    "derivation.py made it from {films} films of {patients} patients of the ieee8023 COVID-19 image data collection "
    "(Cohen et al. 2020, arXiv 2006.11988) and their lung masks by V7 Labs; see prior.py for what the numbers are."
)


@pytest.mark.realdata
def test_the_prior_comes_from_half_of_the_patients(drawn_films):
    used = [film for film in drawn_films if is_for_prior(film.patient)]
    derived = derive((read_film(film.path), film.lungs()) for film in used)
    values = {
        "origin": ORIGIN.format(films=len(used), patients=len({film.patient for film in used})),
        "mean": derived.mean.round(4).tolist(),
        "modes": derived.modes.round(4).tolist(),
        "weights": derived.weights.round(5).tolist(),
    }
    place = Path(str(files("cxr_cli.lungs") / "lung_prior.json"))
    if os.environ.get("CXR_WRITE_PRIOR"):
        text = json.dumps(values).replace(', "', ',\n"').replace("], [", "],\n[") + "\n"
        place.write_text(text, encoding="utf-8")

    committed = lung_prior()
    assert json.loads(place.read_text(encoding="utf-8"))["origin"] == values["origin"]
    np.testing.assert_allclose(committed.mean, derived.mean, atol=1e-3)
    # A mode's sign is arbitrary.
    np.testing.assert_allclose(np.abs(committed.modes), np.abs(derived.modes), atol=2e-3)
    np.testing.assert_allclose(committed.weights, derived.weights, atol=1e-3)


def test_about_half_of_the_patients_go_into_the_prior_by_their_name_alone():
    used = [is_for_prior(str(patient)) for patient in range(1000)]

    assert 450 < sum(used) < 550
    assert used == [is_for_prior(str(patient)) for patient in range(1000)]


def test_a_lungs_numbers_are_its_sides_in_shares_of_the_film():
    lungs = np.zeros((128, 256), dtype=bool)
    lungs[16:112, 32:96] = lungs[32:96, 160:224] = True
    left, right = measure(lungs).reshape(2, -1)

    np.testing.assert_allclose(left, [1 / 8, 7 / 8, *[1 / 8] * HEIGHTS, *[3 / 8] * HEIGHTS])
    np.testing.assert_allclose(right, [1 / 4, 3 / 4, *[5 / 8] * HEIGHTS, *[7 / 8] * HEIGHTS])
