import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter

import msgspec
import numpy as np
import pytest
from PIL import Image
from scipy.special import logit

from cxr_cli import load_run
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.operating_points import OperatingPoint
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.recipe.record import RunRecord
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.workspace.records import read_record, write_record

COLUMNS = ["image", "class", "confidence", "probability", "raw_probability", "positive", "model", "threshold", "set"]
COLUMNS += ["seen", "note", "reason", "error"]
UNTESTED = (
    "Warning: simple-cnn has not been tested: nobody knows how often it is right. Test it: cxr evaluate simple-cnn\n"
)
NOTICE = "Predicted by the run simple-cnn. For research and teaching only, never a diagnosis.\n"


def test_the_text_output_is_class_and_confidence(cxr, trained, film):
    result = cxr("predict", film, "-w", trained.root)

    assert result.exit_code == 0
    assert re.fullmatch(
        rf"{re.escape(str(film))}\n  Class      : (non_)?covid\n(  Confidence : \d+\.\d%\n)?"
        r"(  Decided by : P\(covid\) .+\n)?",
        result.stdout,
    )
    assert result.stderr == (
        f"{UNTESTED}Note: simple-cnn was trained or validated on this film, so this prediction doesn't test the run.\n"
        f"{NOTICE}"
    )


def test_json_has_a_stable_shape_and_agrees_with_the_model(cxr, trained, film):
    (answer,) = json.loads(cxr("predict", film, "--json", "-w", trained.root).stdout)
    expected = open_predictor(trained.run()).predict(read_film(film))

    assert list(answer) == [*COLUMNS, "probabilities", "doubts"]
    assert answer["image"] == str(film)
    assert answer["class"] == expected.label
    assert answer["model"] == "simple-cnn"
    assert list(answer["probabilities"]) == ["non_covid", "covid"]
    assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert answer["confidence"] == answer["probabilities"][answer["class"]]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=2e-6)


def test_a_threshold_other_than_a_half_is_printed_with_the_decision(cxr, own_trained, film):
    path = own_trained.run().record
    record = msgspec.structs.replace(
        read_record(path, RunRecord), threshold=0.5, calibration=None, operating_point=None
    )
    write_record(path, record)
    result = cxr("predict", film, "-w", own_trained.root)
    probability = open_predictor(own_trained.run()).predict(read_film(film)).probabilities["covid"]
    assert "Decided by" not in result.stdout

    point = OperatingPoint(
        rule="sensitivity=0.95",
        threshold=probability - 0.001,
        sensitivity=0.95,
        specificity=0.4,
        positives=20,
        negatives=10,
    )
    for threshold, label, side in (
        (probability - 0.001, "covid", "above"),
        (probability + 0.001, "non_covid", "below"),
    ):
        write_record(path, msgspec.structs.replace(record, threshold=threshold, operating_point=point))
        confidence = probability if label == "covid" else 1 - probability
        assert cxr("predict", film, "-w", own_trained.root).stdout == (
            f"{film}\n  Class      : {label}\n"
            + (f"  Confidence : {confidence:.1%}\n" if confidence >= 0.5 else "")
            + f"  Decided by : P(covid) {probability:.1%}, {side} the operating point of {threshold:.1%} "
            "(sensitivity=0.95)\n"
        )


def test_a_prevalence_shifts_the_probability_and_not_the_class(cxr, trained, film):
    share = read_record(trained.run().record, RunRecord).calibration.prevalence
    plain = json.loads(cxr("predict", film, "--json", "-w", trained.root).stdout)[0]
    shown = cxr("predict", film, "--json", "--prevalence", "0.05", "-w", trained.root)
    shifted = json.loads(shown.stdout)[0]

    moved = logit(0.05) - logit(share)
    for name in ("probability", "threshold"):
        assert logit(shifted[name]) - logit(plain[name]) == pytest.approx(moved, abs=1e-3)
    assert (shifted["class"], shifted["raw_probability"]) == (plain["class"], plain["raw_probability"])
    assert f"from a prevalence of {share:.3g}, the share of covid among the validation films, to 0.05." in shown.stderr
    assert load_run(trained.run().root, prevalence=0.05).predict(film).probability == pytest.approx(
        shifted["probability"], abs=1e-6
    )


def test_a_folder_and_a_csv_file(cxr, trained, film, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    for name in ("b.png", "a.png"):
        shutil.copy(film, films / name)
    (films / "notes.txt").write_text("no film")
    table = tmp_path / "out" / "answers.csv"

    result = cxr("predict", films, "--csv", table, "-w", trained.root)
    rows = list(csv.DictReader(table.read_text().splitlines()))

    assert result.exit_code == 0
    assert [row["image"] for row in rows] == [str(films / "a.png"), str(films / "b.png")]
    assert list(rows[0]) == COLUMNS
    row = rows[0]
    assert row["positive"] == "covid"
    assert float(row["confidence"]) == pytest.approx(
        float(row["probability"]) if row["class"] == "covid" else 1 - float(row["probability"]), abs=2e-6
    )
    assert 0 <= float(row["raw_probability"]) <= 1


def test_csv_on_stdout_is_what_the_file_is_and_nothing_else(cxr, trained, film, tmp_path):
    table = tmp_path / "answers.csv"

    printed = cxr("predict", film, "--csv", "-", "-w", trained.root)
    written = cxr("predict", film, "-o", table, "-w", trained.root)

    assert printed.exit_code == written.exit_code == 0
    assert printed.stdout == table.read_text()
    assert printed.stderr.endswith(NOTICE)
    assert f"Predictions: {table}\n" in written.stderr
    assert written.stdout.startswith(f"{film}\n  Class      : ")
    assert not list(tmp_path.glob("-*"))


def test_an_output_that_is_no_csv_file_or_a_second_table_is_wrong_usage(cxr, trained, film, tmp_path):
    for arguments, message in (
        (
            ["-o", "answers"],
            "Expected the name of a CSV file. Received: answers. Without a cluster, -o writes CSV.\n"
            "For a CSV file: -o answers.csv. For a folder of Parquet files: add --cluster local",
        ),
        (
            ["-o", "p.json"],
            "Expected the name of a CSV file. Received: p.json. Without a cluster, -o writes CSV.\n"
            "For JSON: cxr predict DIR --json > p.json",
        ),
        (
            ["-o", "p.xlsx"],
            "Expected the name of a CSV file. Received: p.xlsx. Without a cluster, -o writes CSV.\n"
            "Spreadsheets open CSV: -o p.csv",
        ),
        (
            ["-o", "a.csv", "--csv", "b.csv"],
            "Expected one CSV file. Received: b.csv and a.csv.\nLeave out --output a.csv",
        ),
        (
            ["--csv", "-", "--json"],
            "Expected one kind of table on stdout. Received: JSON and CSV.\nLeave out --json, or --csv -",
        ),
    ):
        result = cxr("predict", film, *arguments, "-w", trained.root)

        assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {message}\n")


def test_a_terminal_gets_a_table_of_films_and_everyone_a_summary(cxr, trained, film, tmp_path, monkeypatch):
    for name in ("a.png", "b.png"):
        shutil.copy(film, tmp_path / name)
    (tmp_path / "bad.png").write_text("no film")
    (answer,) = json.loads(cxr("predict", film, "--json", "-w", trained.root).stdout)
    label, share = answer["class"], f"{answer['probability']:.1%}"
    counts = {"non_covid": 0, "covid": 0} | {label: 2}
    width = max(len(label), len("not read"))

    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = cxr("predict", tmp_path.name, "-w", trained.root)

    assert result.exit_code == 4
    assert result.stdout.splitlines()[:5] == [
        f"Films in {tmp_path.name}:",
        f"Film     {'Class':{width}}  P(covid)  Remark",
        f"a.png    {label:{width}}  {share:>8}  seen in training",
        f"b.png    {label:{width}}  {share:>8}  seen in training",
        "bad.png  not read",
    ]
    words = " ".join(result.stdout.split())
    assert re.search(
        r"A film is called covid if P\(covid\) is at least [\d.]+%, the operating point \(youden\)\.", words
    )
    summary = f"3 films: {counts['non_covid']} non_covid, {counts['covid']} covid, 1 that could not be read.\n"
    assert summary in result.stderr


def test_json_and_csv_of_many_films_match_single_predictions(cxr, trained, phantoms, tmp_path):
    films = sorted(phantoms.parent.rglob("*.png"))
    table = tmp_path / "answers.csv"
    result = cxr("predict", phantoms.parent, "--json", "--csv", table, "-w", trained.root)
    answers = json.loads(result.stdout)

    assert result.exit_code == 0
    assert [answer["image"] for answer in answers] == [str(film) for film in films]
    assert result.stdout == json.dumps(answers, indent=2, ensure_ascii=False) + "\n"
    for answer in (answers[0], answers[-1]):
        assert json.loads(cxr("predict", answer["image"], "--json", "-w", trained.root).stdout) == [answer]
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[0] == COLUMNS
    assert rows[1:] == [["" if answer[name] is None else str(answer[name]) for name in COLUMNS] for answer in answers]
    assert list(tmp_path.iterdir()) == [table]


def test_predictions_are_streamed_and_kept_when_interrupted(cxr, trained, phantoms, tmp_path, monkeypatch):
    films = sorted(str(path) for path in phantoms.parent.rglob("*.png"))
    table = tmp_path / "answers.csv"
    table.write_text("of an earlier run")
    predict_all = Predictor.predict_all

    def stopped(self, paths, **options):
        for number, answered in enumerate(predict_all(self, paths, **options)):
            if number == 3:
                raise KeyboardInterrupt
            yield answered

    monkeypatch.setattr(Predictor, "predict_all", stopped)
    result = cxr("predict", phantoms.parent, "--json", "--csv", table, "--replace", "-w", trained.root)

    assert result.exit_code == 130
    assert [answer["image"] for answer in json.loads(result.stdout)] == films[:3]
    assert result.stderr == (
        f"Predicting films: {len(films)}\nPredictions so far: {tmp_path / 'answers.partial.csv'}\nStopped.\n"
    )
    assert table.read_text() == "of an earlier run"
    kept = list(csv.DictReader((tmp_path / "answers.partial.csv").read_text().splitlines()))
    assert [row["image"] for row in kept] == films[:3]

    monkeypatch.undo()
    again = cxr("predict", films[0], "--csv", tmp_path / "answers.csv", "--replace", "-w", trained.root)

    earlier = tmp_path / "answers.partial-2.csv"
    assert f"The rows of an earlier command that was interrupted are kept: {earlier}\n" in again.stderr
    assert [row["image"] for row in csv.DictReader(earlier.read_text().splitlines())] == films[:3]


def test_a_large_jpeg_has_the_same_prediction_in_every_command(cxr, trained, film, tmp_path):
    """It is decoded at reduced size for predictions, and at full size for drawing."""
    path = tmp_path / "film.jpg"
    with Image.open(film) as small:
        small.resize((1100, 1300)).save(path)

    (answer,) = json.loads(cxr("predict", path, "--json", "-w", trained.root).stdout)
    explained = json.loads(cxr("gradcam", path, "-o", tmp_path / "heat.png", "--json", "-w", trained.root).stdout)
    seen = RunPredictors(trained).predict(path, name="film.jpg").row

    assert explained["probabilities"] == answer["probabilities"]
    assert msgspec.to_builtins(seen) == answer | {"image": "film.jpg"}


def test_json_and_csv_are_valid_without_readable_films(cxr, trained, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("no film")
    result = cxr("predict", tmp_path, "--json", "--csv", tmp_path / "answers.csv", "-w", trained.root)

    assert result.exit_code == 1
    assert [(one["class"], one["error"]) for one in json.loads(result.stdout)] == [
        (None, f"Expected a film. Received: {tmp_path / name}, which is not an image.") for name in ("a.png", "b.png")
    ]
    assert result.stderr.endswith(
        f"2 films: 0 non_covid, 0 covid, 2 that could not be read.\nPredictions: {tmp_path / 'answers.csv'}\n"
    )
    assert "Predicted by" not in result.stderr
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text().splitlines()))
    assert [(row["class"], row["probability"]) for row in rows] == [("", ""), ("", "")]
    assert rows[0]["error"] == f"Expected a film. Received: {tmp_path / 'a.png'}, which is not an image."


def test_a_bad_film_does_not_lose_the_good_ones(cxr, trained, film, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_text("not a film")

    result = cxr("predict", bad, film, "--json", "-w", trained.root)

    assert result.exit_code == 4
    assert [(answer["image"], bool(answer["error"])) for answer in json.loads(result.stdout)] == [
        (str(bad), True),
        (str(film), False),
    ]
    assert f"Error: Expected a film. Received: {bad}, which is not an image.\n" in result.stderr
    counted = Counter(answer["class"] for answer in json.loads(result.stdout))
    assert (
        f"2 films: {counted['non_covid']} non_covid, {counted['covid']} covid, 1 that could not be read.\n"
        in result.stderr
    )


def test_a_frame_of_a_dicom_file_is_predicted_like_a_film(cxr, trained, film, tmp_path, write_dicom):
    pixels, path = read_film(film), tmp_path / "film.dcm"
    Image.fromarray(pixels).save(tmp_path / "film.png")
    write_dicom(path, np.stack([pixels[::-1], pixels]), bits=8)

    (chosen,) = json.loads(cxr("predict", path, "--frame", "2", "--json", "-w", trained.root).stdout)
    (alone,) = json.loads(cxr("predict", tmp_path / "film.png", "--json", "-w", trained.root).stdout)
    assert chosen["probability"] == alone["probability"]
    whole = cxr("predict", path, "-w", trained.root)
    assert (whole.exit_code, whole.stdout) == (1, "")
    assert whole.stderr == (
        f"Error: Expected one film. Received: {path} holds 2 frames.\n"
        "Export it alone; or choose it in predict, gradcam or segment: --frame N, with N from 1 to 2\n"
    )
    for command, output in (("gradcam", "heat.png"), ("segment", "lungs")):
        made = cxr(command, path, "--frame", "2", "-o", tmp_path / output, "-w", trained.root)
        assert made.exit_code == 0, made.stderr
    assert cxr("predict", path, "--frame", "0", "-w", trained.root).exit_code == 2


def test_a_missing_film_is_an_error(cxr, trained):
    result = cxr("predict", "nowhere.png", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Expected a film, a folder or a glob. Received: nothing at nowhere.png.\n"
        "Give a radiograph as PNG, JPEG, TIFF, BMP, WebP or DICOM, for example: cxr predict film.png\n"
    )


def test_predict_without_a_run_names_the_command_that_makes_one(cxr, tmp_path, film):
    result = cxr("predict", film, "--workspace", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected a trained run in {tmp_path}/models. Received: no such folder.\n"
        "Train one: cxr train --arch mobilenetv2 --class-weight; or try everything on rendered films first: cxr demo\n"
    )


def test_predict_with_an_unknown_run_lists_the_runs(cxr, trained, film):
    result = cxr("predict", film, "-m", "resnet", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: Expected the name of a trained run in {trained.models}. Received: 'resnet'.\n"
        "Trained runs: simple-cnn\n"
    )


def test_the_workspace_comes_from_the_environment(cxr, trained, film, monkeypatch):
    monkeypatch.setenv("CXR_WORKSPACE", str(trained.root))

    assert cxr("predict", film).exit_code == 0


@pytest.mark.parametrize("damage", [b"", b"not a model"])
def test_a_damaged_model_is_an_error_that_names_it(cxr, own_trained, film, forget_digests, damage):
    forget_digests(own_trained.run())
    model = own_trained.run().litert_model
    model.write_bytes(damage)

    result = cxr("predict", film, "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: Expected a LiteRT model in {model}. Received: ")
    assert result.stderr.endswith("Make it again: cxr train --arch mobilenetv2 --class-weight\n")


@pytest.mark.parametrize("spelled", ["absolute", "dots", "link to it", "link from it", "partial"])
def test_the_csv_file_cannot_be_a_film_in_any_spelling(cxr, trained, film, tmp_path, monkeypatch, spelled):
    monkeypatch.chdir(tmp_path)
    name = "film.partial.png" if spelled == "partial" else "film.png"
    own = tmp_path / name
    shutil.copy(film, own)
    (tmp_path / "folder").mkdir()
    asked, table = name, own
    if spelled == "dots":
        table = tmp_path / "folder" / ".." / name
    elif spelled == "link to it":
        table = tmp_path / "table.csv"
        table.symlink_to(own)
    elif spelled == "link from it":
        asked = "link.png"
        (tmp_path / asked).symlink_to(own)
    elif spelled == "partial":
        table = tmp_path / "film.png"  # its rows are kept in film.partial.png until it is whole

    result = cxr("predict", asked, "--csv", table, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: Expected a CSV file that is not one of the films. Received: {table}, which would replace the film "
        f"{asked}.\nName another file: --csv predictions.csv\n"
    )
    assert own.read_bytes() == film.read_bytes()


def test_class_names_come_from_the_run_not_from_the_alphabet(cxr, own_trained, film, forget_digests):
    """Alphabetical order would make `covid` class 0, and every prediction its opposite."""
    (before,) = json.loads(cxr("predict", film, "--json", "-w", own_trained.root).stdout)
    forget_digests(own_trained.run())
    own_trained.run().class_indices.write_text('{"covid": 1, "non_covid": 0}')
    (after,) = json.loads(cxr("predict", film, "--json", "-w", own_trained.root).stdout)

    assert after == before


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_progress_bar_does_not_disturb_redirected_output(trained, film, tmp_path):
    import pty

    shutil.copy(film, tmp_path / "second.png")
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "cxr_cli", "predict", str(film), str(tmp_path / "second.png")]
    done = subprocess.run(
        [*command, "-w", str(trained.root)], stdout=subprocess.PIPE, stderr=end, text=True, check=True
    )
    os.close(end)
    os.close(terminal)

    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == command[-2:]
