"""Heat maps and galleries never overwrite those of other films."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr_cli.films.reader import read_film


@pytest.fixture
def two(film, tmp_path):
    """Two films with one name, in two folders."""
    for name, turn in (("a", 0), ("b", 4)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.roll(read_film(film), turn, axis=1)).save(tmp_path / name / "film.png")
    return tmp_path / "a", tmp_path / "b"


def made(cxr, *arguments):
    result = cxr("gradcam", *arguments, "--force", "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_heat_maps_of_two_films_with_one_name_are_two_files(cxr, own_trained, two):
    first, second = (made(cxr, folder / "film.png", "-w", own_trained.root)["heatmap"] for folder in two)
    again = made(cxr, two[0] / "film.png", "-w", own_trained.root)["heatmap"]
    other = made(cxr, two[0] / "film.png", "--target", "covid", "--alpha", 0.9, "-w", own_trained.root)["heatmap"]

    heatmaps = own_trained.heatmaps
    assert (first, second) == (str(heatmaps / "film.png"), str(heatmaps / "film-2.png"))
    assert again == first  # the same picture
    assert other == str(heatmaps / "film-3.png")
    assert sorted(path.name for path in heatmaps.glob("[!.]*")) == ["film-2.png", "film-3.png", "film.png"]


def test_a_gallery_of_other_films_gets_another_folder(cxr, own_trained, two):
    place = own_trained.gallery("simple-cnn", "gradcam", "films").root

    def images(folder):
        return [film["image"] for film in json.loads((folder / "grades.json").read_text())["films"]]

    for folder in (*two, two[0]):  # the last one is the first again
        made(cxr, folder, "-w", own_trained.root)
    other = place.with_name(f"{place.name}-2")

    assert images(place) == [str(two[0] / "film.png")]
    assert images(other) == [str(two[1] / "film.png")]
    assert sorted(path.name for path in place.parent.glob("[!.]*")) == [place.name, other.name]


def test_a_named_folder_with_a_gallery_of_other_films_is_refused(cxr, own_trained, two, tmp_path):
    place = tmp_path / "gallery"
    made(cxr, two[0], "-o", place, "-w", own_trained.root)
    made(cxr, two[0], "-o", place, "-w", own_trained.root)
    before = (place / "grades.json").read_bytes()

    result = cxr("gradcam", two[1], "-o", place, "--force", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected a folder without a gallery of other films. Received: {place}, which has the heat maps of 1 "
        f"other film.\nName another folder: --output {place}-2. Or overwrite it: --replace\n"
    )
    assert (place / "grades.json").read_bytes() == before


def test_a_film_that_the_run_has_seen_is_said_to_be(cxr, own_trained, film, tmp_path):
    alone = cxr("gradcam", film, "-o", tmp_path / "heat.png", "-w", own_trained.root)
    shutil.copy(film, tmp_path / "copy.png")
    many = cxr("gradcam", film, tmp_path / "copy.png", "-o", tmp_path / "gallery", "-w", own_trained.root)

    assert "Note: simple-cnn was trained or validated on this film, so this prediction doesn't test the run.\n" in (
        alone.stderr
    )
    assert (
        "Note: simple-cnn was trained or validated on 2 of these 2 films, or on a copy: these maps don't show what it "
        "does with new films.\n"
    ) in many.stderr
