import json
import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from sklearn.metrics import roc_auc_score

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.workspace.staging import staged_folder


def test_the_exported_file_predicts_as_the_run_and_the_check_is_printed(cxr, own_trained, film, tmp_path):
    target = tmp_path / "for" / "phone.tflite"
    result = cxr("export", "simple-cnn", "--format", "litert", "-o", target, "-w", own_trained.root)

    assert result.exit_code == 0
    checked = r"  Checked : opened with LiteRT, (equal to|within \d\.\de-\d\d of) model.keras on 6 validation films"
    assert re.fullmatch(
        "simple-cnn for LiteRT\n"
        rf"  File    : {re.escape(str(target))} \(0\.\d MB\)\n"
        r"  Input   : film \(64, 64, 3\) uint8, RGB, 0 to 255\n"
        r"  Outputs : probability \(1\), cam \(8, 8\), features \(64\), activations \(8, 8, 64\), gradients \(64\), "
        r"for one film\n"
        rf"{checked}\n",
        result.stdout,
    )
    pixels = np.repeat(resize(read_film(film), 64)[None, ..., None], 3, axis=-1)
    answered = Interpreter(str(target)).get_signature_runner("serving_default")(film=pixels)
    expected = open_predictor(own_trained.run()).predict(read_film(film)).raw
    assert answered["probability"][0, 0] == pytest.approx(expected, abs=1e-5)
    assert not own_trained.run().exports.exists()


def test_json_has_the_same_content_and_the_run_folder_is_the_default(cxr, own_trained):
    result = cxr("export", "-f", "h5", "--json", "-w", own_trained.root)
    told = json.loads(result.stdout)

    made = own_trained.models / "simple-cnn" / "export" / "model.h5"
    assert told["largest_differences"].keys() == {"probability"}
    assert told["largest_differences"]["probability"] <= 1e-3
    assert {**told, "largest_differences": None} == {
        "run": "simple-cnn",
        "format": "h5",
        "precision": "float32",
        "framing": None,
        "file": str(made),
        "bytes": made.stat().st_size,
        "outputs": {"probability": [None, 1]},
        "checked_films": 6,
        "checked_on": "validation films",
        "largest_differences": None,
    }


def test_the_loss_of_a_lower_precision_is_printed(cxr, own_trained):
    result = cxr("export", "-f", "litert", "--precision", "float16", "-w", own_trained.root)

    made = own_trained.run().exports / "model-float16.tflite"
    assert re.fullmatch(
        "simple-cnn for LiteRT, float16\n"
        rf"  File    : {re.escape(str(made))} \(0\.1 MB; 0\.2 MB in float32\)\n"
        r"  Input   : film \(64, 64, 3\) uint8, RGB, 0 to 255\n"
        r"  Outputs : probability \(1\), cam \(8, 8\), features \(64\), activations \(8, 8, 64\), gradients \(64\), "
        r"for one film\n"
        r"  Checked : opened with LiteRT, compared with model\.keras on 6 validation films\n"
        r"  Change  : probability differs by up to 0\.00\d, 0\.00\d on average; another class for 0 of 6 films\n"
        r"  Map     : differs by up to \d% of the film's largest value\n"
        r"  ROC AUC : \d\.\d{3}, in Keras \d\.\d{3}: 0\.000 lost, on 3 positive and 3 negative films\n"
        r"(  Speed   : \d+\.\d ms per film on (1 thread|\d+ threads), in float32 \d+\.\d ms\n)+",
        result.stdout,
    )


def test_json_of_a_lower_precision_has_the_metrics_of_the_file(cxr, own_trained):
    result = cxr("export", "-f", "litert", "--precision", "int8", "--json", "-w", own_trained.root)
    told = json.loads(result.stdout)

    run, dataset = own_trained.run(), own_trained.dataset
    members = [film for film in read_manifest(dataset) if film.split == "val"]
    films = np.stack([resize(read_film(dataset.root / film.path), 64) for film in members])
    pixels = np.repeat(films[..., None], 3, axis=-1)
    small, own = (
        Interpreter(str(path)).get_signature_runner("serving_default")(film=pixels)["probability"][:, 0]
        for path in (run.exports / "model-int8.tflite", run.litert_model)
    )
    apart = np.abs(small - own)
    assert told["largest_differences"]["probability"] == pytest.approx(apart.max(), abs=1e-4)
    assert told["mean_probability_difference"] == pytest.approx(apart.mean(), abs=1e-4)
    assert apart.max() > 1e-4  # else this would not be the file of lower precision
    assert told["changed_answers"] == np.sum((small >= 0.5) != (own >= 0.5))
    positives = np.array([film.label == "covid" for film in members])
    assert told["positive_films"] == positives.sum()
    assert told["roc_auc"] == roc_auc_score(positives, small)
    assert told["keras_roc_auc"] == roc_auc_score(positives, own)
    assert told["roc_auc_loss"] == told["keras_roc_auc"] - told["roc_auc"]
    assert told["float32_bytes"] == run.litert_model.stat().st_size > 2 * told["bytes"]
    assert "1" in told["milliseconds"]
    assert all(times["file"] > 0 < times["float32"] for times in told["milliseconds"].values())


def test_a_lower_precision_without_validation_films_is_refused(cxr, own_trained):
    own_trained.dataset.record.unlink()

    result = cxr("export", "-f", "litert", "--precision", "int8", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: Expected a prepared dataset in {own_trained.dataset.root}. Received: ")
    assert not own_trained.run().exports.exists()


def test_a_precision_that_a_format_lacks_is_refused(cxr, trained):
    result = cxr("export", "-f", "onnx", "--precision", "float16", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: Expected a precision of onnx: float32. Received: 'float16'.\n"
        "For example: --format litert --precision float16\n"
    )


def test_without_a_dataset_an_export_is_checked_on_phantoms(cxr, own_trained):
    own_trained.dataset.record.unlink()

    result = cxr("export", "--format", "h5", "-w", own_trained.root)

    assert result.stdout.endswith("on 16 rendered phantoms, because there is no dataset\n")


def test_an_export_checked_on_another_dataset_says_so(cxr, own_trained, phantoms):
    prepare(own_trained, metadata=[phantoms], seed=1)

    result = cxr("export", "--format", "h5", "-w", own_trained.root)

    assert result.stdout.endswith("validation films of another dataset or split than the run's\n")


def test_an_export_in_place_of_the_runs_own_model_gets_into_its_record(cxr, own_trained, film):
    run = own_trained.run()
    before = run.litert_model.read_bytes()

    half = ("--format", "litert", "--precision", "float16", "-o", run.litert_model, "--replace")
    result = cxr("export", *half, "-w", own_trained.root)

    assert result.exit_code == 0, result.stderr
    assert run.litert_model.read_bytes() != before
    assert cxr("predict", film, "-w", own_trained.root).exit_code == 0
    run.litert_model.write_bytes(before)
    assert "changed or replaced since" in cxr("export", "--format", "h5", "-w", own_trained.root).stderr


def test_a_damaged_keras_model_is_an_error_and_leaves_no_file(cxr, own_trained, forget_digests):
    run = own_trained.run()
    forget_digests(run)
    run.keras_model.write_bytes(run.keras_model.read_bytes()[:5000])

    result = cxr("export", "--format", "savedmodel", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: Expected a Keras model in {run.keras_model}. Received: " in result.stderr
    assert not run.exports.exists()


def test_invalid_exports_are_refused_before_tensorflow_loads(cxr, trained):
    result = cxr("export", "--format", "savedmodel", "-o", trained.dataset.root, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: Expected a new folder, or one with an earlier SavedModel. Received: {trained.dataset.root}.\n"
        "For example: -o saved_model\n"
    )


def test_an_export_does_not_disturb_a_run_that_is_being_trained(cxr, own_trained):
    with staged_folder(own_trained.models / "other") as stage:
        (stage / "model.keras").write_bytes(b"half a run")
        result = cxr("export", "-f", "savedmodel", "-o", own_trained.models / "exported", "-w", own_trained.root)

        assert result.exit_code == 0
        assert (stage / "model.keras").read_bytes() == b"half a run"
    assert (own_trained.models / "exported" / "saved_model.pb").is_file()
    assert (own_trained.models / "other" / "model.keras").is_file()


def test_a_run_that_is_being_trained_again_is_not_exported_into(cxr, own_trained):
    with own_trained.lock_run("simple-cnn"):
        result = cxr("export", "-f", "h5", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: Expected {own_trained.run().root} to be free. Received: Python (process " in result.stderr


def test_export_without_a_run_or_format_is_an_error(cxr, tmp_path):
    assert "Train one: cxr train" in cxr("export", "--format", "h5", "-w", tmp_path).stderr
    assert cxr("export", "-w", tmp_path).exit_code == 2
