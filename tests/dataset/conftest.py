"""Small datasets: metadata rows, and films of noise of the smallest size that is accepted."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Rows = Sequence[dict[str, str]]


def write_film(path: Path, seed: int) -> None:
    """Write a film of noise; the same seed gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32)).astype(np.uint8)).save(path)


def write_rows(path: Path, rows: Rows) -> Path:
    """Write a metadata file with the columns of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def clinic_rows(patients: int = 12, *, prefix: str = "") -> list[dict[str, str]]:
    """Make rows of `patients` patients, every other one with COVID-19, every third with two films."""
    return [
        {
            "patientid": f"{prefix}{patient}",
            "sex": "FM"[patient % 2],
            "age": str(30 + patient),
            "finding": "COVID-19" if patient % 2 else "Pneumonia/Bacterial",
            "view": ("PA", "AP", "AP Supine")[patient % 3],
            "modality": "X-ray",
            "folder": "images",
            "filename": f"{prefix}film{patient}{letter}.png",
        }
        for patient in range(patients)
        for letter in ("ab" if patient % 3 == 0 else "a")
    ]


@pytest.fixture
def clinic(tmp_path) -> Callable[..., Path]:
    """Write a folder with films of noise and their metadata file, and return the path of that file."""

    def write(rows: Rows | None = None, *, name: str = "clinic", seed: int = 0) -> Path:
        rows = clinic_rows() if rows is None else rows
        folder = tmp_path / name
        for number, row in enumerate(rows):
            write_film(folder / row.get("folder", "") / row["filename"], 1000 * seed + number)
        return write_rows(folder / "metadata.csv", rows)

    return write


@pytest.fixture
def rows_of_a_clinic() -> Callable[..., list[dict[str, str]]]:
    """The function `clinic_rows`, for rows that a test changes before writing."""
    return clinic_rows


@pytest.fixture
def film_at() -> Callable[[Path, int], None]:
    """The function `write_film`."""
    return write_film
