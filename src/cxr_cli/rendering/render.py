"""Rendered radiograph phantoms: a seed comes in, a schematic frontal chest film and its masks go out.

Tests and `cxr demo` need films of both classes without data and without a network connection. A phantom is drawn as
attenuation, layer by layer (soft tissue, air, bone, vessels), and then exposed. It shows no person, and a model trained
on phantoms knows nothing about people. Anatomical coordinates are those of `anatomy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from cxr_cli.errors import CxrError, UsageError
from cxr_cli.progress import track
from cxr_cli.rendering.anatomy import ARM, HUMERUS, LUNG_WALL, SCAPULA, TORSO, Anatomy, Sheet, anatomy_of
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.staging import staged_folder

# The named columns of metadata.csv in the ieee8023 collection (Cohen et al. 2020, arXiv 2006.11988), in their order.
# fmt: off
COLUMNS = (
    "patientid", "offset", "sex", "age", "finding", "survival", "intubated", "intubation_present", "went_icu",
    "in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi",
    "url", "license", "clinical_notes", "other_notes",
)
# fmt: on
_LOCATION = "Rendered phantom, no hospital"
POSITIVE_FINDINGS = ("COVID-19", "Pneumonia/Viral/COVID-19", "COVID-19, ARDS")


@dataclass(frozen=True)
class Phantom:
    """One rendered film and what was drawn on it."""

    film: np.ndarray  # (H, W) uint8, 0 is black
    lungs: np.ndarray  # (H, W) bool, the lung fields as drawn, without what the heart covers
    opacity: np.ndarray  # (H, W) bool, the opacities as drawn, inside `lungs`; all False when not positive


def render(
    *, positive: bool, seed: int, size: tuple[int, int] | None = None, patient_seed: int | None = None
) -> Phantom:
    """Render a frontal chest film.

    A positive film is the negative film of the same seed with opacities added. Pose, exposure and noise don't depend on
    the class, so that the classes differ in nothing but the opacities.

    Args:
        positive: whether to draw opacities: several in each lung, peripheral, in the mid and lower zones.
        seed: random seed of pose, exposure, noise and opacities; 0 or more.
        size: (height, width) in pixels, 64 or more each. Defaults to 320 to 512 each, depending on the seed.
        patient_seed: random seed of the anatomy; 0 or more. Defaults to `seed`.

    Returns:
        The film and the masks of what was drawn, all of the same shape.
    """
    rng = np.random.default_rng([1, seed])
    drawn_size = _film_size(rng)  # drawn in any case, so that a given size doesn't change pose and exposure
    sheet = Sheet(size or drawn_size, rng)
    patient = anatomy_of(seed if patient_seed is None else patient_seed)

    fields = sheet.fill(patient.right_lung, patient.left_lung)
    covered = sheet.fill(patient.heart)
    lungs = (np.asarray(fields) > 0) & (np.asarray(covered) == 0)
    # Full depth in the middle of a lung, less towards its borders, where the chest wall curves inward.
    air = sheet.soften(fields, 0.012) * (0.5 + 0.5 * sheet.soften(fields, 0.10))
    heart = sheet.soften(covered, 0.02)

    attenuation = _soft_tissue(sheet, patient, air=air, heart=heart) + _bones(sheet, patient)
    attenuation += 0.13 * sheet.soften(sheet.draw(patient.vessels), 0.006) * air * (1 - 0.7 * heart)
    opacity = np.zeros_like(lungs)
    if positive:
        consolidation = _opacities(sheet, np.random.default_rng([2, seed]), patient) * lungs
        attenuation += consolidation * air
        opacity = consolidation > 0.06
    return Phantom(film=_exposed(attenuation, sheet, rng), lungs=lungs, opacity=opacity)


def write_phantoms(folder: Path, *, films: int = 120, seed: int = 0, masks: bool = False) -> Path:
    """Write a dataset of phantoms in the layout of the ieee8023 COVID-19 image collection.

    Half of the patients are positive, in pairs matched by image sizes, views and number of films. Sex, age, offset,
    pose and exposure don't depend on the class. A film depends on `seed` and its row alone: a larger number of films
    adds rows and changes none.

    Args:
        folder: where the images and `metadata.csv` go; created if it is missing, and must be empty or hold earlier
            phantoms.
        films: number of films. Defaults to 120.
        seed: random seed, 0 or more. Defaults to 0.
        masks: whether to write `masks/lungs/` and `masks/opacity/` (0 and 255) too. Defaults to False.

    Returns:
        The path of `metadata.csv`.

    Raises:
        CxrError: `films` is less than 2, or `folder` can't be written to or holds other files.
    """
    if films < 2:
        raise UsageError(
            f"Expected at least 2 phantoms, one for each class. Received: films={films}.",
            hint="Use at least 2, or 120 for a dataset to train on.",
        )
    kinds = ("lungs", "opacity") if masks else ()
    metadata = folder / "metadata.csv"
    is_ours = metadata.is_file() and _LOCATION in metadata.read_text(encoding="utf-8", errors="replace")
    if not is_ours and folder.is_dir() and any(path.is_file() for path in folder.iterdir()):
        raise CxrError(
            f"Expected an empty folder, or one with phantoms to replace. Received: {folder}, which holds other files.",
            hint="Name another folder: cxr phantoms films",
        )

    drawings = list(islice(_schedule(seed), films))
    with staged_folder(folder, keep=True) as stage:
        for kind in kinds:
            (stage / "masks" / kind).mkdir(parents=True, exist_ok=True)
        write_table(stage / metadata.name, list(COLUMNS), (dict.fromkeys(COLUMNS, "") | row for row, _ in drawings))
        for row, draw in track(drawings, "Rendering films", total=films):
            phantom = draw()
            _write_png(stage / row["filename"], phantom.film)
            for kind in kinds:
                _write_png(stage / "masks" / kind / f"{row['filename']}.png", getattr(phantom, kind) * np.uint8(255))
    return metadata


def _schedule(seed: int) -> Iterator[tuple[dict[str, str], partial[Phantom]]]:
    """Yield a film's row of metadata and the call that renders it, without end."""
    counts = {True: 0, False: 0}
    for pair in count():
        # Patients come in matched pairs, one of each class in random order, and their films alternate. So nothing that
        # `shared` draws separates the classes, and half of any even number of films is positive.
        shared = np.random.default_rng([3, seed, pair])
        classes = [True, False] if shared.integers(2) else [False, True]
        patients = [_patient(seed, 2 * pair + place, positive=positive) for place, positive in enumerate(classes)]
        for visit in range(int(shared.choice([1, 2, 3], p=[0.75, 0.17, 0.08]))):
            size, view = _film_size(shared), str(shared.choice(["PA", "AP", "AP Supine"], p=[0.5, 0.25, 0.25]))
            for positive, (row, patient_seed, film_seeds, days) in zip(classes, patients, strict=True):
                counts[positive] += 1
                name = ("covid" if positive else "non_covid") + (f"_{counts[positive]}" if counts[positive] > 1 else "")
                film_seed = film_seeds[visit]
                film_row = {
                    "offset": str(days[visit]),
                    "view": view,
                    "filename": f"{name}.png",
                    "other_notes": f"render({positive=}, seed={film_seed}, {size=}, {patient_seed=})",
                }
                draw = partial(render, positive=positive, seed=film_seed, size=size, patient_seed=patient_seed)
                yield row | film_row, draw


def _patient(seed: int, number: int, *, positive: bool) -> tuple[dict[str, str], int, list[int], list[int]]:
    """A patient's columns of metadata and seed, and the seeds and days of up to three films."""
    rng = np.random.default_rng([4, seed, number])
    patient_seed, *film_seeds = (int(word) for word in rng.integers(2**32, size=4))
    days = np.cumsum(rng.integers(1, 6, 3)).tolist()
    row = {
        "patientid": f"phantom-{seed}-{number + 1}",
        "sex": "F" if anatomy_of(patient_seed).female else "M",
        "age": str(rng.integers(20, 90)),
        "finding": str(rng.choice(POSITIVE_FINDINGS, p=[0.7, 0.2, 0.1])) if positive else "No Finding",
        "modality": "X-ray",
        "location": _LOCATION,
        "clinical_notes": "Rendered phantom: drawn by a program, shows no person.",
    }
    return row, patient_seed, film_seeds, days


def _film_size(rng: np.random.Generator) -> tuple[int, int]:
    """(height, width) of a film, 320 to 512 each, rarely square but never far from it."""
    height, width = rng.integers(352, 481) + rng.integers(-32, 33, 2)
    return int(height), int(width)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    path.unlink(missing_ok=True)  # it may be a link to an earlier phantom
    # Fixed options, so that one version of Pillow always writes the same bytes.
    Image.fromarray(pixels).save(path, format="PNG", optimize=False, compress_level=9)


def _soft_tissue(sheet: Sheet, patient: Anatomy, *, air: np.ndarray, heart: np.ndarray) -> np.ndarray:
    """Attenuation without bones and vessels: (H, W) float32, 0 outside of the body, about 1 in the mediastinum."""
    x, y = sheet.coarse_grid()
    lateral = np.abs(x)
    depth = 0.52 + 0.10 * np.exp(-((x / 0.8) ** 2)) + 0.12 * np.exp(-((x / 0.17) ** 2))
    depth += 0.16 * _step(y, 0.72, 0.08)  # the abdomen has no air
    depth += 0.13 * patient.hila * np.exp(-(((lateral - 0.2) / 0.08) ** 2) - ((y + 0.01) / 0.17) ** 2)
    depth -= 0.08 * np.exp(-((x / 0.04) ** 4)) * _step(-y, 0.36, 0.03)  # the trachea, down to its fork
    breast = np.hypot((lateral - 0.5) / 0.36, (y - 0.42) / 0.4)
    depth += 0.05 * patient.breasts * _step(-breast, -1, 0.05)
    bubble = np.hypot((x - 0.42) / patient.bubble, (y - 0.98) / (0.8 * patient.bubble))
    depth -= 0.10 * _step(-bubble, -1, 0.15)

    half, arm = np.array(TORSO), np.array(ARM)
    torso = np.concatenate([half, half[::-1] * (-1, 1)])
    body = sheet.soften(sheet.fill(torso, arm, arm * (-1, 1)), 0.045)
    tissue: np.ndarray = body * sheet.enlarge(depth) - 0.42 * air * (1 - 0.72 * heart) + 0.07 * heart
    return tissue


def _bones(sheet: Sheet, patient: Anatomy) -> np.ndarray:
    """Attenuation that ribs, spine, clavicles, scapulae and upper arms add: (H, W) float32."""
    x, y = sheet.coarse_grid()
    spine = np.exp(-((x / 0.085) ** 4)) * (0.03 + 0.015 * np.sin(2 * np.pi * y / 0.19))
    # Little is seen of a rib below the diaphragm and behind the mediastinum.
    seen = (1 - 0.75 * _step(y, 0.72, 0.06)) * (1 - 0.8 * np.exp(-((x / 0.2) ** 4)))
    posterior, anterior = (
        sheet.soften(sheet.draw(ribs), blur) for ribs, blur in zip(patient.ribs, (0.006, 0.009), strict=True)
    )
    bones: np.ndarray = (0.10 * posterior + 0.065 * anterior) * sheet.enlarge(seen) + sheet.enlarge(spine)
    bones += 0.12 * sheet.soften(sheet.draw(patient.clavicles), 0.007)
    shoulders = [
        (np.array([(1.19, -0.86), (1.19, -0.82)]), 0.22, 1.0),
        (np.array(HUMERUS), 0.12, 0.9),
        (np.array(HUMERUS[1:]), 0.06, 0.6),
    ]
    both = [(points * (side, 1), width, value) for side in (-1, 1) for points, width, value in shoulders]
    bones += 0.10 * sheet.soften(sheet.draw(both), 0.012)
    bones += 0.04 * sheet.soften(sheet.fill(np.array(SCAPULA), np.array(SCAPULA) * (-1, 1)), 0.012)
    return bones


def _opacities(sheet: Sheet, rng: np.random.Generator, patient: Anatomy) -> np.ndarray:
    """The share of air in the lungs that opacities replace: (H, W) float32 in [0, about 0.4]."""
    x, y = sheet.coarse_grid()
    total = np.zeros_like(x)
    for side in (-1, 1):
        for height in rng.uniform(-0.2, 0.6, rng.integers(2, 5)):
            middle = np.array([side * (np.interp(height, *LUNG_WALL) - rng.uniform(0.12, 0.26)), height])
            extent, strength = rng.uniform((0.09, 0.10), (0.18, 0.22)), rng.uniform(0.12, 0.24)
            for _ in range(4):  # an irregular blob is four round ones
                blob, radius = middle + rng.normal(0, 0.45, 2) * extent, extent * rng.uniform(0.55, 0.95)
                total += strength * np.exp(-(((x - blob[0]) / radius[0]) ** 2) - ((y - blob[1]) / radius[1]) ** 2)
    mottle = sheet.noise(rng, 0.11) + 0.6 * sheet.noise(rng, 0.045)
    return sheet.enlarge(0.34 * np.tanh(total / 0.34)) * np.clip(1 + 0.16 * mottle, 0.3, None)


def _exposed(attenuation: np.ndarray, sheet: Sheet, rng: np.random.Generator) -> np.ndarray:
    """Expose a film: (H, W) float32 attenuation -> (H, W) uint8, with the grain and blur of the film's seed."""
    middle, contrast, gamma = rng.uniform(0.38, 0.54), rng.uniform(1.2, 2.2), rng.uniform(0.8, 1.2)
    fog, span, blur = rng.uniform(0, 12), rng.uniform(205, 240), rng.uniform(0.3, 0.9)
    quantum, electronic = rng.uniform(0.01, 0.06), rng.uniform(0.5, 2.0)
    # Noise is drawn last, because its amount depends on the size, and the size must not change the exposure.
    attenuation = attenuation + 0.012 * sheet.noise(rng, 0.15) + 0.008 * sheet.noise(rng, 0.03)
    dark, bright = np.tanh(contrast * (np.array([0.0, 1.15]) - middle)).tolist()
    tone = np.clip((np.tanh(contrast * (attenuation - middle)) - dark) / (bright - dark), 0, 1) ** gamma
    image = Image.fromarray(np.rint(fog + span * tone).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    film = np.asarray(image, dtype=np.float32)
    # Quantum noise, whose variance grows with the signal, and electronic noise, whose variance doesn't.
    grain = np.sqrt(quantum * film + electronic**2) * rng.standard_normal(film.shape, dtype=np.float32)
    rounded: np.ndarray = np.rint(film + grain).clip(0, 255).astype(np.uint8)
    return rounded


def _step(values: np.ndarray, middle: float, softness: float) -> np.ndarray:
    """Step smoothly from 0 below `middle` to 1 above."""
    stepped: np.ndarray = 0.5 + 0.5 * np.tanh((values - middle) / (2 * softness))
    return stepped
