"""Datasets that show only the lungs: preparing, training and predicting."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.films.reader import read_film
from cxr_cli.lungs.keep import keep_lungs
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

METHOD = "otsu"


@pytest.fixture(scope="module")
def lungs(phantoms, tmp_path_factory) -> Workspace:
    """A workspace with a dataset of lungs and a small CNN trained on it. Tests must not change it."""
    from cxr_cli.dataset.prepare import prepare
    from cxr_cli.training.runs import train_run

    workspace = Workspace(tmp_path_factory.mktemp("lungs") / "workspace")
    prepare(workspace, metadata=[phantoms], segment=METHOD)
    train_run(workspace, arch="simple-cnn", image_size=64, epochs=1)
    return workspace


def test_the_films_show_only_the_lungs(lungs):
    dataset = lungs.prepared()
    films = read_manifest(dataset)
    rows = list(csv.DictReader(dataset.segmentation.read_text().splitlines()))

    assert [row["path"] for row in rows] == [film.path for film in films]
    assert sum(row["lungs"] == "True" for row in rows) > len(rows) / 2
    for film, row in zip(films, rows, strict=True):
        original, written = read_film(Path(film.original)), read_film(dataset.root / film.path)
        expected, reason = keep_lungs(original, METHOD)
        np.testing.assert_array_equal(written, expected)
        assert row["reason"] == reason
        if row["lungs"] == "True":
            assert 0.05 < (written > 0).mean() < 0.6
        else:
            np.testing.assert_array_equal(written, original)


def test_segmented_films_make_a_different_dataset(lungs, prepared):
    of_lungs = read_record(lungs.prepared().record, DatasetRecord)
    whole = read_record(prepared.prepared().record, DatasetRecord)

    assert (of_lungs.segment, whole.segment) == (METHOD, None)
    assert of_lungs.fingerprint != whole.fingerprint
    assert [film.split for film in read_manifest(lungs.prepared())] == [
        film.split for film in read_manifest(prepared.prepared())
    ]


def test_a_lungs_only_run_predicts_a_whole_film_from_its_lungs(cxr, lungs, film):
    predictor = open_predictor(lungs.run())
    pixels = read_film(film)
    masked, _ = keep_lungs(pixels, METHOD)
    (answer,) = json.loads(cxr("predict", film, "--json", "-w", lungs.root).stdout)

    assert read_record(lungs.run().record, RunRecord).segment == METHOD
    assert answer["probabilities"]["covid"] == pytest.approx(
        predictor.predict(masked, segmented=True).probabilities["covid"], abs=1e-6
    )
    # Segmented only once: the black around the lungs would change a second segmentation.
    assert predictor.predict(pixels).probabilities == predictor.predict(masked, segmented=True).probabilities
    assert predictor.predict(pixels).probabilities != predictor.predict(pixels, segmented=True).probabilities


def test_evaluate_does_not_segment_films_again(cxr, lungs):
    assert cxr("evaluate", "-w", lungs.root).exit_code == 0
    predictor = open_predictor(lungs.run())
    dataset, predictions = lungs.prepared(), lungs.evaluation("simple-cnn", "test").predictions
    for row in csv.DictReader(predictions.read_text().splitlines()):
        film = read_film(dataset.root / row["image"])
        expected = predictor.predict(film, segmented=True).probabilities["covid"]
        assert float(row["probability"]) == pytest.approx(expected, abs=1e-6)


def test_a_run_of_whole_films_is_not_evaluated_on_lungs(cxr, own_trained, lungs, tmp_path):
    import shutil

    shutil.rmtree(own_trained.dataset.root)
    shutil.copytree(lungs.dataset.root, own_trained.dataset.root)
    result = cxr("evaluate", "-w", own_trained.root)

    assert result.exit_code == 1
    assert f"Expected films as the run simple-cnn was trained on: whole. Received: {own_trained.dataset.root}" in (
        result.stderr
    )


def test_a_film_without_lungs_is_predicted_whole_with_a_note(cxr, lungs, tmp_path):
    from PIL import Image

    noise = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)).save(noise)
    result = cxr("predict", noise, "-w", lungs.root)

    assert result.exit_code == 0
    assert "trained on lungs alone, saw the whole film." in result.stderr


def test_segmented_films_are_not_links(cxr, phantoms, tmp_path):
    result = cxr("prepare", "--metadata", phantoms, "--segment", METHOD, "--link", "-w", tmp_path / "w")

    assert result.exit_code == 2
    assert "Films that are changed can't be links" in " ".join(result.stderr.split())
