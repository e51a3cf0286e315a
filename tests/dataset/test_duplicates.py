"""Altered copies of films are found, and different films are not taken for copies."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from cxr_cli.dataset.duplicates import find_duplicates, small_pictures
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.reading import read_here
from cxr_cli.dataset.record import DatasetRecord, Duplicates
from cxr_cli.films.find import find_films
from cxr_cli.films.likeness import unit_rows
from cxr_cli.films.lists import sort_into_lists
from cxr_cli.films.phash import shrink
from cxr_cli.films.reader import read_film
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


def cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(0.05 * width), round(0.02 * height), width, height - round(0.04 * height)))


def framed(picture: Image.Image) -> Image.Image:
    return ImageOps.expand(picture, border=(picture.width // 20, 0, picture.width // 30, picture.height // 25), fill=0)


def smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((round(0.4 * picture.width), round(0.4 * picture.height)))


ALTERED: dict[str, tuple[Callable[[Image.Image], Image.Image], str, str]] = {
    "re-encoded": (lambda picture: picture, "jpg", "re-encoded or resized"),
    "smaller": (smaller, "png", "re-encoded or resized"),
    "larger": (lambda picture: picture.resize((2 * picture.width, 2 * picture.height)), "png", "re-encoded or resized"),
    "contrast": (lambda picture: ImageEnhance.Contrast(picture).enhance(1.2), "png", "re-encoded or resized"),
    "brighter": (lambda picture: picture.point(lambda level: min(255, level + 20)), "png", "re-encoded or resized"),
    "framed": (framed, "png", "re-encoded or resized"),
    "cropped": (cropped, "png", "cropped"),
    "inverted": (ImageOps.invert, "png", "inverted"),
    "mirrored": (ImageOps.mirror, "png", "mirrored"),
    "rotated": (lambda picture: picture.rotate(3, Image.Resampling.BICUBIC), "png", "rotated"),
    "all": (lambda picture: ImageOps.invert(cropped(smaller(picture))), "jpg", "inverted, cropped"),
}


@pytest.fixture
def clinics(phantoms, tmp_path) -> tuple[Path, Path]:
    """Metadata of the phantoms, and of another clinic with altered copies of some of them."""
    rows = list(csv.DictReader(phantoms.read_text().splitlines()))
    folder = tmp_path / "other"
    folder.mkdir()
    copies = []
    for row, (name, (alter, suffix, _)) in zip(rows[::3], ALTERED.items(), strict=False):
        with Image.open(phantoms.parent / row["folder"] / row["filename"]) as picture:
            alter(picture.convert("L")).save(folder / f"{name}.{suffix}", quality=60)
        copies.append(row | {"folder": "", "filename": f"{name}.{suffix}", "patientid": f"of {name}"})
    shutil.copyfile(phantoms.parent / rows[1]["folder"] / rows[1]["filename"], folder / "exact.png")
    finding = "Pneumonia" if "COVID" in rows[1]["finding"] else "COVID-19"
    copies.append(rows[1] | {"folder": "", "filename": "exact.png", "patientid": "of exact", "finding": finding})
    with (folder / "metadata.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(copies)
    return phantoms, folder / "metadata.csv"


def test_every_altered_copy_is_found_and_joins_its_patient(clinics, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    record = prepare(workspace, metadata=clinics).record
    films = read_manifest(workspace.dataset)
    with workspace.dataset.duplicates.open(newline="") as stream:
        pairs = list(csv.DictReader(stream))

    planted = {Path(pair["original_2"]).stem: pair for pair in pairs if pair["source_2"] == "other"}
    assert {name: pair["kind"] for name, pair in planted.items()} == {
        "exact": "exact",
        **{name: kind for name, (*_, kind) in ALTERED.items()},
    }
    assert (pairs[0]["kind"], pairs[0]["label_1"], pairs[0]["label_2"]) in {
        ("exact", "covid", "non_covid"),
        ("exact", "non_covid", "covid"),
    }
    assert all(pair["split_1"] == pair["split_2"] for pair in pairs)
    assert len({(film.group, film.split) for film in films}) == len({film.group for film in films})
    # The phantoms themselves have one pair that is this similar, of one patient.
    assert [pair["patient_1"] == pair["patient_2"] for pair in pairs].count(True) <= 1
    assert len(pairs) - len(planted) <= 1
    assert record.duplicates == Duplicates(
        exact=1,
        near=len(pairs) - 1,
        other_class=1,
        other_patient=len(planted),
        other_source=len(planted),
        other_part=0,
        contradictions=[(pairs[0]["path_1"], pairs[0]["path_2"])],
    )
    assert np.load(workspace.dataset.small).shape == (len(films), 96, 96)


def test_without_copies_the_table_is_empty(prepared):
    record = read_record(prepared.dataset.record, DatasetRecord)

    assert record.duplicates == Duplicates(
        exact=0, near=0, other_class=0, other_patient=0, other_source=0, other_part=0
    )
    (header,) = prepared.dataset.duplicates.read_text().splitlines()
    assert header.startswith("original_1,original_2,label_1,label_2,patient_1,patient_2,split_1,split_2,")
    assert header.endswith(",kind,hamming,correlation")


def test_comparing_in_blocks_gives_the_same_result(phantoms, monkeypatch):
    films = list(find_films([phantoms.parent]))
    read = list(read_here(films))
    digests, small = [film.sha256 for film in read], small_pictures(film.small for film in read)
    small = np.concatenate([small, 255 - small[:5]])
    digests += [f"inverted {number}" for number in range(5)]
    found = find_duplicates(digests, small)
    monkeypatch.setattr("cxr_cli.dataset.alike._AT_ONCE", 7 * len(small))

    assert {(pair.first, pair.second, pair.kind) for pair in found} >= {
        (number, len(films) + number, "inverted") for number in range(5)
    }
    assert find_duplicates(digests, small) == found


def test_all_copies_of_one_film_are_joined(film):
    from cxr_cli.dataset.split import group_films

    pixels = read_film(film)
    generator = np.random.default_rng(0)
    noisy = [np.clip(pixels + generator.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8) for _ in range(30)]
    digests = [f"{number:064x}" for number in range(30)]
    duplicates = find_duplicates(digests, np.stack([shrink(one) for one in noisy]))

    assert len(duplicates) < 30 * 29 / 2  # not each with each
    assert (
        len(set(group_films([f"p{i}" for i in range(30)], digests, [(pair.first, pair.second) for pair in duplicates])))
        == 1
    )


def test_no_films_have_no_copies():
    assert find_duplicates([], small_pictures([])) == []


@pytest.mark.realdata
@pytest.mark.parametrize(
    "alter",
    [
        lambda film: ImageOps.mirror(film).rotate(3, Image.Resampling.BICUBIC),
        lambda film: cropped(ImageOps.mirror(ImageOps.equalize(film))),
        lambda film: film.point([round(255 * (level / 255) ** 2) for level in range(256)]),
    ],
    ids=["mirrored and rotated", "mirrored, cropped and equalized", "gamma"],
)
def test_altered_copies_of_real_films_are_found_and_no_others(shared, alter):
    paths = list(find_films([shared / "data" / "shenzhen" / "images"]))[::11]
    films = [read_film(path) for path in paths]
    copies = [shrink(np.asarray(alter(Image.fromarray(film)))) for film in films[:20]]
    small = np.stack([*map(shrink, films), *copies])
    found = find_duplicates([f"{place}" for place in range(len(small))], small)
    pairs = {(pair.first, pair.second) for pair in found}

    assert len(pairs & {(place, place + len(films)) for place in range(20)}) >= 19
    assert all(second == first + len(films) for first, second in pairs)


@pytest.mark.realdata
def test_known_shared_films_of_the_collection_are_found(shared, tmp_path):
    """Pairs checked by eye: each is one film, cropped, framed, annotated or saved again."""
    workspace = Workspace(tmp_path / "workspace")
    record = prepare(workspace, metadata=[shared / "data" / "covid-chestxray" / "metadata.csv"]).record
    with workspace.dataset.duplicates.open(newline="") as stream:
        pairs = list(csv.DictReader(stream))

    assert {(pair["patient_1"], pair["patient_2"]) for pair in pairs if pair["patient_1"] != pair["patient_2"]} == {
        ("78", "201"),
        ("97", "178"),
        ("137", "202"),
        ("192", "196"),
        ("193", "195"),
    }
    assert record.duplicates is not None
    assert (record.duplicates.exact, record.duplicates.near, record.duplicates.other_patient) == (1, 10, 9)
    assert set(PARTS) == set(record.films)


def test_all_copies_are_found_by_the_index_for_very_many_films(clinics, tmp_path, monkeypatch):
    monkeypatch.setattr("cxr_cli.dataset.alike.MANY_FILMS", 20)
    monkeypatch.setattr("cxr_cli.dataset.alike._BLOCK", 16)
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, metadata=clinics)
    with workspace.dataset.duplicates.open(newline="") as stream:
        pairs = list(csv.DictReader(stream))

    planted = {Path(pair["original_2"]).stem: pair["kind"] for pair in pairs if pair["source_2"] == "other"}
    assert planted == {"exact": "exact", **{name: kind for name, (*_, kind) in ALTERED.items()}}
    assert all(pair["split_1"] == pair["split_2"] for pair in pairs)


def test_the_index_gives_the_same_pairs_with_any_number_of_threads(phantoms, monkeypatch):
    small = small_pictures(film.small for film in read_here(list(find_films([phantoms.parent]))))
    small = np.concatenate([small, 255 - small[:5], small[5:10, :, ::-1]])
    digests = [f"{place}" for place in range(len(small))]
    monkeypatch.setattr("cxr_cli.dataset.alike.MANY_FILMS", 20)
    monkeypatch.setattr("cxr_cli.dataset.alike._BLOCK", 16)
    found = find_duplicates(digests, small)
    for threads in (1, 3):
        monkeypatch.setattr("cxr_cli.dataset.alike.LARGE", threads)
        monkeypatch.setattr("cxr_cli.films.lists.LARGE", threads)
        assert find_duplicates(digests, small) == found

    assert {(pair.first, pair.second) for pair in found} >= {(place, len(small) - 10 + place) for place in range(10)}


def test_no_list_is_long_however_many_films_are_alike():
    generator = np.random.default_rng(0)
    others = generator.normal(size=(500, 122))
    copies = others[0] + 0.1 * generator.normal(size=(1500, 122))
    vectors = unit_rows(np.concatenate([others, copies]).astype(np.float32))
    lists = sort_into_lists(vectors)

    assert sorted(np.concatenate(lists.members).tolist()) == list(range(2000))
    assert max(map(len, lists.members)) <= 4 * 2000 / (4 * 2000**0.5) + 1
    assert lists.centers.shape == (len(lists.members), 122)
