"""`cxr train --augment-preview` draws a picture and trains nothing."""

import json
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.recipe.options import Augmentation

pytestmark = pytest.mark.draws


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("L"))


def test_the_preview_is_drawn_and_nothing_is_trained(cxr, prepared, tmp_path):
    film = next(film for film in read_manifest(prepared.dataset) if film.split == "train")
    files = {path: path.stat().st_mtime_ns for path in prepared.root.rglob("*")}
    result = cxr("train", "--augment-preview", tmp_path / "one.png", "--image-size", "64", "-w", prepared.root)

    assert (result.exit_code, result.stderr) == (0, "Loading TensorFlow\n")
    assert result.stdout == f"Film    : {prepared.dataset.root / film.path}\nVariants: {tmp_path}/one.png\n"
    assert pixels(tmp_path / "one.png").shape == (1080, 2130)  # 180 mm at 300 dots per inch
    assert {path: path.stat().st_mtime_ns for path in prepared.root.rglob("*")} == files


def test_the_preview_depends_on_the_ranges_and_the_seed(cxr, prepared, tmp_path):
    def drawn(name, *options):
        result = cxr("train", "--augment-preview", tmp_path / name, *options, "-w", prepared.root, "--json")
        assert json.loads(result.stdout)["preview"] == str(tmp_path / name)
        return pixels(tmp_path / name)[150:]  # below the line with the ranges

    still = ["--image-size", "64"]
    for item in fields(Augmentation):
        still += ["--no-flip"] if item.name == "flip" else [f"--{item.name}", "0"]
    one, again, sheared, other = (
        drawn("1.png", *still),
        drawn("2.png", *still, "--seed", "1"),
        drawn("3.png", *still, "--shear", "20"),
        drawn("4.png", *still, "--shear", "20", "--seed", "1"),
    )

    np.testing.assert_array_equal(one, again)
    assert (sheared != one).mean() > 0.1
    assert (sheared != other).mean() > 0.1
    np.testing.assert_array_equal(sheared[:, :600], one[:, :600])  # the original film


@pytest.mark.parametrize("name", ["variants.jpg", "variants"])
def test_another_suffix_is_refused_before_tensorflow_is_loaded(cxr, prepared, tmp_path, name):
    result = cxr("train", "--augment-preview", tmp_path / name, "-w", prepared.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: Expected a file ending in .png. Received: {tmp_path / name}.\n"
        "For example: --augment-preview variants.png\n"
    )


def test_a_film_of_the_dataset_is_not_overwritten(cxr, prepared):
    film = read_manifest(prepared.dataset)[0]
    place = prepared.dataset.root / film.path
    before = place.read_bytes()
    result = cxr("train", "--augment-preview", place, "--image-size", "64", "-w", prepared.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: Expected a file outside the dataset for the picture. Received: {place}." in result.stderr
    assert place.read_bytes() == before


def test_a_preview_without_a_dataset_names_the_command_that_makes_one(cxr, tmp_path):
    result = cxr("train", "--augment-preview", tmp_path / "a.png", "-w", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Prepare one: cxr prepare --metadata dataset/metadata.csv; or try everything "
        "on rendered films first: cxr demo\n"
    )
    assert not (tmp_path / "a.png").exists()


def test_shear_beyond_its_range_is_wrong_usage(cxr, prepared):
    result = cxr("train", "--shear", "60", "-w", prepared.root)

    assert result.exit_code == 2
    assert "Invalid value for '--shear'" in result.stderr
