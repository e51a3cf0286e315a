"""`cxr prepare --dicom`: what the headers say is used, and no identity leaves the folder of DICOM files."""

import contextlib
import csv
import json
import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cxr_cli.errors import ImageError
from cxr_cli.films.reader import read_film
from cxr_cli.web.pixels import write_for_viewer
from cxr_cli.web.predicting import RunPredictors

PIXELS_ONLY = [b"IHDR", b"IDAT", b"IEND"]


def chunks(png: bytes) -> list[bytes]:
    """The kinds of chunks of a PNG, each once."""
    place, kinds = 8, []
    while place < len(png):
        length = int.from_bytes(png[place : place + 4])
        kinds.append(png[place + 4 : place + 8])
        place += 12 + length
    return list(dict.fromkeys(kinds))


@pytest.fixture(scope="module")
def archive(phantoms, kept_planted, tmp_path_factory) -> Path:
    """24 films of 12 patients. Tests must not change it."""
    folder = tmp_path_factory.mktemp("planted") / "archive"
    kept_planted.archive(phantoms, folder, films=24)
    return folder


SLOPE = "11111111111111"


def damaged(data: bytes, pixels: int, name: str) -> dict[str, bytes]:
    """Files of a film whose header can be read by `prepare`, but not the film; and one whose header can't be."""
    assert SLOPE.encode() in data
    return {
        "bad-pixels.dcm": data[: -pixels // 2],
        "bad-number.dcm": data.replace(SLOPE.encode(), name.encode()),  # pydicom quotes what is no number
        "bad-end.dcm": data[: -pixels - 12],
        "bad-header.dcm": data[:9000],
    }


def test_no_identity_reaches_what_is_written(cxr, planted, phantoms, own_trained, tmp_path):
    """Every identifying attribute has a value of its own; none is in any file, and none is printed."""
    archive, home, out = tmp_path / "archive", own_trained.root, tmp_path / "out"
    findings = planted.archive(phantoms, archive, films=24)
    film, broken = tmp_path / "film.dcm", tmp_path / "broken"
    broken.mkdir()
    for number in range(90, 94):
        data = planted.film(
            film, read_film(phantoms.parent / "covid.png"), number, RescaleSlope=SLOPE, RescaleIntercept="0"
        )
        wrong = planted.add("ZQX7KMISPLACED", "a name in the place of a number")
        name, content = list(damaged(film.read_bytes(), len(data.PixelData), wrong).items())[number - 90]
        (broken / name).write_bytes(content)
        (archive / name).write_bytes(content)
        with findings.open("a") as table:
            table.write(f"{data.AccessionNumber},COVID-19\n")
    assert len(planted.values) > 800

    for expected, *arguments in (
        (4, "prepare", "--dicom", archive, "--findings", findings),
        (
            4,
            "prepare",
            "--dicom",
            archive,
            "--findings",
            findings,
            "--mask",
            "lungs",
            "--json",
            "-w",
            tmp_path / "framed",
        ),
        (0, "predict", film, "--json", "--csv", out / "predictions.csv", "--force"),
        (0, "predict", home / "dataset" / "split" / "test", "--csv", out / "prepared.csv", "--force"),
        (0, "gradcam", film, "-o", out / "heat.png", "--force"),
        (0, "segment", film, "--output", out / "lungs"),
        (1, "predict", broken, "--csv", out / "broken.csv"),
        (1, "predict", broken / "bad-number.dcm", "--json"),
        (1, "gradcam", broken / "bad-pixels.dcm", "-o", out / "none.png"),
        (1, "segment", broken, "--output", out / "none"),
        (0, "evaluate", "--model", "simple-cnn"),
    ):
        result = cxr(*arguments, *([] if "-w" in arguments else ["-w", home]))

        assert result.exit_code == expected, (arguments, result.stderr)
        assert planted.found_in(result.stdout.encode()) == set(), arguments
        assert planted.found_in(result.stderr.encode()) == set(), arguments

    page = RunPredictors(own_trained)
    for place in (film, broken / "bad-number.dcm"):  # what is written is searched below
        answer = page.predict(place, name="film.dcm")
        (out / f"{place.stem}.json").write_bytes(msgspec.json.encode(answer))
        with contextlib.suppress(ImageError):
            write_for_viewer(place, out / f"{place.stem}.pixels", name="film.dcm", at_most=10**6)

    for place in (home, tmp_path / "framed", out):
        assert planted.found_below(place) == {}
    assert planted.found_below(tmp_path).keys() >= {str(film), str(findings)}


def test_copies_hold_pixels_only_and_are_what_a_film_shows(cxr, archive, tmp_path):
    findings = archive.parent / "findings.csv"
    cxr("prepare", "--dicom", archive, "--findings", findings, "-w", tmp_path / "workspace")

    dataset = tmp_path / "workspace" / "dataset"
    copies = list((dataset / "split").rglob("*.*"))
    assert len(copies) == 24
    assert all(chunks(copy.read_bytes()) == PIXELS_ONLY for copy in copies)
    shown = {read_film(path).tobytes() for path in archive.rglob("ZQX7KFILE*")}
    assert {read_film(copy).tobytes() for copy in copies} == shown
    assert list((tmp_path / "workspace").rglob("*.dcm")) == []


def test_pseudonyms_stay_and_need_the_key(cxr, archive, tmp_path):
    findings = archive.parent / "findings.csv"

    def patients(workspace: Path) -> set[str]:
        assert cxr("prepare", "--dicom", archive, "--findings", findings, "-w", workspace).exit_code == 0
        text = (workspace / "dataset" / "manifest.csv").read_text()
        return {f"{row['patient']} {row['path'].rpartition('/')[2]}" for row in csv.DictReader(text.splitlines())}

    first = patients(tmp_path / "one")
    key = tmp_path / "one" / "pseudonym.key"
    assert len(first) == 24
    assert len({pseudonym.split()[0] for pseudonym in first}) == 12
    assert (key.stat().st_mode & 0o777, key.stat().st_size) == (0o600 if os.name == "posix" else 0o666, 32)
    assert patients(tmp_path / "one") == first
    assert not patients(tmp_path / "other") & first
    secret = key.read_bytes()
    others = [path for path in (tmp_path / "one").rglob("*") if path.is_file() and path != key]
    assert not any(secret in data or secret.hex().encode() in data for data in map(Path.read_bytes, others))


def test_rules_and_counts_are_printed_in_the_table(cxr, planted, archive, tmp_path):
    findings = archive.parent / "findings.csv"
    archive = shutil.copytree(archive, tmp_path / "archive")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    for number, further in enumerate(
        (
            {"Modality": "CT"},
            {"BodyPartExamined": "HAND"},
            {"ViewPosition": "LL"},
            {"PresentationIntentType": "FOR PROCESSING"},
            {"BurnedInAnnotation": "YES"},
            {"NumberOfFrames": 3, "PixelData": pixels.tobytes() * 3},
            {"ImageLaterality": "L", "BodyPartExamined": ""},
            {},
        ),
        start=100,
    ):
        planted.film(archive / f"{number}.dcm", pixels, number, **further)
    (archive / "notes.txt").write_text("no film")

    result = cxr("prepare", "--dicom", archive, "--findings", findings, "-w", tmp_path / "workspace")

    assert result.stdout.splitlines()[:13] == [
        "Files                            left out  kept  patients",
        "files in the folders                         33        16",
        "is a DICOM image                       -1    32        16",
        "is no copy of another                   0    32        16",
        "modality is CR, DX, RF                 -1    31        16",
        "is for presentation                    -1    30        16",
        "has one frame                          -1    29        16",
        "body part is chest, or not said        -1    28        15",
        "shows both sides                       -1    27        15",
        "view is PA, AP, AP Supine              -1    26        14",
        "has no burned-in text                  -1    25        13",
        "finding is known                       -1    24        12",
        "image can be read                       0    24        12",
    ]
    assert (
        "Note: The findings are matched by accession number. Rows that fit no film: 0 of 24. "
        "Films without a row: 8.\n" in result.stdout
    )
    table = (tmp_path / "workspace" / "dataset" / "excluded.csv").read_text()
    assert [row["reason"] for row in csv.DictReader(table.splitlines())] == [
        "not a DICOM file",
        "modality is CT",
        "raw data, for processing",
        "3 frames",
        "body part is hand",
        "only the left side",
        "view is L",
        "text is burned in",
        "no row in the findings",
    ]


def test_damaged_films_are_named_on_the_terminal_and_other_files_are_not(cxr, archive, tmp_path):
    findings = archive.parent / "findings.csv"
    archive = shutil.copytree(archive, tmp_path / "archive")
    film = next(path for path in sorted(archive.rglob("*")) if path.is_file())
    (archive / "cut.dcm").write_bytes(film.read_bytes()[:300])
    (archive / "noise.dcm").write_bytes(bytes(128) + b"DICM" + np.random.default_rng(0).bytes(3000))
    (archive / "notes.txt").write_text("no film")

    result = cxr("prepare", "--dicom", archive, "--findings", findings, "-w", tmp_path / "workspace")

    table = tmp_path / "workspace" / "dataset" / "excluded.csv"
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-3:] == [
        f"Expected a DICOM film in {archive / 'cut.dcm'}. Received: its header can't be read.",
        f"Expected a DICOM film in {archive / 'noise.dcm'}. Received: its header can't be read.",
        f"2 of 26 films could not be read. Why: {table}",
    ]
    assert "is a DICOM image                       -3    24        12\n" in result.stdout
    rows = {row["filename"]: row["reason"] for row in csv.DictReader(table.read_text().splitlines())}
    assert sorted(rows.values()) == ["its header can't be read"] * 2 + ["not a DICOM file"]
    record = json.loads((table.parent / "dataset.json").read_text())
    assert record["failed"] == {name: reason for name, reason in rows.items() if "header" in reason}


def test_an_archive_of_damaged_films_alone_names_one(cxr, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "noise.dcm").write_bytes(bytes(128) + b"DICM" + bytes(500))
    (tmp_path / "findings.csv").write_text("filename,finding\nnoise,COVID-19\n")

    result = cxr(
        "prepare", "--dicom", tmp_path / "archive", "--findings", tmp_path / "findings.csv", "-w", tmp_path / "w"
    )

    assert result.exit_code == 1
    assert (
        f"Expected a DICOM film in {tmp_path / 'archive' / 'noise.dcm'}. Received: its header can't be read.\n"
        in result.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dicom", "."], "Expected dicom with findings, which the headers lack. Received: dicom alone."),
        (
            ["--folders", ".", "--findings", "f.csv"],
            "Expected findings with dicom only. Received: findings without it.",
        ),
        (["--dicom", ".", "--findings", "f.csv", "--link"], "Expected link or dicom. Received: both."),
        (["--dicom", ".", "--findings", "f.csv", "--cluster", "local"], "Expected dicom or cluster. Received: both."),
        (
            ["--dicom", ".", "--folders", "."],
            "Expected one of metadata, folders and dicom. Received: folders and dicom.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(cxr, in_folder, arguments, message):
    result = cxr("prepare", *arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}\n")


@pytest.mark.realdata
def test_real_films_go_from_dicom_to_a_tested_run(cxr, planted, shared, tmp_path):
    workspace = tmp_path / "workspace"
    metadata = shared / "data" / "covid-chestxray" / "metadata.csv"
    findings = planted.archive(metadata, tmp_path / "archive", films=48)

    for arguments in (
        ["prepare", "--dicom", tmp_path / "archive", "--findings", findings, "--split", "50/25/25"],
        ["train", "--arch", "simple-cnn", "--image-size", "32", "--epochs", "1"],
        ["evaluate"],
    ):
        result = cxr(*arguments, "-w", workspace)
        assert result.exit_code == 0, result.stderr
        assert planted.found_in((result.stdout + result.stderr).encode()) == set()
    result = cxr("predict", tmp_path / "archive", "--json", "--force", "-w", workspace)

    assert {one["seen"] for one in json.loads(result.stdout)} >= {"film"}
    assert planted.found_below(workspace) == {}
    assert list(workspace.rglob("*.key")) == [workspace / "pseudonym.key"]
