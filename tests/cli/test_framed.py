"""Datasets of films that are cropped to the lungs, or show the lungs alone: preparing, training and predicting."""

import csv
import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

import cxr_cli
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.explanation.explain import explain_film
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import WHOLE_FILM, resize
from cxr_cli.lungs.framing import Framing, frame_film
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.record import RunRecord
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

FRAMINGS = {
    "mask": Framing(kind="mask", method="otsu"),
    "crop": Framing(kind="crop", method="otsu", margin=0.08),
}


only_crops = pytest.mark.parametrize("framing", ["crop"], indirect=True)


@pytest.fixture(scope="module", params=FRAMINGS)
def framing(request) -> Framing:
    return FRAMINGS[request.param]


@pytest.fixture(scope="module")
def framed(framing, phantoms, tmp_path_factory) -> Workspace:
    """A workspace with a dataset of framed films and a small CNN trained on it. Tests must not change it."""
    from cxr_cli.dataset.prepare import prepare
    from cxr_cli.training.runs import train_run

    workspace = Workspace(tmp_path_factory.mktemp(framing.kind) / "workspace")
    prepare(workspace, metadata=[phantoms], framing=framing, seed=4)  # as `prepared`
    train_run(workspace, arch="simple-cnn", image_size=64, epochs=1)
    return workspace


@pytest.fixture
def own_framed(framed, tmp_path) -> Workspace:
    """A copy of it that a test can change."""
    shutil.copytree(framed.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def test_the_films_of_the_dataset_are_framed(framed, framing):
    dataset = framed.prepared()
    films = read_manifest(dataset)
    rows = list(csv.DictReader(dataset.segmentation.read_text().splitlines()))

    assert [row["path"] for row in rows] == [film.path for film in films]
    assert sum(row["lungs"] == "True" for row in rows) > len(rows) / 2
    for film, row in zip(films, rows, strict=True):
        expected = frame_film(read_film(Path(film.original)), framing)
        np.testing.assert_array_equal(read_film(dataset.root / film.path), expected.film)
        assert row["reason"] == expected.reason
        box = [float(row[edge]) for edge in ("left", "top", "right", "bottom")]
        assert box == pytest.approx(expected.box, abs=1e-6)
        assert (expected.box == WHOLE_FILM) == (framing.kind == "mask" or bool(expected.reason))


def test_framed_films_make_a_different_dataset(framed, framing, prepared):
    of_lungs = read_record(framed.prepared().record, DatasetRecord)
    whole = read_record(prepared.prepared().record, DatasetRecord)

    assert (of_lungs.framing, whole.framing) == (framing, None)
    assert of_lungs.fingerprint != whole.fingerprint
    assert [film.split for film in read_manifest(framed.prepared())] == [
        film.split for film in read_manifest(prepared.prepared())
    ]


def test_a_run_predicts_a_whole_film_from_its_lungs(cxr, framed, framing, film):
    predictor = open_predictor(framed.run())
    pixels = read_film(film)
    part = frame_film(pixels, framing).film
    (answer,) = json.loads(cxr("predict", film, "--json", "-w", framed.root).stdout)

    assert read_record(framed.run().record, RunRecord).framing == framing
    assert answer["probabilities"]["covid"] == pytest.approx(
        predictor.predict(part, framed=True).probabilities["covid"], abs=1e-6
    )
    # Framed only once: a second time, other lungs would be found in what is left.
    assert predictor.predict(pixels).probabilities == predictor.predict(part, framed=True).probabilities
    assert predictor.predict(pixels).probabilities != predictor.predict(pixels, framed=True, force=True).probabilities


def test_evaluate_does_not_frame_films_again(cxr, own_framed):
    assert cxr("evaluate", "--all", "-w", own_framed.root).exit_code == 0
    predictor = open_predictor(own_framed.run())
    dataset, predictions = own_framed.prepared(), own_framed.evaluation("simple-cnn", "test").predictions
    for row in csv.DictReader(predictions.read_text().splitlines()):
        film = read_film(dataset.root / row["image"])
        expected = predictor.predict(film, framed=True, force=True).probabilities["covid"]
        assert float(row["probability"]) == pytest.approx(expected, abs=1e-6)
        # The original says the same: the files of the dataset have its pixels.
        original = predictor.predict_file(Path(row["original"]), force=True).probabilities["covid"]
        assert float(row["probability"]) == pytest.approx(original, abs=1e-6)


def test_the_input_of_the_model_file_is_framed(framed, framing, film):
    run = cxr_cli.load_run(framed.run().root)
    part = frame_film(read_film(film), framing).film

    for source in (film, read_film(film)):
        made = run.input_of(source)
        assert made.shape == (64, 64, 3)
        for channel in range(3):
            np.testing.assert_array_equal(made[..., channel], resize(part, 64))


@only_crops
def test_an_export_says_what_the_file_takes(cxr, own_framed, framing):
    made = json.loads(cxr("export", "-f", "litert", "--json", "-w", own_framed.root).stdout)

    assert made["framing"] == msgspec.to_builtins(framing)
    assert f"  First   : the file takes {framing};" in cxr("export", "-f", "litert", "-w", own_framed.root).stdout


def test_the_page_shows_the_frame_on_the_whole_film(framed, framing, film):
    shown = RunPredictors(framed).predict(film, name="a.png")

    assert tuple(shown.size) == read_film(film).shape[::-1]
    assert bool(shown.heat.frame) == (framing.kind == "crop")


@only_crops
def test_the_report_says_what_the_films_were(cxr, own_framed, framing):
    assert cxr("report", "-w", own_framed.root).exit_code == 0
    assert str(framing) in own_framed.report("simple-cnn").markdown.read_text()


def test_a_run_knows_the_films_it_was_trained_on(cxr, framed):
    film = next(film for film in read_manifest(framed.prepared()) if film.split == "train")
    (answer,) = json.loads(cxr("predict", film.original, "--json", "-w", framed.root).stdout)

    assert answer["seen"] == "film"


def test_a_run_of_whole_films_is_evaluated_on_the_originals_of_framed_films(cxr, own_trained, framed, framing):
    shutil.rmtree(own_trained.dataset.root)
    shutil.copytree(framed.dataset.root, own_trained.dataset.root)

    assert cxr("evaluate", "--all", "-w", own_trained.root).exit_code == 0
    predictor = open_predictor(own_trained.run())
    rows = csv.DictReader(own_trained.evaluation("simple-cnn", "test").predictions.read_text().splitlines())
    for row in rows:
        expected = predictor.predict_file(Path(row["original"]), force=True).probabilities["covid"]
        assert float(row["probability"]) == pytest.approx(expected, abs=1e-6)

    manifest = own_trained.dataset.manifest
    manifest.write_text(manifest.read_text().replace(str(Path(row["original"]).parent), "/gone"))
    result = cxr("evaluate", "--all", "-w", own_trained.root)

    assert result.exit_code == 1
    assert (
        "Expected films as the run simple-cnn was trained on, whole, or the original films. "
        f"Received: {own_trained.dataset.root} has {framing}, and the original films are gone." in result.stderr
    )


@only_crops
def test_a_heat_map_covers_the_whole_film_and_is_empty_outside_the_crop(cxr, framed, framing, film, tmp_path):
    heat = explain_film(open_predictor(framed.run()), film, target="covid", force=True)
    left, top, right, bottom = heat.prediction.box

    assert heat.film.shape == read_film(film).shape
    y, x = (np.indices(heat.cam.shape) + 0.5) / len(heat.cam)
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    assert 0.2 < inside.mean() < 1
    assert not heat.cam[~inside].any()
    # Nowhere else is the map changed: its places are where they are in the crop.
    peak = np.unravel_index(np.abs(heat.part).argmax(), heat.part.shape)
    row = top + (peak[0] + 0.5) / heat.part.shape[0] * (bottom - top)
    column = left + (peak[1] + 0.5) / heat.part.shape[1] * (right - left)
    assert heat.cam[int(row * 128), int(column * 128)] == pytest.approx(heat.part[peak], rel=0.1)

    result = cxr("gradcam", film, "--target", "covid", "-o", tmp_path / "heat.npy", "--raw", "-w", framed.root)
    assert result.exit_code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "heat.npy"), heat.cam)


@only_crops
def test_a_gallery_shows_whole_films_and_takes_masks_of_them(cxr, framed, phantoms, phantom_masks, tmp_path):
    masks = phantom_masks / "lungs"
    result = cxr(
        "gradcam", "--split", "test", "--target", "covid", "--lungs", masks, "-o", tmp_path, "--json", "-w", framed.root
    )
    made = json.loads(result.stdout)

    assert result.exit_code == 0
    assert made["failed"] == {}
    for row in made["films"]:
        assert Path(row["image"]).parent == phantoms.parent
        assert 0 < row["lung_area"] < 1
        with Image.open(tmp_path / row["picture"]) as picture:
            width = read_film(Path(row["image"])).shape[1]
            assert picture.width == 2 * width + max(4, width // 100)  # the bare film beside the map


def test_a_film_without_lungs_is_predicted_whole_with_a_note(cxr, framed, framing, tmp_path):
    noise = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)).save(noise)
    result = cxr("predict", noise, "--force", "-w", framed.root)

    assert result.exit_code == 0
    assert f"trained on {framing.films}, saw the whole film." in result.stderr


@pytest.mark.parametrize("kind", FRAMINGS)
def test_framed_films_are_not_links(cxr, phantoms, tmp_path, kind):
    result = cxr("prepare", "--metadata", phantoms, f"--{kind}", "lungs", "--link", "-w", tmp_path / "w")

    assert result.exit_code == 2
    assert f"Expected link or {kind}. Received: both." in result.stderr
    assert "Films that are changed can't be links" in " ".join(result.stderr.split())
