import dataclasses
import os
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image
from scipy.special import expit, logit
from threadpoolctl import threadpool_info, threadpool_limits

from cxr_cli.errors import ImageError, WorkspaceError
from cxr_cli.films.find import Films, find_films
from cxr_cli.films.reader import read_at, read_film
from cxr_cli.films.transforms import resize
from cxr_cli.lungs import unet
from cxr_cli.metrics.calibration import Calibration
from cxr_cli.prediction import predictor as module
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.records import read_record, write_record


def test_predictions_match_the_keras_model(trained, film):
    from cxr_cli.training.engine import keras
    from cxr_cli.training.input_pipeline import predict_probabilities

    model = keras.models.load_model(trained.run().keras_model)
    pixels = read_film(film)
    answer = open_predictor(trained.run()).predict(pixels)

    expected = predict_probabilities(model, resize(pixels, 64)[None])[0]
    assert answer.raw == pytest.approx(expected, abs=1e-5)
    found = read_record(trained.run().record, RunRecord).calibration
    assert answer.probabilities["covid"] == pytest.approx(
        expit(found.slope * logit(expected) + found.intercept), abs=1e-4
    )
    assert answer.probabilities["non_covid"] == 1 - answer.probabilities["covid"]


def test_the_map_of_one_class_is_the_negative_of_the_other(trained, film):
    cams = open_predictor(trained.run()).predict(read_film(film)).cams

    assert cams["covid"].shape == (8, 8)
    np.testing.assert_array_equal(cams["covid"], -cams["non_covid"])
    assert np.abs(cams["covid"]).max() > 0


def test_the_runs_threshold_decides(own_trained, film):
    run = own_trained.run()
    labels = []
    for threshold in (0.000001, 0.999999):
        change(run, threshold=threshold)
        labels.append(open_predictor(run).predict(read_film(film)).label)

    assert labels == ["covid", "non_covid"]


def change(run, **values):
    write_record(run.record, msgspec.structs.replace(read_record(run.record, RunRecord), **values))


def calibration(slope, intercept=0.0):
    return Calibration(slope=slope, intercept=intercept, before={}, after={})


def test_slope_and_intercept_calibrate_and_a_run_without_one_is_unchanged(own_trained, film):
    run, pixels = own_trained.run(), read_film(film)
    change(run, calibration=None, threshold=0.5, operating_point=None)
    before = open_predictor(run).predict(pixels)
    assert before.raw == before.probabilities["covid"]
    assert before.answer.decision == ""

    change(run, calibration=calibration(0.4, -1), threshold=0.5)
    after = open_predictor(run).predict(pixels)
    assert after.raw == before.raw
    assert after.probabilities["covid"] == pytest.approx(expit(0.4 * logit(before.raw) - 1), abs=1e-12)
    assert sum(after.probabilities.values()) == 1
    assert after.label == ("covid" if after.probabilities["covid"] >= 0.5 else "non_covid")
    assert after.confidence == after.probabilities[after.label]
    np.testing.assert_array_equal(after.cams["covid"], before.cams["covid"])


@pytest.mark.parametrize("slope", [0.05, 1, 20])
def test_probabilities_of_trees_are_calibrated_and_0_and_1_stay_valid(own_trained, film, slope):
    run = own_trained.run()
    change(run, calibration=calibration(slope), threshold=0.5)
    predictor, pixels = open_predictor(run), read_film(film)

    answered = {}
    for raw in (0.0, 1e-45, 1e-5, 0.5, 1 - 1e-5, 1.0):
        predictor._booster = lambda features, raw=raw: np.array([raw])
        answered[raw] = predictor.predict(pixels).probabilities["covid"]

    assert answered[0.5] == pytest.approx(0.5)
    assert list(answered.values()) == sorted(answered.values())
    assert all(0 <= value <= 1 for value in answered.values())
    for raw in (1e-5, 1 - 1e-5):
        assert answered[raw] == pytest.approx(expit(slope * logit(raw)), rel=1e-9)


def test_the_decision_is_printed_with_enough_digits(own_trained, film):
    run, pixels = own_trained.run(), read_film(film)
    change(run, calibration=None)
    probability = open_predictor(run).predict(pixels).probabilities["covid"]
    change(run, threshold=probability + 1e-5, operating_point=None)

    assert open_predictor(run).predict(pixels).answer.decision == (
        f"P(covid) {probability:.3%}, below the operating point of {probability + 1e-5:.3%}"
    )


@pytest.mark.parametrize("wrong", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)], ids=["color", "float"])
def test_a_file_that_is_no_film_is_refused(trained, wrong):
    with pytest.raises(ImageError, match=r"Expected a film of \(H, W\) uint8"):
        open_predictor(trained.run()).predict(wrong)


@pytest.mark.parametrize("indices", ['{"covid": 0}', '{"a": 1, "b": 2}', '{"a": 0, "b": 1, "c": 2}', "[]"])
def test_classes_other_than_0_and_1_are_refused(own_trained, forget_digests, indices):
    run = own_trained.run()
    forget_digests(run)
    run.class_indices.write_text(indices)

    with pytest.raises(WorkspaceError, match=r"class_indices\.json"):
        open_predictor(run)


def test_the_caption_names_the_class_and_mentions_a_blank_map(trained, film):
    predictor = open_predictor(trained.run())
    answer = dataclasses.replace(
        predictor.predict(read_film(film)), cams={"non_covid": np.zeros((2, 2)), "covid": np.array([[0, 1], [-2, 0]])}
    )

    assert predictor.caption(answer, "covid") == "Grad-CAM of simple-cnn: evidence for covid, the lighter the more."
    assert predictor.caption(answer, "non_covid") == (
        "Nowhere in this film does simple-cnn see evidence for non_covid; the map is blank."
    )
    predictor._booster = lambda features: np.array([0.5])
    assert "Grad-CAM of the CNN below the trees of simple-cnn: " in predictor.caption(answer, "covid")


def assert_as_one_by_one(predictor: Predictor, films: Films) -> None:
    """Check that every prediction equals that of the film read whole and predicted alone."""
    together = list(predictor.predict_all(films))

    assert [path for path, _ in together] == list(films)
    for path, answer in together:
        alone = predictor.predict(read_film(path))
        assert (answer.label, answer.whole) == (alone.label, alone.whole)
        assert answer.probabilities == pytest.approx(alone.probabilities, abs=1e-6)
        np.testing.assert_allclose(answer.cams["covid"], alone.cams["covid"], atol=1e-6)


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_many_films_are_predicted_as_one_by_one(trained, phantoms, monkeypatch, cores):
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    films = find_films([phantoms.parent])
    assert len(films) >= 40

    assert_as_one_by_one(open_predictor(trained.run()), films)


def test_trees_predict_many_films_as_one_by_one(own_trained, phantoms, forget_digests):
    import xgboost

    run = own_trained.run()
    forget_digests(run)
    rng = np.random.default_rng(0)
    data = xgboost.DMatrix(rng.normal(size=(40, 64)), label=rng.integers(0, 2, 40))
    xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=9).save_model(run.booster)
    boosting = '"boosting": {"trees": 9, "features": 64, "val_loss": 0.6}'
    run.record.write_text(run.record.read_text().replace('"boosting": null', boosting))

    assert_as_one_by_one(open_predictor(run), find_films([phantoms.parent]))


def test_a_lungs_only_run_predicts_many_films_as_one_by_one(own_trained, phantoms):
    record = own_trained.run().record
    record.write_text(record.read_text().replace('"segment": null', '"segment": "otsu"'))
    predictor, films = open_predictor(own_trained.run()), find_films([phantoms.parent])

    assert_as_one_by_one(predictor, films)
    # A film that already shows only the lungs is not segmented again.
    assert [answer.probabilities for _, answer in predictor.predict_all(films, framed=True)] == [
        predictor.predict(read_film(path), framed=True).probabilities for path in films
    ]


def test_unreadable_films_give_errors_in_their_positions(trained, phantoms, tmp_path):
    (tmp_path / "bad.png").write_text("no film")
    names = [str(path) for path in find_films([phantoms.parent])]
    names[0], names[7], names[-1] = str(tmp_path / "bad.png"), str(tmp_path / "gone.png"), str(tmp_path)
    answers = [answer for _, answer in open_predictor(trained.run()).predict_all(Films(names))]

    assert [place for place, answer in enumerate(answers) if isinstance(answer, ImageError)] == [0, 7, len(names) - 1]
    assert answers[7].message == f"Expected a film. Received: {tmp_path / 'gone.png'}: No such file or directory."


class Taken(Films):
    """Paths of films that count how many were consumed."""

    count = 0

    def __iter__(self) -> Iterator[Path]:
        for path in super().__iter__():
            self.count += 1
            yield path


def test_films_are_consumed_only_as_predictions_are(trained, film):
    films = Taken([str(film)] * 500)
    before = threading.active_count()
    answered = open_predictor(trained.run()).predict_all(films)
    for _ in range(3):
        next(answered)

    assert 3 < films.count < 100
    taken = films.count
    answered.close()
    assert films.count == taken
    assert threading.active_count() == before


def test_a_slow_film_keeps_its_position(trained, phantoms, monkeypatch):
    films = find_films([phantoms.parent])
    slow, others_done, predict_file = next(iter(films)), threading.Event(), Predictor.predict_file

    def predict(self, path, **options):
        assert path != slow or others_done.wait(10)
        try:
            return predict_file(self, path, **options)
        finally:
            others_done.set()

    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(Predictor, "predict_file", predict)

    assert [path for path, _ in open_predictor(trained.run()).predict_all(films)] == list(films)


def test_a_few_films_use_one_interpreter(trained, phantoms, monkeypatch):
    predictor = open_predictor(trained.run())
    monkeypatch.setattr(module, "open_predictor", None)
    few = Films([str(path) for path in find_films([phantoms.parent])][:15])

    assert len(list(predictor.predict_all(few))) == 15


def test_blas_leaves_the_cores_to_the_predictions_of_many_films(trained, film, monkeypatch):
    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    with threadpool_limits(2, user_api="blas"):
        answers = open_predictor(trained.run()).predict_all([film] * 16)
        next(answers)
        assert threads() == {1}
        list(answers)
        assert threads() == {2}


def test_a_model_without_valid_probabilities_is_an_error(trained, phantoms, monkeypatch):
    def predict(self, path, **options):
        raise WorkspaceError("Expected a probability. Received: nan.")

    monkeypatch.setattr(Predictor, "predict_file", predict)
    with pytest.raises(WorkspaceError, match="nan"):
        list(open_predictor(trained.run()).predict_all(find_films([phantoms.parent])))


def test_a_large_jpeg_has_the_same_prediction_from_file_and_pixels(trained, film, tmp_path):
    path = tmp_path / "film.jpg"
    with Image.open(film) as small:
        small.resize((1301, 1403)).save(path)
    predictor = open_predictor(trained.run())

    answer = predictor.predict_file(path)
    assert answer.probabilities == predictor.predict_file(path, film=read_film(path)).probabilities
    assert answer.probabilities != predictor.predict(read_film(path)).probabilities  # else it was decoded at full size
    assert answer.probabilities == pytest.approx(predictor.predict(read_film(path)).probabilities, abs=1e-2)


@pytest.mark.realdata
def test_real_films_of_640_pixels_are_read_as_before(shared):
    for path in list(find_films([shared / "data" / "covid-chestxray" / "images"]))[::5]:
        assert np.array_equal(read_at(path, 224), resize(read_film(path), 224)), path


def test_no_thread_hides_the_output_while_results_are_printed(trained, film, monkeypatch):
    """A thread that opens a model hides what the whole process prints meanwhile."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(unet, "_idle", defaultdict(deque))
    threads, opened = [], unet._open
    monkeypatch.setattr(unet, "_open", lambda model: threads.append(threading.current_thread()) or opened(model))

    assert len(list(open_predictor(trained.run()).predict_all([film] * 16))) == 16
    assert threads == [threading.main_thread()] * 2
