"""Bad films among good ones: each command goes on, says why of each in its tables and in JSON, and ends with code 4."""

import csv
import io
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

import cxr_cli
from cxr_cli.bundled import files

PACKAGE = Path(cxr_cli.__file__).parent / "bundled" / "model"


def jpeg(film: Path) -> bytes:
    data = io.BytesIO()
    Image.open(film).convert("L").save(data, "JPEG")
    return data.getvalue()


def dicom(film: Path) -> bytes:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    pixels, made, data = Image.open(film).convert("L"), Dataset(), io.BytesIO()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", generate_uid()
    made.Modality, made.PhotometricInterpretation = "CR", "MONOCHROME2"
    made.Columns, made.Rows = pixels.size
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made.PixelData = pixels.tobytes() + b"\0" * (len(pixels.tobytes()) % 2)
    made.save_as(data, enforce_file_format=True)
    return data.getvalue()


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


# File name -> what makes it, given a good film and its place, and words of the reason.
BAD: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "blank.png": (lambda film, path: Image.new("L", (64, 64), 7).save(path), "is blank, every pixel is 7"),
    "bomb.png": (lambda film, path: path.write_bytes(png(60_000, 60_000, bytes(1000))), "has more"),
    "cut.dcm": (lambda film, path: path.write_bytes(half(dicom(film))), "Expected a DICOM film"),
    "cut.jpg": (lambda film, path: path.write_bytes(half(jpeg(film))), "damaged or cut short"),
    "cut.png": (lambda film, path: path.write_bytes(half(film.read_bytes())), "damaged or cut short"),
    "empty.png": (lambda film, path: path.touch(), "is empty (0 bytes)"),
    "no_pixels.dcm": (lambda film, path: path.write_bytes(dicom(film)[:400]), "Expected a DICOM film"),
    "text.png": (lambda film, path: path.write_text("Dear colleague"), "is not an image"),
    "tiny.png": (lambda film, path: Image.effect_noise((8, 8), 50).save(path), "is 8 × 8"),
}
if os.geteuid():  # root may read every file
    BAD["locked.png"] = (lambda film, path: path.touch(mode=0), "Permission denied")
# Metadata names none of these as an image; in a folder each is a film that can't be read.
NO_FILES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "gone.png": (lambda film, path: path.symlink_to("nowhere.png"), "No such file"),
    "itself.png": (lambda film, path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "pipe.png": (lambda film, path: os.mkfifo(path), "is a pipe, a socket or a device"),
}
WHY = {name: words for name, (_, words) in {**BAD, **NO_FILES}.items()}
GOOD = 8
FILMS = GOOD + len(WHY)


@dataclass(frozen=True)
class Mixed:
    folder: Path  # of all films, good and bad
    classes: Path  # of class folders, the bad ones in covid
    metadata: Path  # of the films in `folder`


@pytest.fixture(scope="module")
def mixed(phantoms, tmp_path_factory) -> Mixed:
    root = tmp_path_factory.mktemp("mixed")
    folder, classes = root / "films", root / "classes"
    for place in (folder, classes / "covid", classes / "normal"):
        place.mkdir(parents=True)
    with phantoms.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    covid = [row for row in rows if "COVID" in row["finding"]]
    others = [row for row in rows if "COVID" not in row["finding"]]
    for row, place in [(row, classes / "covid") for row in covid] + [(row, classes / "normal") for row in others]:
        shutil.copy(phantoms.parent / row["filename"], place)
    film = phantoms.parent / "covid.png"
    for row in covid[:4] + others[:4]:
        shutil.copy(phantoms.parent / row["filename"], folder)
    for place in (folder, classes / "covid"):
        (place / "folder.png").mkdir()  # a folder of no films, whatever its name
        for name, (make, _) in {**BAD, **NO_FILES}.items():
            make(film, place / name)
    listed = [row for row in rows if (folder / row["filename"]).exists()]
    listed += [covid[0] | {"filename": name, "patientid": name} for name in [*WHY, "folder.png"]]
    metadata = root / "metadata.csv"
    with metadata.open("w", newline="") as stream:
        table = csv.DictWriter(stream, listed[0])
        table.writeheader()
        table.writerows(listed)
    return Mixed(folder, classes, metadata)


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    """The model that ships with the package."""
    if not (PACKAGE / "run.json").is_file():
        pytest.skip("this checkout has no model in the package")
    monkeypatch.setattr(files, "MODEL", PACKAGE)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def check(reasons: dict[str, str], expected: dict[str, str]) -> None:
    """Every bad film has its own reason, under its file name."""
    by_name = {Path(image).name: reason for image, reason in reasons.items()}
    assert sorted(by_name) == sorted(expected)
    for name, words in expected.items():
        assert words in by_name[name]


def test_predict(cxr, mixed, in_folder):
    result = cxr("predict", mixed.folder, "--csv", "out.csv", "--json")
    rows = json.loads(result.stdout)

    assert result.exit_code == 4
    check({row["image"]: row["error"] for row in rows if row["error"]}, WHY)
    check({row["image"]: row["error"] for row in table(in_folder / "out.csv") if row["error"]}, WHY)
    assert sum(row["class"] is not None for row in rows) == GOOD
    assert result.stderr.count("Error: ") == len(WHY)
    assert f"\n{FILMS} films: " in result.stderr
    assert f", {len(WHY)} that could not be read.\n" in result.stderr


def test_predict_shows_good_films_only_as_text(cxr, mixed, in_folder):
    result = cxr("predict", mixed.folder)

    assert result.exit_code == 4
    assert result.stdout.count("Decided by") == result.stdout.count("Class") == GOOD


@pytest.mark.parametrize(("command", "written"), [("segment", "segmentations.csv"), ("gradcam", "grades.csv")])
def test_segment_and_gradcam(cxr, mixed, in_folder, command, written):
    result = cxr(command, mixed.folder, "-o", "made", "--json")
    record = json.loads(result.stdout)
    rows = table(in_folder / "made" / written)

    assert result.exit_code == 4
    check(record["failed"], WHY)
    check({row["image"]: row["error"] for row in rows if row["error"]}, WHY)
    assert len(record["films"]) == GOOD
    assert len(rows) == FILMS
    assert result.stderr.endswith(f"{len(WHY)} of {FILMS} films could not be read.\n")


@pytest.mark.parametrize("command", ["prepare", "evaluate"])
def test_class_folders(cxr, mixed, in_folder, command):
    arguments = ("prepare",) if command == "prepare" else ("evaluate", "--external")
    result = cxr(*arguments, "--folders", mixed.classes, "--json")
    record = json.loads(result.stdout)
    written = next(in_folder.rglob("excluded.csv"))

    assert result.exit_code == 4
    check((record["external"] if command == "evaluate" else record)["failed"], WHY)
    check({row["filename"]: row["reason"] for row in table(written)}, WHY)
    assert result.stderr.endswith(
        f"{len(WHY)} of {40 + len(WHY)} films could not be read. Why: {written.relative_to(in_folder)}\n"
    )


@pytest.mark.parametrize("command", ["prepare", "evaluate"])
def test_metadata(cxr, mixed, in_folder, command):
    arguments = ("prepare",) if command == "prepare" else ("evaluate", "--external")
    result = cxr(*arguments, "--metadata", mixed.metadata, "--images", mixed.folder, "--json")
    expected = {name: words for name, (_, words) in BAD.items()}

    assert result.exit_code == 4, result.stderr
    record = json.loads(result.stdout)
    check((record["external"] if command == "evaluate" else record)["failed"], expected)
    reasons = {row["filename"]: row["reason"] for row in table(next(in_folder.rglob("excluded.csv")))}
    check(reasons, dict.fromkeys([*NO_FILES, "folder.png"], "no image file") | expected)


@pytest.mark.parametrize(
    ("command", "name"),
    [("predict", name) for name in WHY]
    + [(command, name) for command in ("gradcam", "segment") for name in ("text.png", *NO_FILES)],
)
def test_a_bad_film_alone_is_an_error_with_its_reason(cxr, mixed, in_folder, command, name):
    result = cxr(command, mixed.folder / name)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: Expected " in result.stderr
    if (mixed.folder / name).exists():  # else it is no film that was found
        assert WHY[name] in result.stderr
