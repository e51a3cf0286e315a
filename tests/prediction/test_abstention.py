"""Which pictures get no class, and why."""

from collections import Counter

import numpy as np
import pytest

from cxr_cli.errors import AbstentionError
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.abstention import abstention_summary, why_no_class
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.reference import fit_reference, save_reference
from cxr_cli.rendering.render import render


@pytest.mark.parametrize("seed", range(4))
def test_phantoms_get_a_class_also_mirrored_small_and_faint(seed):
    phantom = render(positive=seed % 2 == 0, seed=seed).film

    assert why_no_class(phantom) == ""
    assert why_no_class(phantom[:, ::-1]) == ""
    assert why_no_class(phantom[::4, ::4]) == ""
    assert why_no_class(phantom // 2 + 60) == ""


@pytest.mark.parametrize("seed", range(4))
def test_it_says_how_a_film_is_turned(seed):
    phantom = render(positive=seed % 2 == 0, seed=seed).film

    assert why_no_class(255 - phantom) == "the film is inverted: what should be dark is bright"
    assert why_no_class(phantom[::-1]) == "the film is upside down"
    assert why_no_class(np.rot90(phantom)) == "the film is turned to the left"
    assert why_no_class(np.rot90(phantom, 3)) == "the film is turned to the right"


def test_other_pictures_get_none():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))

    reasons = {why_no_class(picture) for picture in (noise, ramp, ramp.T)}

    assert reasons <= {"no lungs found", "not a frontal chest film"}


def test_a_predictor_abstains_unless_it_is_forced(trained, film):
    predictor = open_predictor(trained.run())
    inverted = 255 - read_film(film)

    with pytest.raises(AbstentionError) as raised:
        predictor.predict(inverted)
    forced = predictor.predict(inverted, force=True)

    assert raised.value.reason == forced.doubt == "the film is inverted: what should be dark is bright"
    assert forced.label in predictor.classes
    assert predictor.predict(255 - inverted).doubt == ""


def test_a_film_far_from_those_of_the_run_gets_none(own_trained, film, forget_digests):
    run = own_trained.run()
    forget_digests(run)
    features = np.full((20, 64), 100, np.float32) + np.random.default_rng(0).normal(size=(20, 64)).astype(np.float32)
    size = len(open_predictor(run)._reference.mean)
    save_reference(run.reference, fit_reference(features[:, :size], features[:, :size]))

    with pytest.raises(AbstentionError, match="unlike the films that simple-cnn was trained on"):
        open_predictor(run).predict_file(film)


def test_a_run_of_an_early_version_has_no_reference(own_trained, film, forget_digests):
    forget_digests(own_trained.run())
    own_trained.run().reference.unlink()

    assert open_predictor(own_trained.run()).predict_file(film).doubt == ""


def test_the_summary_counts_the_reasons():
    reasons = Counter({"no lungs found": 2, "the film is upside down": 1})

    assert abstention_summary(reasons, films=9, forced=False) == (
        "3 of 9 films got no class: no lungs found (2); the film is upside down (1). "
        "To have them predicted all the same: --force"
    )
