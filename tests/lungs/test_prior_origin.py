"""The prior is derived from half of the patients only."""

import json

import numpy as np
import pytest

from cxr_cli.lungs.prior import HEIGHTS, lung_prior


@pytest.mark.realdata
def test_the_prior_comes_from_half_of_the_patients(lungs_prior, drawn_films):
    used = [film for film in drawn_films if lungs_prior.is_for_prior(film.patient)]
    derived = lungs_prior.derive(used)

    committed = lung_prior()
    origin = json.loads(lungs_prior.PLACE.read_text(encoding="utf-8"))["origin"]
    assert origin == lungs_prior.values(derived, used)["origin"]
    np.testing.assert_allclose(committed.mean, derived.mean, atol=1e-3)
    # A mode's sign is arbitrary.
    np.testing.assert_allclose(np.abs(committed.modes), np.abs(derived.modes), atol=2e-3)
    np.testing.assert_allclose(committed.weights, derived.weights, atol=1e-3)


def test_the_name_decides_which_half_of_the_patients_is_in_the_prior(lungs_prior):
    used = [lungs_prior.is_for_prior(str(patient)) for patient in range(1000)]

    assert 450 < sum(used) < 550
    assert used == [lungs_prior.is_for_prior(str(patient)) for patient in range(1000)]


def test_an_outline_is_in_fractions_of_the_film(lungs_prior):
    lungs = np.zeros((128, 256), dtype=bool)
    lungs[16:112, 32:96] = lungs[32:96, 160:224] = True
    left, right = lungs_prior.measure(lungs).reshape(2, -1)

    np.testing.assert_allclose(left, [1 / 8, 7 / 8, *[1 / 8] * HEIGHTS, *[3 / 8] * HEIGHTS])
    np.testing.assert_allclose(right, [1 / 4, 3 / 4, *[5 / 8] * HEIGHTS, *[7 / 8] * HEIGHTS])
