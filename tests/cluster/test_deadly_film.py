"""A film on which one worker after another died becomes a row; see test_partitions.py for the workers."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import cxr_cli
from cxr_cli.cluster import reading
from cxr_cli.cluster.partitions import installed_version
from cxr_cli.cluster.predicting_worker import PartitionTask, predict_piecewise, predictions_fingerprint
from cxr_cli.cluster.tables import write_films
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.workspace.folders import PredictionsFolder, RunFolder

PACKAGE = RunFolder(Path(cxr_cli.__file__).parent / "bundled" / "model")
NAMES = ["a.png", "deadly.png", "text.png", "z.png"]


@pytest.fixture
def films(film, tmp_path) -> list[Path]:
    paths = [tmp_path / name for name in NAMES]
    for path in paths:
        shutil.copy(film, path)
    paths[2].write_text("no film")
    return paths


def one_by_one(task, films):
    """What `OneByOne` gives where workers die on one film."""
    return (None if film.name == "deadly.png" else task(film) for film in films)


def died(film: Path) -> str:
    return f"Expected a film. Received: {film}, on which one worker of the cluster after another died."


def test_predictions_go_on_without_the_film(films, tmp_path):
    if not PACKAGE.record.is_file():
        pytest.skip("this checkout has no model in the package")
    predictor, folder = open_predictor(PACKAGE), PredictionsFolder(tmp_path / "out")
    folder.parts.mkdir(parents=True)
    write_films(films, folder.films)
    fingerprint = predictions_fingerprint(predictor, force=False)
    task = PartitionTask(folder, PACKAGE, fingerprint, size=4, version=installed_version(), force=False)

    counts = predict_piecewise(task, predictor, 0, one_by_one)

    rows = pq.read_table(folder.part(0)).to_pylist()
    not_an_image = f"Expected a film. Received: {films[2]}, which is not an image."
    assert [row["error"] for row in rows] == [None, died(films[1]), not_an_image, None]
    assert counts == {rows[0]["class"]: 2, None: 2}


def test_reading_goes_on_without_the_film(films, tmp_path):
    partition = reading._Partition(tmp_path / "part.parquet", films)

    assert reading._read_piecewise(partition, one_by_one) == 4

    rows = pq.read_table(partition.part).to_pylist()
    not_an_image = f"Expected a film. Received: {films[2]}, which is not an image."
    assert [row["reason"].decode() for row in rows] == ["", died(films[1]), not_an_image, ""]
