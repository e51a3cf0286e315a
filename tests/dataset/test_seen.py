"""Films that a run has seen are recognized, saved again or not, and no others."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.seen import COPY, FILM, MAYBE_COPY, PATIENT, SeenFilm, open_seen, read_seen
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.reader import read_at, read_film
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.records import read_record


@pytest.fixture
def part_of(trained):
    """Map the path of each film in the dataset to its part."""
    return {trained.dataset.root / film.path: film.split for film in read_manifest(trained.dataset)}


def test_a_run_records_its_training_and_validation_films(trained):
    films = read_manifest(trained.dataset)
    seen = read_seen(trained.run())

    assert seen == [
        SeenFilm(film.split, film.sha256, film.phash, film.group, film.patient, film.source, place)
        for place, film in enumerate(films)
        if film.split in {"train", "val"}
    ]


def test_films_of_train_and_val_are_seen_and_those_of_test_are_not(trained, part_of):
    seen = open_seen(trained.run(), trained.dataset, trained_on="", digests={})
    found = {path: seen.match_file(path, read_at(path, 64)) for path in part_of}

    assert found == {path: "" if part == "test" else FILM for path, part in part_of.items()}


def test_a_run_from_before_vectors_were_kept_finds_copies_by_their_hashes(own_trained, tmp_path):
    run = own_trained.run()
    film = next(film for film in read_manifest(own_trained.dataset) if film.split == "train")
    mirrored = ImageOps.mirror(Image.open(own_trained.dataset.root / film.path).convert("L"))
    mirrored.save(tmp_path / "mirrored.png")
    run.seen_vectors.unlink()

    def found(dataset: DatasetFolder) -> str:
        index = open_seen(run, dataset, trained_on="", digests={})
        return index.match_file(tmp_path / "mirrored.png", np.asarray(mirrored))

    assert (found(own_trained.dataset), found(DatasetFolder(tmp_path))) == (COPY, MAYBE_COPY)
    np.save(run.seen_vectors, np.zeros((3, 215), np.int8))
    with pytest.raises(
        WorkspaceError, match=r"^Expected vectors of films, \(\d+, 215\) int8, in .* Received: \(3, 215\)"
    ):
        found(own_trained.dataset)


@pytest.mark.parametrize("size", [None, 224])
def test_copies_are_certain_by_thumbnail_and_possible_by_hash(trained, part_of, tmp_path, size):
    known = next(path for path, part in part_of.items() if part == "val")
    with Image.open(known) as picture:
        width, height = picture.size
        picture.convert("L").resize((width // 2, height // 2)).save(tmp_path / "small.jpg", quality=60)
        ImageOps.invert(picture.convert("L")).save(tmp_path / "inverted.png")
        picture.crop((width // 25, 0, width, height - height // 30)).save(tmp_path / "cropped.png")
    here = open_seen(trained.run(), trained.dataset, trained_on="", digests={})
    gone = open_seen(trained.run(), DatasetFolder(tmp_path), trained_on="", digests={})
    kinds = {}
    for name in ("small.jpg", "inverted.png", "cropped.png"):
        path = tmp_path / name
        film = read_at(path, size) if size else read_film(path)
        kinds[name] = here.match_file(path, film), gone.match_file(path, film)

        mirrored = ImageOps.mirror(Image.fromarray(film)).rotate(2, Image.Resampling.BICUBIC)
        assert here.match_file(path, np.asarray(mirrored)) == COPY
    assert {here for here, _ in kinds.values()} == {COPY}
    assert (kinds["small.jpg"][1], kinds["inverted.png"][1]) == (MAYBE_COPY, MAYBE_COPY)


def test_thumbnails_of_another_dataset_are_not_used(trained, part_of, tmp_path):
    known = next(path for path, part in part_of.items() if part == "train")
    with Image.open(known) as picture:
        picture.convert("L").save(tmp_path / "copy.jpg", quality=60)
    other = DatasetFolder(tmp_path / "other")
    other.root.mkdir()
    np.save(other.small, np.load(trained.dataset.small)[::-1])

    for pictures in (np.load(other.small), np.load(other.small)[:0]):
        np.save(other.small, pictures)
        index = open_seen(trained.run(), other, trained_on="", digests={})
        assert index.match_file(tmp_path / "copy.jpg", read_film(known)) == MAYBE_COPY


def test_an_older_run_knows_only_its_datasets_films_and_a_damaged_list_is_refused(own_trained):
    run = own_trained.run()
    run.seen.write_text("part,sha256\ntrain,1\n")
    with pytest.raises(WorkspaceError, match=r"^Expected the columns part, sha256, phash, .* Received: part, sha256"):
        read_seen(run)
    run.seen.unlink()

    assert open_seen(run, own_trained.dataset, trained_on="", digests={}) is None
    index = open_seen(
        run, own_trained.dataset, trained_on=read_record(run.record, RunRecord).dataset_fingerprint, digests={}
    )
    film = next(film for film in read_manifest(own_trained.dataset) if film.split == "train")
    path = own_trained.dataset.root / film.path
    assert index.match_file(path, read_film(path)) == FILM


def test_films_of_a_manifest_are_also_recognized_by_their_patients(trained, part_of):
    films = read_manifest(trained.dataset)
    small = np.load(trained.dataset.small)
    seen = open_seen(trained.run(), trained.dataset, trained_on="", digests={})
    renamed = [replace(film, sha256=f"{place:064x}", group="", patient="") for place, film in enumerate(films)]
    of_patients = [replace(film, sha256="", group="") for film in films]

    assert seen.match_films(films, small) == ["" if film.split == "test" else FILM for film in films]
    assert seen.match_films(renamed, small) == ["" if film.split == "test" else COPY for film in films]
    assert seen.match_films(of_patients, np.zeros_like(small)) == [
        PATIENT if film.split != "test" and film.patient else "" for film in films
    ]


def test_predict_reports_films_that_the_run_has_seen(cxr, trained, part_of, tmp_path):
    known = next(path for path, part in part_of.items() if part == "train")
    unknown = next(path for path, part in part_of.items() if part == "test")
    shutil.copyfile(known, tmp_path / "film.png")
    alone = cxr("predict", tmp_path / "film.png", "-w", trained.root)
    new = cxr("predict", unknown, "-w", trained.root)
    many = cxr("predict", known, unknown, "-w", trained.root, "--csv", tmp_path / "answers.csv")

    assert (
        "Note: simple-cnn was trained or validated on this film, so this prediction doesn't test the run.\n"
        in alone.stderr
    )
    assert "Note" not in new.stderr
    assert (
        "Note: simple-cnn was trained or validated on 1 of these 2 films, so these predictions "
        "don't test the run. Which films: the column seen of CSV and JSON.\n"
    ) in many.stderr
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text().splitlines()))
    assert [row["seen"] for row in rows] == ["film", ""]
