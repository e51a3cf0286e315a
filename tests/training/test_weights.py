import dataclasses
import functools
import hashlib
import http.server
import re
import threading

import numpy as np
import pytest

from cxr_cli.errors import WeightsError
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.training.engine import keras
from cxr_cli.training.weights import load_weights

ROW = ARCHITECTURES["mobilenetv2"]


def backbone(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))


@pytest.fixture(scope="module")
def unchanged():
    """A backbone for weights that are refused."""
    return backbone()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty Keras cache."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def test_weights_are_loaded_from_a_file_and_recorded(tmp_path):
    source, target = backbone(seed=1), backbone(seed=2)
    path = tmp_path / "own.weights.h5"
    source.save_weights(path)

    origin = load_weights(target, ROW, weights=str(path))

    assert origin == {"source": "file", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for expected, loaded in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, loaded)


def test_none_starts_from_random_weights_and_records_it(unchanged):
    assert load_weights(unchanged, ROW, weights="none") == {"source": "none"}


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_a_file_without_weights_is_refused(unchanged, tmp_path, content):
    path = tmp_path / "bad.weights.h5"
    path.write_bytes(content)

    with pytest.raises(
        WeightsError, match=r"Expected weights of MobileNetV2 without its top. Received: .*bad.weights.h5"
    ):
        load_weights(unchanged, ROW, weights=str(path))


def test_weights_of_another_model_are_refused(unchanged, tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.applications.MobileNet(include_top=False, weights=None, input_shape=(64, 64, 3)).save_weights(path)

    with pytest.raises(WeightsError, match="which doesn't fit"):
        load_weights(unchanged, ROW, weights=str(path))


def test_without_a_network_the_error_names_the_file_and_three_alternatives(unchanged, cache):
    row = dataclasses.replace(ROW, imagenet="http://127.0.0.1:9/mobilenet_v2_no_top.h5")  # nobody listens on this port

    with pytest.raises(WeightsError) as raised:
        load_weights(unchanged, row, weights="imagenet")

    assert "mobilenet_v2_no_top.h5" in raised.value.message
    assert str(cache / "models") in raised.value.message
    assert raised.value.hint == (
        "Run it once with a network connection; or put that file into that folder; or name your own: --weights FILE "
        "(--weights none starts from random weights, which needs thousands of films)"
    )


def test_imagenet_weights_are_downloaded_once_and_cached(cache, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    source = backbone(seed=1)
    source.save_weights(served / "w.weights.h5")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        row = dataclasses.replace(ROW, imagenet=f"http://127.0.0.1:{server.server_port}/w.weights.h5")
        first = load_weights(backbone(seed=2), row, weights="imagenet")
        server.shutdown()
    target = backbone(seed=3)
    second = load_weights(target, row, weights="imagenet")  # without the server: from the cache

    assert first == second
    assert first["source"] == "imagenet"
    assert (cache / "models" / "w.weights.h5").is_file()
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])


@pytest.mark.realdata
def test_the_shared_weights_can_be_loaded(shared):
    target = backbone()
    before = target.get_weights()[0].copy()

    origin = load_weights(target, ROW, weights=str(shared / "weights" / "mobilenetv2_1.0_notop.weights.h5"))

    assert origin["source"] == "file"
    assert not np.array_equal(before, target.get_weights()[0])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["mobilenetv2_1.0_notop.weights.h5", "mobilenet_1.0_notop.weights.h5"], "mobilenetv2_1.0_notop.weights.h5"),
        (["MobileNetV2.weights.h5", "resnet50.h5"], "MobileNetV2.weights.h5"),
        # Named as in Keras's cache, where one name is the prefix of another architecture's.
        (
            [ROW.imagenet.rsplit("/", 1)[-1], "mobilenet_1_0_224_tf_no_top.h5", "mobilenetv2_old.h5"],
            ROW.imagenet.rsplit("/", 1)[-1],
        ),
    ],
)
def test_a_folder_is_searched_by_name(unchanged, tmp_path, files, expected):
    for name in files:
        (tmp_path / name).touch()

    with pytest.raises(WeightsError, match=rf"Received: {re.escape(str(tmp_path / expected))}, which doesn't fit"):
        load_weights(unchanged, ROW, weights=str(tmp_path))


@pytest.mark.parametrize(
    ("files", "received"),
    [
        ([], "no .h5 file"),
        (["mobilenet_a.h5"], "mobilenet_a.h5"),
        (["mobilenetv2_a.h5", "mobilenetv2_b.h5"], "mobilenetv2_a.h5, mobilenetv2_b.h5"),
    ],
)
def test_a_folder_without_exactly_one_such_file_is_refused(unchanged, tmp_path, files, received):
    for name in files:
        (tmp_path / name).touch()

    with pytest.raises(WeightsError, match=f"Expected one file of MobileNetV2's weights .* Received: {received}"):
        load_weights(unchanged, ROW, weights=str(tmp_path))
