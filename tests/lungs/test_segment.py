from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.errors import CxrError, ImageError
from cxr_cli.films.reader import read_film
from cxr_cli.lungs.segment import check_reference, find_reference, named, segment_file
from cxr_cli.rendering.render import render
from cxr_cli.workspace.folders import SegmentationFolder


@pytest.fixture
def folder(tmp_path) -> SegmentationFolder:
    return SegmentationFolder(tmp_path / "out")


@pytest.fixture
def film(tmp_path) -> Path:
    path = tmp_path / "film.png"
    Image.fromarray(render(positive=False, seed=1, size=(200, 180)).film).save(path)
    return path


def find(film: Path, folder: SegmentationFolder, reference: Path | None = None):
    return segment_file(film, film.name, folder, method="otsu", model=None, reference=reference)


def test_films_of_the_same_name_are_prefixed_with_their_folder():
    films = [Path("/a/x/film.png"), Path("/b/x/Film.png"), Path("/a/other.png")]

    assert list(named(films)) == ["a__x__film.png", "b__x__Film.png", "other.png"]
    assert list(named(films).values()) == films


def test_a_prefixed_name_that_is_already_used_is_not_used_twice():
    names = list(named([Path("/r/a/film.png"), Path("/r/b/film.png"), Path("/r/a__film.png")]))

    assert len({name.lower() for name in names}) == 3


def test_a_film_given_twice_counts_once(in_folder):
    assert list(named([Path("film.png"), Path.cwd() / "film.png"])) == ["film.png"]


def test_a_reference_is_matched_by_name_or_stem(tmp_path):
    for name in ("a.jpg.png", "a.png", "b.png"):
        (tmp_path / name).touch()

    assert find_reference(tmp_path, Path("x/a.jpg")) == tmp_path / "a.jpg.png"
    assert find_reference(tmp_path, Path("x/b.jpg")) == tmp_path / "b.png"
    assert find_reference(tmp_path, Path("x/c.jpg")) is None


def test_a_reference_folder_without_a_matching_mask_is_refused(tmp_path):
    with pytest.raises(CxrError) as caught:
        check_reference(tmp_path, [Path("a.jpg")])
    assert caught.value.hint == "A mask of a.jpg is called a.jpg.png or a.png"

    with pytest.raises(CxrError, match="Expected a folder of masks"):
        check_reference(tmp_path / "nowhere", [Path("a.jpg")])


@pytest.mark.parametrize("white", [1, 255])
def test_a_mask_agrees_with_itself(film, folder, tmp_path, white):
    first = find(film, folder)
    drawn = read_film(Path(first.mask)) // 255 * np.uint8(white)
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    second = find(film, folder, tmp_path / "drawn.png")

    assert (first.dice, first.iou, first.reference) == (None, None, None)
    assert (second.dice, second.iou, second.reference) == (1, 1, str(tmp_path / "drawn.png"))


def test_a_reference_of_another_size_is_refused_before_writing(film, folder, tmp_path):
    Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(tmp_path / "drawn.png")

    with pytest.raises(ImageError, match=r"Expected a mask of 180 × 200 pixels, .*drawn.png has 64 × 64"):
        find(film, folder, tmp_path / "drawn.png")
    assert not folder.root.exists()


def test_a_mask_moves_to_doubtful_when_it_fails(film, folder):
    assert Path(find(film, folder).mask) == folder.mask("film.png")
    Image.fromarray(np.rot90(read_film(film))).save(film)
    found = find(film, folder)

    assert not found.ok
    assert Path(found.mask) == folder.doubtful("film.png")
    assert folder.doubtful("film.png").is_file()
    assert not folder.mask("film.png").exists()


def test_the_written_images_are_the_masks_and_the_clusters(film, folder):
    found = find(film, folder)
    with Image.open(found.mask) as mask, Image.open(found.clusters) as clusters, Image.open(found.overlay) as overlay:
        assert mask.size == clusters.size == (180, 200)
        assert set(np.unique(np.asarray(mask))) == {0, 255}
        assert (np.asarray(mask) > 0).mean() == pytest.approx(found.area, abs=0.01)
        assert clusters.mode == "P"
        assert set(np.unique(np.asarray(clusters))) == {1, 2}
        assert overlay.width == 320
