import dataclasses

import numpy as np
import pytest

from cxr_cli.errors import ImageError, WorkspaceError
from cxr_cli.imaging.reader import read_film
from cxr_cli.inference.predictor import open_predictor


def test_the_answer_is_that_of_the_keras_model(trained, film):
    from cxr_cli.imaging.transforms import resize
    from cxr_cli.modeling.callbacks import predict_probabilities
    from cxr_cli.modeling.engine import keras

    model = keras.models.load_model(trained.run().keras_model)
    pixels = read_film(film)
    answer = open_predictor(trained.run()).answer(pixels)

    expected = predict_probabilities(model, resize(pixels, 64)[None])[0]
    assert answer.probabilities["covid"] == pytest.approx(expected, abs=1e-5)
    assert answer.probabilities["non_covid"] == pytest.approx(1 - expected, abs=1e-5)


def test_the_map_of_one_class_is_the_negation_of_the_others(trained, film):
    cams = open_predictor(trained.run()).answer(read_film(film)).cams

    assert cams["covid"].shape == (8, 8)
    np.testing.assert_array_equal(cams["covid"], -cams["non_covid"])
    assert np.abs(cams["covid"]).max() > 0


def test_the_runs_threshold_decides(own_trained, film):
    run = own_trained.run()
    labels = []
    for threshold in ("0.000001", "0.999999"):
        text = run.record.read_text()
        run.record.write_text(text.replace('"threshold": 0.5', f'"threshold": {threshold}'))
        labels.append(open_predictor(run).answer(read_film(film)).label)
        run.record.write_text(text)

    assert labels == ["covid", "non_covid"]


@pytest.mark.parametrize("wrong", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)], ids=["color", "float"])
def test_what_is_no_film_is_refused(trained, wrong):
    with pytest.raises(ImageError, match=r"Expected a film of \(H, W\) uint8"):
        open_predictor(trained.run()).answer(wrong)


@pytest.mark.parametrize("indices", ['{"covid": 0}', '{"a": 1, "b": 2}', '{"a": 0, "b": 1, "c": 2}', "[]"])
def test_classes_other_than_0_and_1_are_refused(own_trained, indices):
    run = own_trained.run()
    run.class_indices.write_text(indices)

    with pytest.raises(WorkspaceError, match=r"class_indices\.json"):
        open_predictor(run)


def test_the_caption_says_whose_map_it_is_and_where_it_is_blank(trained, film):
    predictor = open_predictor(trained.run())
    answer = dataclasses.replace(
        predictor.answer(read_film(film)), cams={"non_covid": np.zeros((2, 2)), "covid": np.array([[0, 1], [-2, 0]])}
    )

    assert predictor.caption(answer, "covid") == "Grad-CAM of simple-cnn: evidence for covid, blue little, red most."
    assert predictor.caption(answer, "non_covid") == (
        "Nowhere in this film does simple-cnn see evidence for non_covid; the map is blank."
    )
    predictor._booster = lambda features: 0.5
    assert "Grad-CAM of the CNN below the trees of simple-cnn: " in predictor.caption(answer, "covid")
