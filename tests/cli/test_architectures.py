"""Every architecture is what its row says, and can be trained, exported within tolerance, and used for answers.

One pass over each, because building and tracing the large ones takes longest.
"""

import importlib
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS, Architecture
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training import backbones, make_run
from cxr_cli.training.engine import keras
from cxr_cli.training.export import FLOAT32_TOLERANCE
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

FROM_KERAS = [name for name, row in ARCHITECTURES.items() if not hasattr(backbones, row.builder)]
FROZEN = 0.9  # of the large ones: their upper layers are trained, and few gradients are traced


def module_of(row: Architecture) -> Any:
    """The module of keras.applications that has the builder and its preprocessing."""
    return importlib.import_module(getattr(keras.applications, row.builder).__module__)


@pytest.fixture
def workspace(prepared, tmp_path):
    """A workspace for this test, with the shared dataset."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "dataset").symlink_to(prepared.dataset.root)
    return Workspace(root)


def check_backbone(row: Architecture, model: keras.Model, frozen: float) -> None:
    layers = model.get_layer("backbone").layers
    cut = round(len(layers) * frozen)

    assert model.get_layer("backbone").count_params() == row.parameters
    assert not any(layer.trainable for layer in layers[:cut])
    assert all(layer.trainable for layer in layers[cut:])


def check_scaling(row: Architecture, model: keras.Model) -> None:
    """The scaling matches Keras, or the row."""
    gray = np.repeat(np.array([0, 1, 100, 128, 254, 255], np.uint8)[:, None, None, None], 3, axis=-1)
    film = np.broadcast_to(gray, (6, *model.input_shape[1:])).copy()
    scaled = np.asarray(keras.Model(model.input, model.get_layer("scaling").output)(film))

    if hasattr(backbones, row.builder):
        expected = film * np.array(row.scaling.scale) + np.array(row.scaling.offset)
    else:
        expected = module_of(row).preprocess_input(film.astype(np.float32))

    np.testing.assert_allclose(scaled, expected, atol=1e-4)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_it_is_what_its_row_says_and_is_trained_predicts_and_explains(
    cxr, workspace, film, tmp_path, monkeypatch, name
):
    row, frozen = CLASSIFIERS[name], FROZEN if name in FROM_KERAS else 0.0
    build, built = make_run.build_classifier, []
    monkeypatch.setattr(make_run, "build_classifier", lambda *a, **b: built.append(build(*a, **b)) or built[0])
    options = ("--weights", "none", "--epochs", 1, "--image-size", row.smallest_input, "--units", 8)
    trained = cxr("train", "--arch", name, *options, "--freeze", frozen, "--workspace", workspace.root)
    assert trained.exit_code == 0, trained.stderr
    check_backbone(row, built[0].model, frozen)
    check_scaling(row, built[0].model)
    record = read_record(workspace.run(name).record, RunRecord)
    assert record.parameters > row.parameters
    assert record.export.max_probability_difference <= FLOAT32_TOLERANCE
    assert record.export.max_cam_difference <= FLOAT32_TOLERANCE
    assert (record.boosting is not None) is row.boosted

    answer = json.loads(cxr("predict", film, "--json", "--workspace", workspace.root).stdout)[0]
    assert answer["model"] == name

    picture, raw = tmp_path / "heat.png", tmp_path / "heat.npy"
    assert cxr("gradcam", film, "-o", picture, "--workspace", workspace.root).exit_code == 0
    assert cxr("gradcam", film, "--raw", "-o", raw, "--workspace", workspace.root).exit_code == 0
    with Image.open(picture) as drawn, Image.open(film) as source:
        assert drawn.width >= source.width
    cam = np.load(raw)
    assert cam.ndim == 2
    assert np.isfinite(cam).all()


@pytest.mark.parametrize("name", FROM_KERAS)
def test_the_weights_url_is_the_one_keras_uses(name, monkeypatch):
    asked = []

    class AskedError(Exception):
        pass

    def get_file(name, origin, **_):
        asked.append(origin)
        raise AskedError

    monkeypatch.setattr(module_of(ARCHITECTURES[name]).file_utils, "get_file", get_file)
    with pytest.raises(AskedError):
        getattr(keras.applications, ARCHITECTURES[name].builder)(
            include_top=False, weights="imagenet", input_shape=(224, 224, 3)
        )

    assert asked == [ARCHITECTURES[name].imagenet]
