"""Phantoms: their anatomy, their metadata, and that only opacities depend on the class."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from sklearn.metrics import roc_auc_score

from cxr_cli.errors import CxrError
from cxr_cli.rendering.render import Phantom, render, write_phantoms

HEADER = (
    "patientid,offset,sex,age,finding,survival,intubated,intubation_present,went_icu,in_icu,needed_supplemental_O2,"
    "extubated,temperature,pO2_saturation,leukocyte_count,neutrophil_count,lymphocyte_count,view,modality,date,"
    "location,folder,filename,doi,url,license,clinical_notes,other_notes"
)
SMALL = (112, 128)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Phantom, Phantom]]:
    """The negative and the positive film of each of twenty seeds."""
    return [
        (render(positive=False, seed=seed, size=SMALL), render(positive=True, seed=seed, size=SMALL))
        for seed in range(20)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 40 films with masks."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), films=40, seed=3, masks=True).parent


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


def is_positive(row: dict[str, str]) -> bool:
    return "COVID-19" in row["finding"]


def file_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_phantom_is_a_gray_film_with_two_masks_of_the_same_shape():
    phantom = render(positive=True, seed=5, size=(300, 340))

    assert [(array.shape, array.dtype.name) for array in (phantom.film, phantom.lungs, phantom.opacity)] == [
        ((300, 340), "uint8"),
        ((300, 340), "bool"),
        ((300, 340), "bool"),
    ]


def test_the_seed_determines_the_film():
    first, again, other = (render(positive=True, seed=seed, size=SMALL) for seed in (7, 7, 8))

    assert np.array_equal(first.film, again.film)
    assert np.array_equal(first.opacity, again.opacity)
    assert not np.array_equal(first.film, other.film)


def test_global_random_state_is_neither_used_nor_changed():
    film = render(positive=True, seed=7, size=SMALL).film
    np.random.seed(2)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    assert np.array_equal(render(positive=True, seed=7, size=SMALL).film, film)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_sizes_vary_from_320_to_512_and_are_rarely_square():
    shapes = [render(positive=False, seed=seed).film.shape for seed in range(12)]

    assert all(320 <= side <= 512 for shape in shapes for side in shape)
    assert len(set(shapes)) == 12
    assert sum(height == width for height, width in shapes) <= 1


def test_a_given_size_does_not_change_pose_or_exposure():
    for seed in range(5):
        small, large = (render(positive=True, seed=seed, size=size) for size in ((120, 120), (240, 240)))

        shrunk = np.asarray(Image.fromarray(large.film).resize((120, 120), Image.Resampling.BOX), dtype=float)
        assert np.abs(shrunk - small.film).mean() < 6
        assert abs(shrunk.mean() - small.film.mean()) < 1.5


def test_lungs_are_two_dark_regions_and_the_right_one_is_larger(pairs):
    for negative, _ in pairs:
        film, lungs = negative.film.astype(float), negative.lungs
        middle = SMALL[1] // 2
        # The heart makes the left lung smaller, which is on the right of the film.
        assert 0.15 < lungs.mean() < 0.4
        assert lungs[:, :middle].sum() > lungs[:, middle:].sum() > 0.05 * lungs.size
        assert film[lungs].mean() < 0.7 * film[SMALL[0] // 3 :, middle - 4 : middle + 4].mean()


def test_only_positive_films_have_opacities_and_in_both_lungs(pairs):
    middle = SMALL[1] // 2
    for negative, positive in pairs:
        assert not negative.opacity.any()
        assert not (positive.opacity & ~positive.lungs).any()
        for side in (np.s_[:, :middle], np.s_[:, middle:]):
            share = positive.opacity[side].sum() / positive.lungs[side].sum()
            assert 0.03 < share < 0.85


def test_opacities_are_brighter_than_the_rest_of_the_same_lung(pairs):
    middle = SMALL[1] // 2
    for _, positive in pairs:
        for side in (np.s_[:, :middle], np.s_[:, middle:]):
            film, lungs, opacity = positive.film[side], positive.lungs[side], positive.opacity[side]
            assert film[opacity].mean() > film[lungs & ~opacity].mean() + 10


def test_the_class_changes_only_the_opacities(pairs):
    for negative, positive in pairs:
        # Blur spreads an opacity a few pixels beyond the border of the lung.
        near = np.asarray(Image.fromarray(positive.lungs).convert("L").filter(ImageFilter.MaxFilter(9))) > 0

        assert np.array_equal(negative.lungs, positive.lungs)
        assert np.array_equal(negative.film[~near], positive.film[~near])
        assert (positive.film > negative.film)[positive.opacity].mean() > 0.95


def test_films_of_a_patient_share_their_anatomy():
    def right_to_left(seed: int, patient_seed: int) -> float:
        """Return the ratio of the right lung's area to the left one's, which pose doesn't change."""
        lungs = render(positive=False, seed=seed, size=(256, 256), patient_seed=patient_seed).lungs
        columns = np.nonzero(lungs)[1]
        return float((columns < columns.mean()).sum() / (columns > columns.mean()).sum())

    ratios = np.array([[right_to_left(10 * patient + film, patient) for film in range(3)] for patient in range(10)])
    assert np.ptp(ratios, axis=1).max() < 0.04
    assert np.ptp(ratios[:, 0]) > 0.15


def test_the_patient_defaults_to_the_seed():
    film = render(positive=True, seed=4, size=SMALL).film

    assert np.array_equal(film, render(positive=True, seed=4, size=SMALL, patient_seed=4).film)
    assert not np.array_equal(film, render(positive=True, seed=4, size=SMALL, patient_seed=5).film)


def test_metadata_has_the_columns_of_the_collection(folder):
    assert (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()[0] == HEADER
    rows = read_rows(folder)
    assert len(rows) == 40
    for row in rows:
        assert "phantom" in row["location"].lower()
        assert "phantom" in row["clinical_notes"].lower()
        assert (row["modality"], row["folder"]) == ("X-ray", "")
    assert {row["view"] for row in rows} == {"PA", "AP", "AP Supine"}
    assert {row["sex"] for row in rows} == {"F", "M"}
    assert {row["finding"] for row in rows if not is_positive(row)} == {"No Finding"}
    assert {row["finding"] for row in rows if is_positive(row)} >= {"COVID-19", "Pneumonia/Viral/COVID-19"}
    assert sum(map(is_positive, rows)) == 20


def test_files_are_named_by_class_and_number_as_in_the_metadata(folder):
    rows = read_rows(folder)
    for positive, name in ((True, "covid"), (False, "non_covid")):
        named = [row["filename"] for row in rows if is_positive(row) == positive]
        assert named == [f"{name}.png", *(f"{name}_{number}.png" for number in range(2, 21))]
    names = {row["filename"] for row in rows}
    assert {path.name for path in folder.glob("*.png")} == names
    for kind in ("lungs", "opacity"):
        assert {path.name for path in (folder / "masks" / kind).iterdir()} == {f"{name}.png" for name in names}


def test_written_masks_are_binary_and_have_the_size_of_the_film(folder):
    for row in read_rows(folder):
        film = read_pixels(folder / row["filename"])
        lungs, opacity = (
            read_pixels(folder / "masks" / kind / f"{row['filename']}.png") for kind in ("lungs", "opacity")
        )
        assert film.shape == lungs.shape == opacity.shape
        assert set(np.unique(lungs)) == {0, 255}
        assert set(np.unique(opacity)) == ({0, 255} if is_positive(row) else {0})
        assert not (opacity > lungs).any()


def test_the_notes_hold_the_call_that_renders_the_film_again(folder):
    row = next(row for row in read_rows(folder) if is_positive(row))
    call = re.fullmatch(
        r"render\(positive=True, seed=(\d+), size=\((\d+), (\d+)\), patient_seed=(\d+)\)", row["other_notes"]
    )
    assert call is not None
    seed, height, width, patient_seed = map(int, call.groups())

    again = render(positive=True, seed=seed, size=(height, width), patient_seed=patient_seed)
    assert np.array_equal(again.film, read_pixels(folder / row["filename"]))


def test_classes_are_mixed_and_each_patient_has_one_class(folder):
    rows = read_rows(folder)
    in_a_row = [len(list(run)) for _, run in itertools.groupby(rows, key=is_positive)]
    patients: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        patients.setdefault(row["patientid"], []).append(row)

    assert set(in_a_row) == {1, 2}
    assert {len(films) for films in patients.values()} == {1, 2, 3}
    for films in patients.values():
        assert len({(row["finding"], row["sex"], row["age"]) for row in films}) == 1
        days = [int(row["offset"]) for row in films]
        assert days == sorted(set(days))


def test_the_seed_determines_the_bytes_for_any_number_of_films(tmp_path):
    few = file_bytes(write_phantoms(tmp_path / "few", films=4, seed=9, masks=True).parent)
    again = file_bytes(write_phantoms(tmp_path / "again", films=4, seed=9, masks=True).parent)
    more = file_bytes(write_phantoms(tmp_path / "more", films=6, seed=9, masks=True).parent)
    other = file_bytes(write_phantoms(tmp_path / "other", films=4, seed=10, masks=True).parent)

    assert few == again
    assert more.pop("metadata.csv").startswith(few.pop("metadata.csv"))
    assert few.items() <= more.items()
    assert few["covid.png"] != other["covid.png"]


@pytest.mark.parametrize("seed", range(4))
def test_two_films_are_one_of_each_class(tmp_path, seed):
    folder = write_phantoms(tmp_path, films=2, seed=seed).parent

    assert sorted(file_bytes(folder)) == ["covid.png", "metadata.csv", "non_covid.png"]


def test_image_size_and_view_do_not_depend_on_the_class(folder):
    rows = read_rows(folder)
    positive = [is_positive(row) for row in rows]
    shapes = [read_pixels(folder / row["filename"]).shape for row in rows]

    # Matched pairs: exactly a half.
    assert roc_auc_score(positive, [height for height, _ in shapes]) == 0.5
    assert roc_auc_score(positive, [width for _, width in shapes]) == 0.5
    assert roc_auc_score(positive, [row["view"] == "PA" for row in rows]) == 0.5


def test_file_size_hardly_separates_the_classes(folder):
    rows = read_rows(folder)
    file_sizes = [(folder / row["filename"]).stat().st_size for row in rows]

    assert 0.35 < roc_auc_score([is_positive(row) for row in rows], file_sizes) < 0.65


def test_opacities_separate_the_classes_and_brightness_hardly_does():
    phantoms = [(index % 2 == 1, render(positive=index % 2 == 1, seed=index, size=SMALL)) for index in range(120)]
    positive = [label for label, _ in phantoms]

    def periphery_against_apices(phantom: Phantom) -> float:
        """Return how much brighter the lower two thirds of the lungs are than the upper third."""
        rows = np.flatnonzero(phantom.lungs.any(axis=1))
        border = rows[0] + len(rows) // 3
        upper, lower = phantom.film[:border][phantom.lungs[:border]], phantom.film[border:][phantom.lungs[border:]]
        return float(lower.mean() - upper.mean())

    assert 0.35 < roc_auc_score(positive, [phantom.film.mean() for _, phantom in phantoms]) < 0.7
    assert 0.3 < roc_auc_score(positive, [phantom.film.std() for _, phantom in phantoms]) < 0.7
    assert roc_auc_score(positive, [periphery_against_apices(phantom) for _, phantom in phantoms]) > 0.95


@pytest.mark.parametrize("films", [1, 0, -3])
def test_fewer_than_two_films_are_refused_before_writing(tmp_path, films):
    with pytest.raises(CxrError) as caught:
        write_phantoms(tmp_path / "phantoms", films=films)

    assert caught.value.message == f"Expected at least 2 phantoms, one for each class. Received: films={films}."
    assert caught.value.hint == "Use at least 2, or 120 for a dataset to train on."
    assert not (tmp_path / "phantoms").exists()
