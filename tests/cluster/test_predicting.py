import json
import signal
import subprocess
import sys
import threading

import pyarrow.dataset as ds
import pytest

from cxr_cli.cluster.predicting import predict_on_cluster
from cxr_cli.cluster.record import PredictionsRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.films.find import find_films
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.sets import open_sets
from cxr_cli.workspace.folders import PredictionsFolder
from cxr_cli.workspace.records import read_record

CLIENT = """
import sys
from pathlib import Path
from cxr_cli.cluster.predicting import predict_on_cluster
from cxr_cli.workspace.layout import Workspace
address, workspace, films, output = sys.argv[1:]
predict_on_cluster(address, Workspace(Path(workspace)).run(), [Path(films)], Path(output), partition=2)
"""


@pytest.fixture(scope="module")
def expected(trained, archive):
    """The predictions of one process, in order: image -> class, confidence, probability, error."""
    predictor = open_predictor(trained.run(), threads=1)
    rows = {}
    for path, answer in predictor.predict_all(find_films([archive])):
        if isinstance(answer, CxrError):
            rows[str(path)] = (None, None, None, answer.message)
        else:
            rows[str(path)] = (answer.label, answer.confidence, answer.probabilities["covid"], None)
    assert len(rows) == 203
    return rows


def answers_of(output):
    return ds.dataset(sorted(PredictionsFolder(output).parts.glob("*.parquet"))).to_table().to_pylist()


def check(output, expected):
    """Check that every film occurs once, in order, with the prediction of one process."""
    rows = answers_of(output)
    assert [row["image"] for row in rows] == list(expected)
    for row in rows:
        label, confidence, probability, error = expected[row["image"]]
        assert (row["class"], row["model"], row["error"], row["note"]) == (label, "simple-cnn", error, None)
        assert row["confidence"] == (confidence if confidence is None else pytest.approx(confidence, abs=1e-6))
        assert row["probability"] == (probability if probability is None else pytest.approx(probability, abs=1e-6))
    record = read_record(PredictionsFolder(output).record, PredictionsRecord)
    labels = [row["class"] for row in rows]
    assert record.films == len(expected)
    assert record.answers == {label: labels.count(label) for label in ("non_covid", "covid")}
    assert record.errors == labels.count(None) == 1
    return record


def states(output):
    """Map the name of each part to values that change when it is written again."""
    parts = PredictionsFolder(output).parts.glob("*.parquet")
    return {part.name: (part.stat().st_ino, part.stat().st_mtime_ns) for part in parts}


def test_a_cluster_predicts_as_one_process(cxr, cluster, trained, archive, expected, tmp_path):
    result = cxr("predict", archive, "--cluster", cluster.address, "-o", tmp_path / "out", "-w", trained.root, "--json")
    record = check(tmp_path / "out", expected)

    assert result.exit_code == 4  # as without a cluster, where a film could not be read
    assert json.loads(result.stdout)["films"] == 203
    assert json.loads(result.stdout)["answers"] == record.answers
    assert result.stderr.endswith("1 of 203 files could not be read; the column error says why.\n")
    assert (record.run, record.positive, record.parts, record.films_before, record.threads) == (
        "simple-cnn",
        "covid",
        11,
        0,
        2,
    )


def test_a_finished_archive_is_not_predicted_again(cxr, cluster, trained, archive, expected, tmp_path):
    command = ("predict", archive, "--cluster", cluster.address, "-o", tmp_path / "out", "-w", trained.root)
    first = cxr(*command)
    before = states(tmp_path / "out")
    again = cxr(*command)

    assert again.stdout == first.stdout
    assert first.stdout.startswith("Films        203\n  non_covid")
    assert states(tmp_path / "out") == before


def test_a_killed_worker_neither_loses_nor_repeats_films(cluster, trained, archive, expected, tmp_path):
    folder = PredictionsFolder(tmp_path / "out")
    there = []

    def kill() -> None:
        cluster.wait(lambda: any(folder.parts.glob("*.parquet")))
        cluster.kill_a_worker()
        there.append(len(list(folder.parts.glob("*.parquet"))))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        predict_on_cluster(cluster.address, trained.run(), [archive], folder.root, partition=2)
    finally:
        killer.join()

    assert 0 < there[0] < 102  # it was interrupted midway
    record = check(folder.root, expected)
    assert (record.parts, record.threads) == (102, 1)
    assert not list(folder.parts.glob(".staged-*"))


def test_a_killed_command_resumes(cluster, trained, archive, expected, tmp_path):
    folder = PredictionsFolder(tmp_path / "out")
    places = map(str, (trained.root, archive, folder.root))
    with subprocess.Popen([sys.executable, "-c", CLIENT, cluster.address, *places]) as client:
        try:
            cluster.wait(lambda: len(states(folder.root)) >= 10)
        finally:
            client.kill()
    assert client.returncode == -signal.SIGKILL
    before = states(folder.root)
    assert not folder.record.exists()

    predict_on_cluster(cluster.address, trained.run(), [archive], folder.root)

    record = check(folder.root, expected)
    assert before.items() <= states(folder.root).items()
    assert 19 <= record.films_before < 203
    assert record.parts == 102


def test_only_a_damaged_part_is_written_again(cluster, trained, archive, expected, tmp_path):
    folder = PredictionsFolder(tmp_path / "out")
    predict_on_cluster(cluster.address, trained.run(), [archive], folder.root)
    folder.record.unlink()
    folder.part(3).write_bytes(folder.part(3).read_bytes()[:-100])
    before = states(folder.root)

    predict_on_cluster(cluster.address, trained.run(), [archive], folder.root)

    record = check(folder.root, expected)
    after = states(folder.root)
    assert [name for name in after if after[name] != before[name]] == [folder.part(3).name]
    assert record.films_before == 183


def test_predictions_of_another_run_or_other_films_are_not_overwritten(cluster, own_trained, archive, tmp_path):
    run, output = own_trained.run(), tmp_path / "out"
    predict_on_cluster(cluster.address, run, [archive / "0"], output)
    before = states(output)

    with pytest.raises(WorkspaceError) as error:
        predict_on_cluster(cluster.address, run, [archive / "0", archive / "1"], output)
    assert error.value.message == f"Expected the films that {output} was begun for, 68. Received: 136."

    with pytest.raises(WorkspaceError) as error:
        predict_on_cluster(cluster.address, run, [archive / "0"], output, alpha=0.1)
    assert (
        error.value.message == f"Expected predictions with sets at alpha 0.1 in {output}. Received: those without sets."
    )

    record = json.loads(run.record.read_text())
    run.record.write_text(json.dumps(record | {"threshold": 0.25}))
    with pytest.raises(WorkspaceError) as error:
        predict_on_cluster(cluster.address, run, [archive / "0"], output)
    assert error.value.message == (
        f"Expected predictions of the run simple-cnn in {output}. Received: those of another state, or another "
        "prevalence, of this run."
    )
    assert states(output) == before


def test_a_cluster_gives_prediction_sets(cluster, trained, archive, tmp_path):
    predict_on_cluster(cluster.address, trained.run(), [archive / "0"], tmp_path / "out", alpha=0.4)

    sets = open_sets(trained.run(), 0.4)
    rows = answers_of(tmp_path / "out")
    assert [row["set"] for row in rows] == [None if row["error"] else sets.of(row["raw_probability"]) for row in rows]


def test_local_starts_one_worker_per_core(trained, archive, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("dask.system.CPU_COUNT", 2)

    record = predict_on_cluster("local", trained.run(), [archive], tmp_path / "out")

    check(tmp_path / "out", expected)
    assert record.threads == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["--cluster", "local"],
            "Expected output, the folder for the predictions, with cluster. Received: cluster without it.",
        ),
        (["--output", "out"], "Expected the name of a CSV file. Received: out. Without a cluster, -o writes CSV."),
        (["--cluster", "local", "-o", "out", "--csv", "a.csv"], "Expected cluster or csv. Received: both."),
        (["--cluster", "local", "-o", "out", "--frame", "2"], "Expected cluster or frame. Received: both."),
    ],
)
def test_conflicting_cluster_options_are_refused(cxr, film, arguments, problem):
    result = cxr("predict", film, *arguments)

    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_folder_of_an_earlier_version_is_refused_in_words(cluster, trained, archive, tmp_path):
    folder = PredictionsFolder(tmp_path / "out")
    predict_on_cluster(cluster.address, trained.run(), [archive / "0"], folder.root)
    plan = json.loads(folder.plan.read_text())
    folder.plan.write_text(json.dumps(plan | {"schema_version": 1}))
    before = states(folder.root)

    with pytest.raises(WorkspaceError) as error:
        predict_on_cluster(cluster.address, trained.run(), [archive / "0"], folder.root)

    assert error.value.message == f"Expected version 3 of the record {folder.plan}. Received: version 1."
    assert states(folder.root) == before
