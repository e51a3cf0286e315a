"""Every architecture can be trained, exported within tolerance, and used for predictions and heat maps."""

import json

import numpy as np
import pytest
from PIL import Image

from cxr_cli.recipe.architectures import CLASSIFIERS
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.export import FLOAT32_TOLERANCE
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@pytest.fixture
def workspace(prepared, tmp_path):
    """A workspace for this test, with the shared dataset."""
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "dataset").symlink_to(prepared.dataset.root)
    return Workspace(root)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_train_predict_and_explain(cxr, workspace, film, tmp_path, name):
    row = CLASSIFIERS[name]
    size = row.smallest_input
    options = ("--weights", "none", "--epochs", 1, "--image-size", size, "--units", 8)
    trained = cxr("train", "--arch", name, *options, "--workspace", workspace.root)
    assert trained.exit_code == 0, trained.stderr
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
