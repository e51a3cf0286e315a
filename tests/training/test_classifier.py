import numpy as np
import pytest

from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.training.classifier import build_classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.input_pipeline import to_rgb


def build(name, **options):
    settings = {"input_size": 64, "units": 8, "dropout": 0.5, "frozen": ARCHITECTURES[name].frozen, "weights": "none"}
    return build_classifier(ARCHITECTURES[name], **{**settings, **options})


def test_the_head_has_the_documented_layers(classifier):
    kinds = [type(layer).__name__ for layer in classifier.model.layers]

    assert kinds[-4:] == ["GlobalAveragePooling2D", "Dense", "Dropout", "Dense"]
    assert classifier.model.input.dtype == "uint8"
    assert classifier.model.output_shape == (None, 1)


def test_scaling_is_inside_the_model():
    model = build("mobilenetv2").model
    scaled = keras.Model(model.input, model.get_layer("scaling").output)
    black_and_white = np.stack([np.zeros((64, 64, 3)), np.full((64, 64, 3), 255)]).astype(np.uint8)

    values = np.asarray(scaled(black_and_white))

    np.testing.assert_allclose(values[0], -1, atol=1e-6)
    np.testing.assert_allclose(values[1], 1, atol=1e-6)


def pretrained(name, tmp_path, frozen):
    path = tmp_path / "own.weights.h5"
    keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3)).save_weights(path)
    return build(name, frozen=frozen, weights=str(path)).model


def train_a_little(model, films):
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)  # else Keras traces the step twice
    model.fit(to_rgb(films), np.array([0, 1, 0, 1, 0, 1.0]), epochs=2, verbose=0)


def test_training_changes_the_upper_third_but_no_batch_norm(films, tmp_path):
    """In Keras 3 the outer model's training=True can override a backbone called with training=False."""
    model = pretrained("mobilenetv2", tmp_path, frozen=2 / 3)
    backbone = model.get_layer("backbone")
    cut = round(len(backbone.layers) * 2 / 3)
    before = [layer.get_weights() for layer in backbone.layers]
    train_a_little(model, films)
    after = [layer.get_weights() for layer in backbone.layers]

    for index, layer in enumerate(backbone.layers):
        same = [np.array_equal(one, two) for one, two in zip(before[index], after[index], strict=True)]
        if index < cut or isinstance(layer, keras.layers.BatchNormalization):
            assert all(same), layer.name
        else:
            assert not any(same), layer.name


def test_batch_norm_learns_its_statistics_from_random_weights(films):
    model = build("simple-cnn", frozen=0.0).model
    norm = next(
        layer for layer in model.get_layer("backbone").layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    before = norm.get_weights()
    train_a_little(model, films)

    assert not any(np.array_equal(one, two) for one, two in zip(before, norm.get_weights(), strict=True))


def test_the_model_loads_in_plain_keras(classifier, films, tmp_path):
    classifier.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(
        again.predict_on_batch(to_rgb(films)), classifier.model.predict_on_batch(to_rgb(films))
    )


def test_a_too_small_image_size_is_refused():
    with pytest.raises(CxrError, match=r"at least 32 pixels for MobileNetV2\. Received: 16"):
        build("mobilenetv2", input_size=16)
