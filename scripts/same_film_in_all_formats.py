"""Write real films in all formats, and compare what the bundled model predicts for them.

    python scripts/same_film_in_all_formats.py ../shared/data/covid-chestxray/images --films 50

Each film gets 12 bits: its gray levels, stretched to their whole range, with noise below what 8 bits show. These values
become a 16-bit PNG, a DICOM with a window over them, one without, and an inverted one (MONOCHROME1). What a workstation
shows of them becomes an 8-bit PNG, and a JPEG of quality 95.
"""

# ruff: noqa: T201

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cxr_cli import load_run
from cxr_cli.films.find import find_films
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import stretch

FORMATS = ("8-bit PNG", "JPEG q95", "16-bit PNG", "DICOM, window", "DICOM, no window", "DICOM, MONOCHROME1")


def write_formats(film: np.ndarray, folder: Path) -> list[Path]:
    """Write a film in each of `FORMATS`, in their order.

    Args:
        film: (H, W) uint8, with both 0 and 255.
        folder: where the files go.
    """
    finer = np.random.default_rng(0).uniform(-0.5, 0.5, film.shape)
    finer[(film == 0) | (film == 255)] = 0
    stored = np.rint((film + finer) * 16).astype(np.uint16)  # 0 to 4080
    shown = Image.fromarray(np.rint(stored / 16).astype(np.uint8))
    paths = [folder / name for name in ("film.png", "film.jpg", "deep.png", "window.dcm", "plain.dcm", "inverted.dcm")]
    shown.save(paths[0])
    shown.save(paths[1], quality=95)
    Image.fromarray(stored).save(paths[2])
    window = {"WindowCenter": "2040", "WindowWidth": "4080", "VOILUTFunction": "LINEAR_EXACT"}
    _write_dicom(paths[3], stored, **window)
    _write_dicom(paths[4], stored)
    inverted = {**window, "WindowCenter": "2055"}  # 4095 - 2040
    _write_dicom(paths[5], 4095 - stored, PhotometricInterpretation="MONOCHROME1", **inverted)
    return paths


def _write_dicom(path: Path, stored: np.ndarray, **tags: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = generate_uid(), ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation, data.SamplesPerPixel = "DX", "MONOCHROME2", 1
    data.Rows, data.Columns = stored.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = stored.astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def compare(films: list[Path]) -> np.ndarray:
    """Predict films in all formats: (N, 6) probabilities of the positive class, the columns of `FORMATS`."""
    run, rows = load_run("bundled"), []
    with tempfile.TemporaryDirectory() as name:
        for film in films:
            paths = write_formats(stretch(read_film(film)), Path(name))
            rows.append([run.predict(path, force=True).probability for path in paths])
    return np.array(rows)


def main() -> None:
    """Print a table of the largest differences from the 8-bit PNG."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=50)
    given = parser.parse_args()
    found = list(find_films([given.folder]))
    films = found[:: max(1, len(found) // given.films)][: given.films]
    table = compare(films)
    apart = np.abs(table - table[:, :1])
    print(f"{len(films)} films; difference of the probability from that of the 8-bit PNG")
    print("| format | median | largest | over 0.02 |\n| --- | --- | --- | --- |")
    for name, column in zip(FORMATS[1:], apart.T[1:], strict=True):
        print(f"| {name} | {np.median(column):.5f} | {column.max():.5f} | {(column > 0.02).sum()} |")
    twins = np.abs(table[:, FORMATS.index("DICOM, MONOCHROME1")] - table[:, FORMATS.index("DICOM, window")])
    print(f"MONOCHROME1 against its twin: at most {twins.max():.7f}")
    print(f"any two formats of a film: at most {np.ptp(table, axis=1).max():.5f}")


if __name__ == "__main__":
    main()
