"""A run can begin with the backbone of the model in the package."""

import shutil

import msgspec
import numpy as np
import pytest

from cxr_cli.bundled import files
from cxr_cli.dataset.seen import open_seen
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.bundled_weights import bundled_weights_saw_films
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.records import read_record, write_record

SIDE = 64
MOBILENETV2 = ARCHITECTURES["mobilenetv2"]


def build(weights: str):
    from cxr_cli.training.classifier import build_classifier

    return build_classifier(MOBILENETV2, input_size=SIDE, units=8, dropout=0.5, frozen=2 / 3, weights=weights)


def pooled(classifier, films: np.ndarray) -> np.ndarray:
    from cxr_cli.training.engine import keras

    return np.asarray(keras.Model(classifier.model.inputs, classifier.pooled).predict_on_batch(films))


@pytest.fixture(scope="module")
def bundled_mobilenet(packed, tmp_path_factory):
    """A MobileNetV2 of random weights, packed in half precision; the classifier and the folder."""
    from cxr_cli.training.engine import keras
    from cxr_cli.training.gradcam import with_map
    from cxr_cli.training.to_litert import convert_to_litert

    keras.utils.set_random_seed(1)
    classifier = build("none")
    draw = np.random.default_rng(1)
    for layer in classifier.model.get_layer("backbone").layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # as after training: no parameter has its first value
            count = layer.gamma.shape[0]
            layer.set_weights([draw.uniform(low, high, count) for low, high in ((1, 2), (-1, 1), (-1, 1), (0.1, 1))])
    root = tmp_path_factory.mktemp("mobilenet") / "model"
    shutil.copytree(packed, root)
    run = RunFolder(root)
    convert_to_litert(with_map(classifier, evidence=True), run.litert_model, precision="float16")
    changed = {"arch": "mobilenetv2", "sha256": {}}
    write_record(run.record, msgspec.structs.replace(read_record(run.record, RunRecord), **changed))
    return classifier, root


def test_its_features_are_those_of_the_model_in_the_package(bundled_mobilenet, monkeypatch):
    original, root = bundled_mobilenet
    monkeypatch.setattr(files, "MODEL", root)
    films = np.random.default_rng(2).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)

    begun = build("bundled")

    assert begun.weights.keys() == {"source", "version", "file", "sha256"}
    assert (begun.weights["source"], begun.weights["version"]) == ("bundled", "9.1")
    expected = pooled(original, films)
    assert expected.std() > 0.05
    np.testing.assert_allclose(pooled(begun, films), expected, atol=0.02 * expected.max())
    np.testing.assert_raises(AssertionError, np.testing.assert_allclose, pooled(build("none"), films), expected, 0.1)


def test_the_run_records_them_and_remembers_the_films_behind_them(bundled_mobilenet, monkeypatch, own_trained, film):
    from cxr_cli.films.reader import read_film
    from cxr_cli.training.runs import train_run

    _, root = bundled_mobilenet
    monkeypatch.setattr(files, "MODEL", root)
    # Without the head start, which would enlarge the tiny differences between the features of random weights.
    options = {"image_size": 32, "epochs": 1, "head_start": False}
    trained = train_run(own_trained, arch="mobilenetv2", weights="bundled", name="begun", **options)

    assert trained is not None
    assert trained.record.weights["source"] == "bundled"
    assert trained.run.fingerprints.read_bytes() == RunFolder(root).fingerprints.read_bytes()
    index = open_seen(trained.run, own_trained.dataset, trained_on="", digests={})
    assert index is not None
    assert index.match_file(film, read_film(film)) == "film"


@pytest.mark.parametrize(("freeze", "saw"), [(None, True), (0.5, True), (1.0, False), (1, False)])
def test_a_backbone_that_was_frozen_has_seen_no_film(packed, tmp_path, monkeypatch, freeze, saw):
    run = RunFolder(tmp_path / "model")
    shutil.copytree(packed, run.root)
    record = read_record(run.record, RunRecord)
    write_record(run.record, msgspec.structs.replace(record, options=record.options | {"freeze": freeze}))
    monkeypatch.setattr(files, "MODEL", run.root)

    assert bundled_weights_saw_films() == saw


def test_the_error_without_a_network_offers_them(bundled_mobilenet, monkeypatch, tmp_path):
    from cxr_cli.errors import WeightsError
    from cxr_cli.training import weights

    def no_network(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(weights.keras.utils, "get_file", no_network)
    with pytest.raises(WeightsError) as without:
        build("imagenet")
    monkeypatch.setattr(files, "MODEL", bundled_mobilenet[1])
    with pytest.raises(WeightsError) as offered:
        build("imagenet")

    assert "--weights bundled" not in without.value.hint
    assert "or use the model in the package: --weights bundled; or name your own" in offered.value.hint
