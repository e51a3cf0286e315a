"""The page predicts as the command does, also for many clients at once."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.doubts import warning
from cxr_cli.errors import NoRunError
from cxr_cli.films.reader import read_film
from cxr_cli.prediction import predictor
from cxr_cli.reporting.run_doubts import run_doubts
from cxr_cli.web import predicting
from cxr_cli.web.predicting import RunPredictors


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The names of the runs that were opened, in order."""
    names = []

    def open_predictor(run):
        names.append(run.name)
        return predictor.open_predictor(run)

    monkeypatch.setattr(predicting, "open_predictor", open_predictor)
    return names


def test_the_answer_is_the_predictors_with_a_thumbnail_and_the_heat(trained, film):
    answer = RunPredictors(trained).predict(film, name="covid.png")
    pixels = read_film(film)
    run = predictor.open_predictor(trained.run())
    expected = run.predict(pixels)

    assert (answer.row["image"], answer.row["class"], answer.run) == ("covid.png", expected.label, "simple-cnn")
    assert answer.row["probability"] == round(expected.probabilities["covid"], 6)
    assert answer.row["threshold"] == run.record.threshold
    assert answer.sentences == ([expected.answer.decision] if expected.answer.decision else [])
    assert answer.confidence == expected.answer.confidence
    assert tuple(answer.size) == pixels.shape[::-1]
    assert Image.open(io.BytesIO(answer.thumbnail)).size[0] == 160
    assert (answer.heat.caption, answer.heat.frame) == (run.caption(expected, expected.label), ())
    assert max(answer.heat.width, answer.heat.height) == 128
    levels = np.frombuffer(answer.heat.levels, np.uint8).reshape(answer.heat.height, answer.heat.width)
    assert expected.blank(expected.label) == (levels.max() == 0)
    assert answer.error is None


def test_a_run_is_opened_once_and_again_after_retraining(own_trained, film, opened):
    predictors = RunPredictors(own_trained)
    predictors.prepare()
    for _ in range(3):
        predictors.predict(film, name="covid.png")
    assert opened == ["simple-cnn"]

    os.utime(own_trained.run().record, (2e9, 2e9))
    predictors.predict(film, name="covid.png")
    assert opened == ["simple-cnn", "simple-cnn"]


def test_films_share_one_predictor_and_get_their_own_result(trained, phantoms, opened):
    films = sorted(phantoms.parent.glob("*.png"))[:12]
    alone = [RunPredictors(trained).predict(film, name=film.name).row for film in films]
    opened.clear()

    predictors = RunPredictors(trained)
    together = [predictors.predict(film, name=film.name).row for film in films * 2]

    assert together == alone * 2
    assert opened == ["simple-cnn"]
    assert len({row["probability"] for row in alone}) > 6


def test_the_page_shows_a_set_where_it_is_asked_for(trained, film):
    shown = RunPredictors(trained, alpha=0.1).predict(film, name="covid.png")

    promise = (
        "Sets: for 90% of the patients of each class, the set has the right class. This holds only for films like "
    )
    assert shown.row["set"] == "both"
    assert shown.sentences[-3:-1] == [
        "Set (90%): non_covid or covid, it can't tell which",
        promise + "the validation films.",
    ]
    assert shown.sentences[-1].startswith("Too few patients")
    assert RunPredictors(trained).predict(film, name="covid.png").row["set"] is None


def test_an_error_shows_the_original_file_name(trained, tmp_path):
    path = tmp_path / "d41d8cd9"
    path.write_text("no film")

    answer = RunPredictors(trained).predict(path, name="notes.txt")
    assert answer.error.message == "Expected a film. Received: notes.txt, which is not an image."
    assert (answer.row["image"], answer.row["error"]) == ("notes.txt", answer.error.message)


def test_a_missing_run_gives_the_error_of_the_command(trained, film):
    with pytest.raises(NoRunError, match="'other'"):
        RunPredictors(trained).predict(film, name="covid.png", run="other")


def test_a_film_that_the_run_was_trained_on_is_named_and_one_of_the_test_is_not(trained):
    films = {film.split: trained.dataset.root / film.path for film in read_manifest(trained.dataset)}
    predictors = RunPredictors(trained)

    assert predictors.predict(films["train"], name="a").doubts[:1] == [
        warning("simple-cnn was trained or validated on this film, so this prediction doesn't test the run.")
    ]
    assert predictors.predict(films["test"], name="b").doubts == run_doubts(trained, trained.run())
