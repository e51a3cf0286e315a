import json
import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cxr_cli.dataset.prepare import prepare
from cxr_cli.imaging.reader import read_film
from cxr_cli.imaging.transforms import resize
from cxr_cli.inference.predictor import open_predictor


def test_the_file_gives_the_runs_answer_and_the_output_says_how_it_was_checked(cxr, own_trained, film, tmp_path):
    target = tmp_path / "for" / "phone.tflite"
    result = cxr("export", "simple-cnn", "--format", "litert", "-o", target, "-w", own_trained.root)

    assert result.exit_code == 0
    checked = r"  Checked : opened with LiteRT, (equal to|within \d\.\de-\d\d of) model.keras on 6 validation films"
    assert re.fullmatch(
        "simple-cnn for LiteRT\n"
        rf"  File    : {re.escape(str(target))} \(0\.\d MB\)\n"
        r"  Input   : film \(64, 64, 3\) uint8, RGB, 0 to 255\n"
        r"  Outputs : probability \(1\), cam \(8, 8\), features \(64\), for one film\n"
        rf"{checked}\n",
        result.stdout,
    )
    pixels = np.repeat(resize(read_film(film), 64)[None, ..., None], 3, axis=-1)
    answered = Interpreter(str(target)).get_signature_runner("serving_default")(film=pixels)
    expected = open_predictor(own_trained.run()).answer(read_film(film)).probabilities["covid"]
    assert answered["probability"][0, 0] == pytest.approx(expected, abs=1e-5)
    assert not own_trained.run().exports.exists()


def test_json_tells_the_same_and_the_runs_folder_is_the_default_place(cxr, own_trained):
    result = cxr("export", "-f", "h5", "--json", "-w", own_trained.root)
    told = json.loads(result.stdout)

    made = own_trained.models / "simple-cnn" / "export" / "model.h5"
    assert told["largest_differences"].keys() == {"probability"}
    assert told["largest_differences"]["probability"] <= 1e-3
    assert {**told, "largest_differences": None} == {
        "run": "simple-cnn",
        "format": "h5",
        "file": str(made),
        "bytes": made.stat().st_size,
        "outputs": {"probability": [None, 1]},
        "checked_films": 6,
        "checked_on": "validation films",
        "largest_differences": None,
    }


def test_without_a_dataset_it_is_checked_on_phantoms(cxr, own_trained):
    own_trained.dataset.record.unlink()

    result = cxr("export", "--format", "h5", "-w", own_trained.root)

    assert result.stdout.endswith("on 16 rendered phantoms, for want of a dataset\n")


def test_another_dataset_is_named_as_such(cxr, own_trained, phantoms):
    prepare(own_trained, [phantoms], seed=1)

    result = cxr("export", "--format", "h5", "-w", own_trained.root)

    assert result.stdout.endswith("validation films of another dataset or split than the run's\n")


def test_a_damaged_keras_model_is_an_error_and_leaves_nothing(cxr, own_trained):
    run = own_trained.run()
    run.keras_model.write_bytes(run.keras_model.read_bytes()[:5000])

    result = cxr("export", "--format", "savedmodel", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: Expected a Keras model in {run.keras_model}. Received: " in result.stderr
    assert not run.exports.exists()


def test_what_can_be_refused_is_refused_before_tensorflow_loads(cxr, trained):
    result = cxr("export", "--format", "savedmodel", "-o", trained.dataset.root, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected a new folder, or one of an earlier SavedModel. Received: {trained.dataset.root}.\n"
        "For example: -o saved_model\n"
    )


def test_no_run_and_no_format(cxr, tmp_path):
    assert "Train one: cxr train" in cxr("export", "--format", "h5", "-w", tmp_path).stderr
    assert cxr("export", "-w", tmp_path).exit_code == 2
