"""Real films with the lungs that people drew on them."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.films.reader import read_film


@dataclass(frozen=True)
class DrawnFilm:
    patient: str
    path: Path
    mask: Path

    def lungs(self) -> np.ndarray:
        """(H, W) bool."""
        return read_film(self.mask) > 127


@pytest.fixture(scope="session")
def drawn_films(shared) -> list[DrawnFilm]:
    """The frontal X-rays of the ieee8023 collection that have a film and a lung mask."""
    root = shared / "data" / "covid-chestxray"
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["modality"] == "X-ray"]
    films = [
        DrawnFilm(
            patient=row["patientid"],
            path=root / "images" / row["filename"],
            mask=root / "masks" / "lungs" / f"{row['filename']}.png",
        )
        for row in rows
        if row["view"] in {"PA", "AP", "AP Supine"}
    ]
    return [film for film in films if film.path.is_file() and film.mask.is_file()]
