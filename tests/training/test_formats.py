"""Every export format gives the Keras model's predictions, and a file that doesn't is refused."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cxr_cli.errors import CxrError, ExportError, WorkspaceError
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.record import Boosting, RunRecord
from cxr_cli.training.engine import keras
from cxr_cli.training.export import export_run
from cxr_cli.training.formats import FORMATS, LOWER_PRECISIONS, OUTPUTS, find_format, plan_export
from cxr_cli.training.gradcam import with_map
from cxr_cli.training.input_pipeline import to_rgb
from cxr_cli.workspace.records import read_record, write_record

needs_onnx = pytest.mark.skipif(
    not all(map(find_spec, FORMATS["onnx"].packages)), reason='needs ONNX: pip install "cxr-cli[onnx]"'
)
OTHERS = [pytest.param("onnx", marks=needs_onnx), "savedmodel", "h5"]  # test_export.py tests LiteRT
ALL = ["litert", *OTHERS]


@pytest.mark.parametrize(
    ("pair", "name"),
    # The layers of MobileNetV2 are translated for ONNX; other formats are Keras's own, and take long to write.
    [pytest.param("mobilenetv2", "onnx", marks=needs_onnx), *(("simple-cnn", name) for name in ("savedmodel", "h5"))],
    indirect=["pair"],
)
def test_each_format_predicts_as_keras_for_one_and_many_films(classifier, exported, films, tmp_path, name):
    row, path = FORMATS[name], tmp_path / FORMATS[name].file
    with native_output_hidden():
        row.write(classifier, exported, path)
        reader = row.open(path)
        together, alone = reader(to_rgb(films)), reader(to_rgb(films[2:3]))
    expected = with_map(classifier).predict_on_batch(to_rgb(films))

    assert set(together) == set(row.outputs)
    for output in row.outputs:
        scale = np.abs(expected[output]).max()
        assert np.ptp(expected[output]) > 1e-3 * scale
        np.testing.assert_allclose(together[output] / scale, expected[output] / scale, atol=1e-4)
        np.testing.assert_allclose(alone[output] / scale, expected[output][2:3] / scale, atol=1e-4)


@needs_onnx
@pytest.mark.parametrize("pair", ["simple-cnn"], indirect=True)
def test_onnx_has_the_names_and_the_dynamic_batch_of_the_signature(classifier, exported, tmp_path):
    import onnxruntime

    path = tmp_path / "model.onnx"
    with native_output_hidden():
        FORMATS["onnx"].write(classifier, exported, path)
        session = onnxruntime.InferenceSession(path)
    (film,) = session.get_inputs()

    assert (film.name, film.type, film.shape) == ("film", "tensor(uint8)", ["batch", 64, 64, 3])
    assert {output.name for output in session.get_outputs()} == set(OUTPUTS)
    assert {output.shape[0] for output in session.get_outputs()} == {"batch"}


@needs_onnx
def test_onnx_supports_the_layers_of_convnext_and_efficientnet(films, tmp_path):
    """Grouped convolutions and Normalization break Keras's own export to ONNX, and tf2onnx lacks LiteRT's GELU."""
    from cxr_cli.training.to_onnx import convert_to_onnx

    keras.utils.set_random_seed(2)
    film = keras.Input((64, 64, 3), dtype="uint8", name="film")
    scaled = keras.layers.Normalization(mean=[120.0, 121.0, 122.0], variance=[900.0] * 3)(
        keras.layers.Rescaling(1.0)(film)
    )
    grouped = keras.layers.Conv2D(12, 3, groups=3)(scaled)
    active = keras.layers.Dense(8, activation="gelu")(keras.layers.LayerNormalization()(grouped))
    model = keras.Model(film, {"probability": keras.layers.GlobalAveragePooling2D()(active)})
    litert, onnx = tmp_path / "model.tflite", tmp_path / "model.onnx"
    with native_output_hidden():
        model.export(str(litert), format="litert", verbose=False)
        operations = {row["op_name"] for row in Interpreter(str(litert))._get_ops_details()}
        convert_to_onnx(litert, onnx, outputs=OUTPUTS)
        answered = FORMATS["onnx"].open(onnx)(to_rgb(films))["probability"]

    assert "GELU" in operations
    np.testing.assert_allclose(answered, model.predict_on_batch(to_rgb(films))["probability"], atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_file_with_other_weights_is_refused_and_an_earlier_one_is_kept(own_trained, monkeypatch, tmp_path, name):
    row = FORMATS[name]
    target = tmp_path / row.file
    export_run(own_trained, format_name=name, output=target)
    before = {path: path.read_bytes() for path in [target, *target.rglob("*")] if path.is_file()}

    def write_another(classifier, litert_model, path):
        layer = classifier.model.get_layer("probability")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, bias + 0.01])
        if name == "onnx":  # made from model.tflite
            litert_model = tmp_path / "another.tflite"
            FORMATS["litert"].write(classifier, litert_model, litert_model)
        row.write(classifier, litert_model, path)

    monkeypatch.setitem(FORMATS, name, replace(row, write=write_another))
    with pytest.raises(ExportError, match=r"within 0\.001 of the Keras model on \d+ films\. .*probability 0"):
        export_run(own_trained, format_name=name, output=target)

    assert {path: path.read_bytes() for path in [target, *target.rglob("*")] if path.is_file()} == before


@pytest.mark.parametrize(
    ("limits", "message", "hint"),
    [
        ({"tolerance": 1e-9}, r"within 1e-09 of the Keras model on 6 films\..*probability", "float16"),
        ({"auc_loss": -1.1}, r"in int8 to lose -1\.1 of the AUC at most, on 6 films\. .* instead of", "float16"),
    ],
)
def test_a_precision_that_loses_too_much_is_refused(own_trained, monkeypatch, limits, message, hint):
    monkeypatch.setitem(LOWER_PRECISIONS, "int8", replace(LOWER_PRECISIONS["int8"], **limits))

    with pytest.raises(ExportError, match=message) as refused:
        export_run(own_trained, format_name="litert", precision="int8")

    assert "Nothing is written." in refused.value.message
    assert refused.value.hint == f"Try --precision {hint}"
    assert not own_trained.run().exports.exists() or not list(own_trained.run().exports.iterdir())


@pytest.mark.parametrize(
    ("pair", "precision", "smaller"),
    [("simple-cnn", "float16", 1.5), ("mobilenetv2", "int8", 2.5)],
    indirect=["pair"],
)
def test_lower_precisions_keep_the_signature(classifier, exported, films, tmp_path, precision, smaller):
    row = find_format("litert", precision)
    path = tmp_path / row.file
    with native_output_hidden():
        row.write(classifier, exported, path)
    runner, own = (Interpreter(str(file)).get_signature_runner("serving_default") for file in (path, exported))

    def types(details):
        return {name: (tensor["dtype"], tensor["shape_signature"].tolist()) for name, tensor in details.items()}

    assert types(runner.get_input_details()) == types(own.get_input_details())
    assert types(runner.get_output_details()) == types(own.get_output_details())
    assert exported.stat().st_size / path.stat().st_size > smaller
    assert runner(film=to_rgb(films[:3]))["probability"].shape == (3, 1)


def test_a_file_that_its_tool_cannot_open_is_refused(own_trained, monkeypatch):
    broken = replace(FORMATS["h5"], write=lambda classifier, litert_model, path: path.write_bytes(b"no model"))
    monkeypatch.setitem(FORMATS, "h5", broken)

    with pytest.raises(ExportError, match=r"Expected Keras to open and run model\.h5\. Received: "):
        export_run(own_trained, format_name="h5")
    assert not own_trained.run().exports.exists()


def test_a_keras_model_that_differs_from_the_tflite_file_is_refused(own_trained, forget_digests):
    run = own_trained.run()
    forget_digests(run)
    model = keras.models.load_model(run.keras_model, compile=False)
    model.get_layer("probability").bias.assign([0.3])
    model.save(run.keras_model)

    with pytest.raises(WorkspaceError, match=r"Expected the outputs of model\.tflite within") as refused:
        export_run(own_trained, format_name="h5")
    assert f"{run.litert_model} is damaged, or of another training run than model.keras." in refused.value.hint
    assert not run.exports.exists()


def test_missing_packages_are_an_error_that_names_the_extra(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)

    with pytest.raises(CxrError, match="Expected the package tf2onnx for this format") as refused:
        plan_export(trained.run(), FORMATS["onnx"])
    assert refused.value.hint == 'Install it: pip install "cxr-cli[onnx]"'


def test_a_hybrid_run_cannot_be_exported_as_one_file(own_trained):
    run = own_trained.run()
    boosted = msgspec.structs.replace(
        read_record(run.record, RunRecord), boosting=Boosting(trees=3, features=64, val_loss=0.5)
    )
    write_record(run.record, boosted)

    with pytest.raises(CxrError, match="Expected a run that predicts from one file"):
        plan_export(run, FORMATS["litert"])


@pytest.mark.parametrize(("name", "output"), [("h5", "model.keras"), ("onnx", "model"), ("litert", "run.json")])
def test_a_suffix_of_another_format_is_refused(trained, name, output):
    with pytest.raises(CxrError, match=rf"Expected a file name ending in .*Received: {output}"):
        plan_export(trained.run(), replace(FORMATS[name], packages=()), Path(output))


def test_a_savedmodel_never_replaces_another_folder(trained, tmp_path):
    savedmodel = FORMATS["savedmodel"]
    assert plan_export(trained.run(), savedmodel, tmp_path) == tmp_path  # empty
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(CxrError, match="Expected a new folder, or one with an earlier SavedModel"):
        plan_export(trained.run(), savedmodel, tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert plan_export(trained.run(), savedmodel, tmp_path) == tmp_path


def test_an_unknown_format_is_an_error_that_lists_the_formats():
    with pytest.raises(CxrError, match=r"Expected a format: litert, onnx, savedmodel, h5\. Received: 'pt'"):
        find_format("pt")


def test_an_unknown_precision_is_an_error_that_lists_the_precisions():
    with pytest.raises(CxrError, match=r"Expected a precision of litert: float32, float16, int8\. Received: 'int4'"):
        find_format("litert", "int4")
