import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.films.reader import read_film
from cxr_cli.lungs.methods import SEGMENTATION_METHODS
from cxr_cli.lungs.record import SegmentationRecord
from cxr_cli.rendering.render import render
from cxr_cli.workspace.folders import SegmentationFolder
from cxr_cli.workspace.records import read_record

NOTICE = "For research and teaching only, never a diagnosis.\n"


@pytest.fixture
def films(tmp_path) -> Path:
    """Three films, a folder with masks of two of them, and a film without lungs."""
    folder, masks = tmp_path / "films", tmp_path / "drawn"
    folder.mkdir()
    masks.mkdir()
    for seed, name in enumerate(("a.jpg", "b.png", "c.png")):
        phantom = render(positive=False, seed=seed, size=(220, 200))
        Image.fromarray(phantom.film).save(folder / name)
        if name != "c.png":
            Image.fromarray(phantom.lungs).convert("L").save(masks / f"{name}.png")
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    return folder


@pytest.mark.parametrize("method", SEGMENTATION_METHODS)
def test_segment_one_film(cxr, film, tmp_path, method):
    result = cxr("segment", film, "--method", method, "-w", tmp_path)
    folder = tmp_path / "segmentations" / method
    area = (read_film(folder / "masks" / "covid.png.png") > 0).mean()

    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines(keepends=True)
    assert lines[0] == f"{film}\n"
    assert float(lines[1].removeprefix("  Lungs    : ").removesuffix("% of the film\n")) == pytest.approx(
        100 * area, abs=1
    )
    assert lines[2:] == [
        f"  Mask     : {folder}/masks/covid.png.png\n",
        f"  Overlay  : {folder}/overlays/covid.png.png\n",
        "\n",
        f"Files: {folder}\n",
        NOTICE,
    ]


def test_a_film_in_the_current_folder_is_printed_as_gradcam_does(cxr, film, tmp_path, monkeypatch):
    monkeypatch.chdir(film.parent)

    inside = cxr("segment", film.name, "--method", "otsu", "-w", tmp_path)
    monkeypatch.chdir(tmp_path)
    outside = cxr("segment", film, "--method", "otsu", "-w", tmp_path)

    assert inside.stdout.splitlines()[0] == film.name
    assert outside.stdout.splitlines()[0] == str(film)


def test_segment_with_reference_masks(cxr, films, tmp_path):
    out = tmp_path / "out"
    result = cxr("segment", films, "--reference", tmp_path / "drawn", "-o", out)
    record = read_record(SegmentationFolder(out).record, SegmentationRecord)
    rows = list(csv.DictReader((out / "segmentations.csv").read_text().splitlines()))
    scores = {Path(row["image"]).name: float(row["dice"]) for row in rows if row["dice"]}

    assert result.exit_code == 0
    assert [Path(row["image"]).name for row in rows] == ["a.jpg", "b.png", "c.png", "noise.png"]
    assert list(scores) == ["a.jpg", "b.png"]
    assert min(scores.values()) > 0.8
    assert record.without_reference == 2
    assert record.agreement.films == 2
    assert record.agreement.dice_mean == pytest.approx(np.mean(list(scores.values())), abs=1e-4)
    assert [Path(image).name for image in record.agreement.worst] == sorted(scores, key=scores.get)
    assert "4 films by unet, 1 of them doubtful\n" in result.stdout
    assert f"2 films have no mask in {tmp_path / 'drawn'}: they are not scored\n" in result.stdout
    assert f"  Dice  {record.agreement.dice_mean:.3f}  {record.agreement.dice_median:6.3f}\n" in result.stdout


def test_a_film_without_lungs_is_doubtful_with_its_mask_in_another_folder(cxr, films, tmp_path):
    (row,) = json.loads(cxr("segment", films / "noise.png", "--json", "-w", tmp_path).stdout)["films"]
    folder = SegmentationFolder(tmp_path / "segmentations" / "unet")

    assert row["ok"] is False
    assert row["flags"]
    assert (row["clusters"], row["contrast"]) == (None, None)
    assert row["mask"] == str(folder.doubtful("noise.png"))
    assert not folder.mask("noise.png").exists()


def test_json_is_the_record(cxr, films, tmp_path):
    shown = json.loads(cxr("segment", films, "--json", "-o", tmp_path / "out").stdout)

    assert shown == json.loads((tmp_path / "out" / "segmentations.json").read_text())
    assert list(shown["films"][0])[:4] == ["image", "ok", "flags", "lungs"]
    assert shown["agreement"] is None


def test_a_bad_film_does_not_lose_the_good_ones(cxr, films, tmp_path):
    (films / "bad.png").write_text("not a film")
    result = cxr("segment", films, "-o", tmp_path / "out")
    record = read_record(tmp_path / "out" / "segmentations.json", SegmentationRecord)

    assert result.exit_code == 4
    assert f"Error: Expected a film. Received: {films / 'bad.png'}, which is not an image.\n" in result.stderr
    assert result.stderr.endswith("1 of 5 films could not be read.\n")
    assert len(record.films) == 4
    reason = f"Expected a film. Received: {films / 'bad.png'}, which is not an image."
    assert record.failed == {str(films / "bad.png"): reason}


def test_films_of_the_same_name_do_not_overwrite_each_other(cxr, films, tmp_path):
    shutil.copytree(films, tmp_path / "others")
    result = cxr("segment", films / "a.jpg", tmp_path / "others" / "a.jpg", "-o", tmp_path / "out")

    assert result.exit_code == 0
    names = sorted(path.name for path in (tmp_path / "out" / "masks").iterdir())
    assert names == ["films__a.jpg.png", "others__a.jpg.png"]


def test_segment_defaults_to_the_prepared_dataset(cxr, prepared, phantoms, tmp_path):
    result = cxr("segment", "--method", "otsu", "--json", "-o", tmp_path, "-w", prepared.root)
    images = {Path(film["image"]) for film in json.loads(result.stdout)["films"]}

    assert result.exit_code == 0
    assert len(images) == 40
    assert images <= set(phantoms.parent.rglob("*.png"))


def test_segment_without_films_or_dataset_is_an_error(cxr, tmp_path):
    result = cxr("segment", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: Expected films, or a prepared dataset in {tmp_path}/dataset. Received: neither.\n"
        "Name a film or a folder: cxr segment film.png\n"
    )


def test_a_folder_of_other_masks_is_refused_before_writing(cxr, films, tmp_path):
    result = cxr("segment", films, "--reference", films.parent, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert result.stderr.endswith("A mask of a.jpg is called a.jpg.png or a.png\n")
    assert not (tmp_path / "out").exists()


def test_an_unwritable_output_folder_is_an_error(cxr, film, tmp_path):
    (tmp_path / "taken").write_text("a file")
    result = cxr("segment", film, "-o", tmp_path / "taken")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: Expected to write to {tmp_path}/taken. Received: a file is in its place.")
