"""Films of another hospital: read in the same way, at the run's operating point, beside the run's own test."""

import csv
import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from cxr_cli.cli import app
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.evaluation.classes_in_words import classes_of_folder
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.intervals import Interval, gap_interval
from cxr_cli.metrics.table import METRICS, metrics_in
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.record import RunRecord
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Metadata of 24 phantoms that no run in the tests has seen."""
    return write_phantoms(tmp_path_factory.mktemp("other hospital"), films=24, seed=77)


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def tested_once(trained, tmp_path_factory):
    """A copy of `trained` in which the run has been evaluated."""
    workspace = Workspace(tmp_path_factory.mktemp("tested") / "workspace")
    shutil.copytree(trained.root, workspace.root)
    for path, kind in ((workspace.dataset.record, DatasetRecord), (workspace.run().record, RunRecord)):
        write_record(path, msgspec.structs.replace(read_record(path, kind), created="2026-01-01T00:00:00+00:00"))
    with pytest.raises(SystemExit):
        app.main(["evaluate", "-w", str(workspace.root)])
    return workspace


@pytest.fixture
def tested(tested_once, tmp_path):
    """A copy of `tested_once` that a test can change."""
    shutil.copytree(tested_once.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def class_folders(elsewhere, tmp_path):
    """The same films in the folders COVID-19 and normal of `tmp_path / "clinic"`."""
    for row in rows_of(elsewhere):
        name = "COVID-19" if "COVID-19" in row["finding"] else "normal"
        folder = tmp_path / "clinic" / name
        folder.mkdir(parents=True, exist_ok=True)
        image = next(elsewhere.parent.rglob(row["filename"]))
        shutil.copy(image, folder / f"{row['patientid']}_{row['filename']}")
    return tmp_path / "clinic"


def test_internal_and_external_results_are_side_by_side_with_the_gap(cxr, own_trained, elsewhere):
    result = cxr("evaluate", "--all", "--external", "--metadata", elsewhere, "-w", own_trained.root)
    (name,) = {path.name for path in (own_trained.root / "evaluations" / "simple-cnn").glob("[!.]*")} - {"test"}
    folder = own_trained.evaluation("simple-cnn", name)
    outside = read_record(folder.record, EvaluationRecord)
    inside = read_record(own_trained.evaluation("simple-cnn", "test").record, EvaluationRecord)

    assert result.exit_code == 0, result.stderr
    assert "simple-cnn has no evaluation on these test films: testing it first" in result.stderr
    assert name == re.sub(r"[^A-Za-z0-9._+-]+", "-", elsewhere.parent.name)
    assert result.stdout.splitlines()[0] == (
        f"simple-cnn on {name}, films from elsewhere: {outside.films} films of {outside.patients} patients, "
        f"{classes_of_folder(outside, folder)}"
    )
    assert outside.external.metadata == [str(elsewhere)]
    assert outside.external.internal == inside.created
    assert list(outside.external.gaps) == [metric.name for metric in metrics_in("external")]
    for metric, gap in outside.external.gaps.items():
        assert (gap.internal, gap.external) == (inside.metrics[metric], outside.metrics[metric])
        assert gap.gap == gap.external - gap.internal
        assert gap.interval == gap_interval(
            gap.external, outside.intervals[metric], gap.internal, inside.intervals[metric]
        )
    auc = outside.external.gaps["roc_auc"]
    assert re.search(
        rf"^ROC AUC +{auc.internal:.3f} \(.+?\) +{auc.external:.3f} \(.+?\) +"
        rf"{re.escape(f'{auc.gap:+.3f} ({auc.interval.low:+.3f} to {auc.interval.high:+.3f})')}$",
        result.stdout,
        re.MULTILINE,
    )
    assert "was trained or validated on" not in result.stdout
    told = json.loads(cxr("evaluate", "--external", "--metadata", elsewhere, "--json", "-w", own_trained.root).stdout)
    assert told | {"created": ""} == msgspec.to_builtins(outside) | {"created": ""}


def test_external_films_are_predicted_as_by_predict(cxr, tested, class_folders):
    pattern = r"^([\w-]+?)_"
    result = cxr(
        "evaluate", "--all", "--external", "--folders", class_folders, "--patient-pattern", pattern, "-w", tested.root
    )
    rows = rows_of(tested.evaluation("simple-cnn", "clinic").predictions)
    predictor = open_predictor(tested.run())

    assert result.exit_code == 0, result.stderr
    assert {row["image"] for row in rows} == {str(path) for path in class_folders.rglob("*.png")}
    for row in rows:
        folder, name = row["image"].split("/")[-2:]
        answer = predictor.predict(read_film(class_folders / folder / name))
        assert row["truth"] == ("covid" if folder == "COVID-19" else "non_covid")
        assert (row["finding"], row["class"], row["source"]) == (folder, answer.label, "clinic")
        assert float(row["probability"]) == pytest.approx(answer.probabilities["covid"], abs=1e-6)
        assert row["patient"] == re.match(pattern, name)[1]
        assert row["group"] == f"clinic:{row['patient']}"


@pytest.mark.parametrize(
    ("left", "there", "told", "silent"),
    [("normal", "non_covid", "specificity", "sensitivity"), ("COVID-19", "covid", "sensitivity", "specificity")],
)
def test_one_class_is_enough_for_sensitivity_or_specificity(cxr, tested, class_folders, left, there, told, silent):
    for folder in class_folders.iterdir():
        if folder.name != left:
            shutil.rmtree(folder)
    if left == "normal":
        (class_folders / left).rename(class_folders / "non_covid")
    result = cxr(
        "evaluate", "--all", "--external", "--folders", class_folders, "--prevalence", "0.1", "-w", tested.root
    )
    folder = tested.evaluation("simple-cnn", "clinic")
    report = read_record(folder.record, EvaluationRecord)

    assert result.exit_code == 0, result.stderr
    assert f"All films are {there}: only the {told} can be measured." in result.stdout
    assert re.search(rf"^{told.capitalize()} +\d\.\d{{3}}  ", result.stdout, re.MULTILINE)
    assert not re.search(rf"^({silent.capitalize()}|ROC AUC|Accuracy) +\d\.\d{{3}}  ", result.stdout, re.MULTILINE)
    assert "PPV and NPV at a prevalence need films of both classes." in result.stdout
    assert report.metrics[silent] is None
    assert {name for name in METRICS if report.metrics[name] is not None} == {told, "accuracy", "brier", "log_loss"}
    assert report.intervals["precision"] is report.intervals["f1"] is None
    gap = report.external.gaps[told].gap
    way = f"{'higher' if gap > 0 else 'lower'} by {abs(gap):.3f}" if abs(gap) >= 0.0005 else "the same"
    assert f"\nElsewhere: {told} {way}.\n" in result.stdout
    assert f" patients, all {there}\n" in result.stdout
    assert report.external.gaps[told].gap is not None
    assert report.external.gaps[silent].internal is not None
    assert report.external.gaps[silent].gap is None
    assert report.predictive_values.positive is None
    assert not folder.roc_picture.exists()


def test_metadata_without_the_positive_finding_is_all_negative_with_a_warning(cxr, tested, elsewhere, tmp_path):
    table = tmp_path / "none.csv"
    table.write_text(elsewhere.read_text().replace("COVID-19", "Influenza"))
    result = cxr(
        "evaluate",
        "--external",
        "--metadata",
        table,
        "--images",
        elsewhere.parent,
        "--name",
        "flu",
        "-w",
        tested.root,
    )

    assert result.exit_code == 0, result.stderr
    assert re.search(
        r"No finding names covid: all films count as non_covid\. There are [^.]*Influenza \(\d+\)[^.]*\. "
        r"Name another finding: --positive TEXT\n",
        result.stderr,
    )
    films = ["--metadata", table, "--images", elsewhere.parent, "--name", "slip"]
    slip = cxr("evaluate", "--external", *films, "--positive", "Influensa", "-w", tested.root)
    assert "with the finding Influensa. Received: " in slip.stderr
    assert slip.stderr.endswith("Say which is positive, for example: --positive Influenza\n")
    other = cxr(
        "evaluate",
        "--external",
        "--metadata",
        table,
        "--images",
        elsewhere.parent,
        "--name",
        "flu",
        "--positive",
        "Influenza",
        "-w",
        tested.root,
    )
    assert "No finding names" not in other.stderr
    assert read_record(tested.evaluation("simple-cnn", "flu").record, EvaluationRecord).positives > 0


def test_class_folders_without_a_known_positive_class_are_refused(cxr, tested, class_folders):
    (class_folders / "COVID-19").rename(class_folders / "sick")
    command = ("evaluate", "--all", "--external", "--folders", class_folders, "-w", tested.root)
    refused = cxr(*command)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Expected the name of the positive class folder." in refused.stderr
    assert "the run's classes are non_covid and covid." in refused.stderr
    assert "Say which: --positive normal or --positive sick" in refused.stderr
    assert cxr(*command, "--positive", "sick").exit_code == 0
    rows = rows_of(tested.evaluation("simple-cnn", "clinic").predictions)
    assert {row["truth"] for row in rows if row["finding"] == "sick"} == {"covid"}


def test_the_name_of_a_part_is_refused_for_an_external_test(cxr, tested, class_folders):
    command = ("evaluate", "--all", "--external", "--folders", class_folders, "-w", tested.root)
    for name in ("test", "../out"):
        refused = cxr(*command, "--name", name)
        assert refused.exit_code == 2
        assert "Expected a name of letters, digits" in refused.stderr
    class_folders.rename(class_folders.parent / "test")
    assert cxr("evaluate", "--external", "--folders", class_folders.parent / "test", "-w", tested.root).exit_code == 0
    assert tested.evaluation("simple-cnn", "external-test").record.is_file()


def test_without_the_runs_own_dataset_there_is_no_internal_result(cxr, tested, class_folders):
    command = ("evaluate", "--all", "--external", "--folders", class_folders, "-w", tested.root)
    path = tested.run().record
    another = {"dataset_fingerprint": "0" * 64, "weights_sha256": "0" * 64, "sha256": {}}
    write_record(path, msgspec.structs.replace(read_record(path, RunRecord), **another))
    other = cxr(*command)
    assert "No internal test to compare with: simple-cnn was trained on another dataset or split" in other.stderr

    shutil.rmtree(tested.dataset.root)
    gone = cxr(*command)
    assert gone.exit_code == 0
    assert "No internal test to compare with. Expected a prepared dataset in" in gone.stderr
    assert "internal" not in gone.stdout
    assert read_record(tested.evaluation("simple-cnn", "clinic").record, EvaluationRecord).external.gaps == {}


def test_an_unreadable_file_is_left_out_and_counted(cxr, tested, class_folders):
    (class_folders / "normal" / "broken.png").write_bytes(b"no film")
    cxr("evaluate", "--all", "--external", "--folders", class_folders, "-w", tested.root)
    report = read_record(tested.evaluation("simple-cnn", "clinic").record, EvaluationRecord)

    assert report.films == 24
    assert [(step.removed, step.left) for step in report.external.funnel][-1] == (1, 24)


def test_the_interval_of_the_gap_is_zou_and_donners():
    inside, outside = Interval(low=0.6, high=0.8), Interval(low=0.3, high=0.6)

    found = gap_interval(0.4, outside, 0.7, inside)
    assert found.low == pytest.approx(-0.3 - (0.1**2 + 0.1**2) ** 0.5)
    assert found.high == pytest.approx(-0.3 + (0.2**2 + 0.1**2) ** 0.5)


@pytest.fixture
def overlapping(tested, elsewhere, tmp_path):
    """Another hospital's films, three of which the run knows: a training film, a resized copy of one, and another film
    of a patient.
    """
    folder = tmp_path / "phantoms"
    shutil.copytree(elsewhere.parent, folder)
    train = [row for row in rows_of(tested.dataset.manifest) if row["split"] == "train" and row["patient"]]
    rows = rows_of(folder / "metadata.csv")
    shutil.copy(train[0]["original"], folder / rows[0]["filename"])
    with Image.open(train[1]["original"]) as film:
        film.resize((film.width * 9 // 10, film.height * 9 // 10)).save(folder / rows[1]["filename"])
    rows[2]["patientid"] = train[2]["patient"]
    with (folder / "metadata.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for row in rows_of(tested.dataset.manifest):
        assert row["source"] == Path(row["original"]).parent.name
    folder.rename(tmp_path / train[0]["source"])
    return tmp_path / train[0]["source"] / "metadata.csv", [row["filename"] for row in rows[:3]]


def test_training_films_their_copies_and_patients_are_named_and_can_be_dropped(cxr, tested, overlapping):
    table, names = overlapping
    command = ("evaluate", "--all", "--external", "--metadata", table, "--name", "other", "-w", tested.root)
    warned = cxr(*command)
    folder = tested.evaluation("simple-cnn", "other")
    seen_as = {row["image"].split("/")[-1]: row["seen"] for row in rows_of(folder.predictions)}
    seen = {"films": 1, "copies": 1, "maybe_copies": 0, "patients": 1}

    assert [seen_as[name] for name in names] == ["film", "copy", "patient"]
    assert sum(map(bool, seen_as.values())) == 3
    assert warned.stdout.splitlines()[1] == (
        "Alarm: simple-cnn was trained or validated on 3 of these 24 films or their copies or patients "
        "(1 the same film, 1 a copy, 1 another film of the patient): the figures may be too good. Leave "
        "those films out: --drop-seen"
    )
    assert msgspec.to_builtins(read_record(folder.record, EvaluationRecord).seen) == seen | {"dropped": False}

    dropped = cxr(*command, "--drop-seen")
    report = read_record(folder.record, EvaluationRecord)
    assert dropped.stdout.splitlines()[1] == (
        "Left out, because the run has seen them or their patients in training: 1 the same film, 1 a copy, "
        "1 another film of the patient"
    )
    assert "was trained or validated on" not in dropped.stdout
    assert (report.films, msgspec.to_builtins(report.seen)) == (21, seen | {"dropped": True})
    assert not set(names) & {row["image"].split("/")[-1] for row in rows_of(folder.predictions)}


def test_a_run_without_a_list_of_seen_films_has_a_warning(cxr, tested, elsewhere):
    path = tested.run().record
    another = {"dataset_fingerprint": "0" * 64, "weights_sha256": "0" * 64, "sha256": {}}
    write_record(path, msgspec.structs.replace(read_record(path, RunRecord), **another))
    tested.run().seen.unlink(missing_ok=True)
    command = ("evaluate", "--all", "--external", "--metadata", elsewhere, "-w", tested.root)

    assert "Alarm: simple-cnn keeps no record of its training films" in cxr(*command).stdout
    refused = cxr(*command, "--drop-seen")
    assert refused.exit_code == 1
    assert "Expected a run that keeps a record of its training films. Received: simple-cnn" in refused.stderr


def test_without_thumbnails_seen_films_are_recognized_by_the_runs_record(cxr, tested, overlapping, forget_digests):
    table, names = overlapping
    shutil.rmtree(tested.dataset.root)
    command = ("evaluate", "--all", "--external", "--metadata", table, "--name", "other", "-w", tested.root)

    assert cxr(*command).exit_code == 0
    seen_as = {
        row["image"].split("/")[-1]: row["seen"]
        for row in rows_of(tested.evaluation("simple-cnn", "other").predictions)
    }
    assert [seen_as[name] for name in names] == ["film", "maybe copy", "patient"]
    forget_digests(tested.run())
    tested.run().seen.write_text("sha256\nx\n")
    assert "Expected the columns part, sha256, phash, group, patient, source, place in" in cxr(*command).stderr
