"""Rendered radiograph phantoms: a seed comes in, a schematic frontal chest film and its masks go out.

Tests and `cxr demo` need films of both classes without data and without a network. A phantom is drawn as attenuation,
layer on layer (soft tissue, air, bone, vessels), and then exposed. It shows no person, and a model trained on phantoms
knows nothing about people.

Anatomical coordinates: x is 0 at the midline and grows towards the right of the film, which is the patient's left;
y grows downwards, -1 at the apices of the lungs and 1 at the costophrenic angles.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cxr_cli.errors import CxrError

# The named columns of the ieee8023 collection's metadata.csv (Cohen et al. 2020, arXiv 2006.11988), in its order.
# fmt: off
COLUMNS = (
    "patientid", "offset", "sex", "age", "finding", "survival", "intubated", "intubation_present", "went_icu",
    "in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi",
    "url", "license", "clinical_notes", "other_notes",
)
# fmt: on
POSITIVE_FINDINGS = ("COVID-19", "Pneumonia/Viral/COVID-19", "COVID-19, ARDS")

# Outlines of one half as (distance from the midline, y); the heart's as (x, y). A point written twice keeps its corner
# when the outline is smoothed.
# fmt: off
RIGHT_LUNG = [
    (0.34, -1.01), (0.49, -0.93), (0.63, -0.69), (0.74, -0.32), (0.81, 0.08), (0.86, 0.50), (0.88, 0.80),
    (0.88, 0.99), (0.88, 0.99), (0.76, 0.79), (0.60, 0.67), (0.43, 0.62), (0.27, 0.66), (0.15, 0.78),
    (0.12, 0.50), (0.14, 0.10), (0.17, -0.20), (0.12, -0.34), (0.13, -0.62), (0.16, -0.83), (0.23, -0.96),
]
LEFT_LUNG = [
    (0.34, -1.01), (0.48, -0.93), (0.61, -0.69), (0.72, -0.32), (0.79, 0.08), (0.83, 0.50), (0.85, 0.80),
    (0.85, 1.01), (0.85, 1.01), (0.74, 0.84), (0.61, 0.74), (0.45, 0.70), (0.28, 0.73), (0.14, 0.82),
    (0.10, 0.50), (0.10, 0.10), (0.11, -0.30), (0.13, -0.62), (0.16, -0.83), (0.23, -0.96),
]
HEART = [
    (-0.10, -0.62), (-0.14, -0.30), (-0.15, -0.08), (-0.22, 0.14), (-0.25, 0.38), (-0.22, 0.62), (-0.14, 0.80),
    (0.10, 0.90), (0.42, 0.88), (0.55, 0.77), (0.56, 0.62), (0.47, 0.38), (0.33, 0.14), (0.22, -0.04),
    (0.18, -0.18), (0.18, -0.26), (0.21, -0.34), (0.20, -0.45), (0.12, -0.54), (0.08, -0.62),
]
TORSO = [
    (0.00, -4.0), (0.27, -4.0), (0.25, -1.40), (0.42, -1.24), (0.80, -1.14), (1.08, -1.08), (1.24, -0.92),
    (1.26, -0.64), (1.12, -0.36), (1.03, -0.10), (1.00, 0.40), (0.99, 1.00), (1.04, 4.0), (0.00, 4.0),
]
ARM = [
    (0.95, -1.06), (1.20, -1.00), (1.36, -0.70), (1.52, 0.20), (1.90, 4.0), (1.55, 4.0), (1.24, 0.20), (1.08, -0.40),
]
SCAPULA = [(0.70, -0.82), (1.14, -0.94), (1.10, -0.70), (0.93, -0.02), (0.86, -0.05), (0.78, -0.45)]
CLAVICLE = [(0.06, -0.66), (0.15, -0.76), (0.34, -0.82), (0.56, -0.90), (0.80, -1.03), (1.04, -1.05)]
HUMERUS = [(1.19, -0.86), (1.30, -0.40), (1.48, 0.60), (1.75, 3.0)]
# fmt: on

Stroke = tuple[np.ndarray, float, float]  # (n, 2) points, width in anatomical units, value in [0, 1]


@dataclass(frozen=True)
class Phantom:
    """One rendered film and what was drawn on it."""

    film: np.ndarray  # (H, W) uint8, 0 is black
    lungs: np.ndarray  # (H, W) bool, the lung fields as drawn, without what the heart covers
    opacity: np.ndarray  # (H, W) bool, the opacities as drawn, inside `lungs`; all False when not positive


@dataclass(frozen=True)
class _Anatomy:
    """What stays the same from film to film of a patient, in anatomical coordinates."""

    female: bool
    right_lung: np.ndarray  # (n, 2), as every outline
    left_lung: np.ndarray
    heart: np.ndarray
    ribs: tuple[list[Stroke], list[Stroke]]  # posterior, anterior
    clavicles: list[Stroke]
    vessels: list[Stroke]
    hila: float  # how dense the roots of the lungs are, 1 is usual
    breasts: float  # how dense the breast shadows are, 0 for none
    bubble: float  # radius of the air in the stomach


def render(
    *, positive: bool, seed: int, size: tuple[int, int] | None = None, patient_seed: int | None = None
) -> Phantom:
    """Render a frontal chest film.

    A positive film is the negative film of the same seed with opacities added: pose, exposure and noise are drawn
    apart from the class, so nothing but the opacities can tell the classes apart.

    Args:
        positive: whether to draw opacities: several in each lung, peripheral, in the mid and lower zones.
        seed: gives pose, exposure, noise and opacities; 0 or more.
        size: (height, width) in pixels, 64 or more each. Defaults to 320 to 512 each, by the seed.
        patient_seed: gives the anatomy; 0 or more. Defaults to `seed`.

    Returns:
        The film and the masks of what was drawn, all of the same shape.
    """
    rng = np.random.default_rng([1, seed])
    drawn_size = _film_size(rng)  # drawn in any case, so that a given size leaves pose and exposure alone
    sheet = _Sheet(size or drawn_size, rng)
    patient = _anatomy(seed if patient_seed is None else patient_seed)

    fields = sheet.fill(patient.right_lung, patient.left_lung)
    covered = sheet.fill(patient.heart)
    lungs = (np.asarray(fields) > 0) & (np.asarray(covered) == 0)
    # Full depth in the middle of a lung, less towards its borders, where the chest wall curves in.
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
    """Write a data set of phantoms as the ieee8023 COVID-19 image collection lays its own out.

    Half of the patients are positive, in pairs matched by image sizes, views and number of films; sex, age, offset,
    pose and exposure don't depend on the class. A film depends on `seed` and its row alone: asking for more films adds
    rows and changes none.

    Args:
        folder: gets `images/` and `metadata.csv`; made where missing, files of the same names are replaced.
        films: how many. Defaults to 120.
        seed: 0 or more. Defaults to 0.
        masks: whether to write `masks/lungs/` and `masks/opacity/` (0 and 255) too. Defaults to False.

    Returns:
        The path of `metadata.csv`, which is written last.

    Raises:
        CxrError: `films` is less than 2: one for each class.
    """
    if films < 2:
        raise CxrError(
            f"Expected at least 2 phantoms, one for each class. Received: films={films}.",
            hint="Ask for more, 120 for a data set to train on.",
        )
    kinds = ("lungs", "opacity") if masks else ()
    for path in (folder / "images", *(folder / "masks" / kind for kind in kinds)):
        path.mkdir(parents=True, exist_ok=True)

    rows = []
    for row, draw in islice(_schedule(seed), films):
        phantom = draw()
        _write_png(folder / "images" / row["filename"], phantom.film)
        for kind in kinds:
            _write_png(folder / "masks" / kind / f"{row['filename']}.png", getattr(phantom, kind) * np.uint8(255))
        rows.append(row)
    metadata = folder / "metadata.csv"
    with metadata.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return metadata


def _schedule(seed: int) -> Iterator[tuple[dict[str, str], partial[Phantom]]]:
    """Yield, without end, a film's row of metadata and the call that renders it."""
    counts = {True: 0, False: 0}
    for pair in count():
        # Patients come in matched pairs, one of each class in either order, and visit in turn: what `shared` gives
        # can't tell the classes apart, and an even number of films is half positive wherever it ends.
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
    """Give a patient's part of the rows, seed, and the seeds and days of up to three films."""
    rng = np.random.default_rng([4, seed, number])
    patient_seed, *film_seeds = (int(word) for word in rng.integers(2**32, size=4))
    days = np.cumsum(rng.integers(1, 6, 3)).tolist()
    row = {
        "patientid": f"phantom-{seed}-{number + 1}",
        "sex": "F" if _anatomy(patient_seed).female else "M",
        "age": str(rng.integers(20, 90)),
        "finding": str(rng.choice(POSITIVE_FINDINGS, p=[0.7, 0.2, 0.1])) if positive else "No Finding",
        "modality": "X-ray",
        "location": "Rendered phantom, no hospital",
        "folder": "images",
        "clinical_notes": "Rendered phantom: drawn by a program, shows no person.",
    }
    return row, patient_seed, film_seeds, days


def _film_size(rng: np.random.Generator) -> tuple[int, int]:
    """(height, width) of a film, 320 to 512 each, seldom square and never far from it."""
    height, width = rng.integers(352, 481) + rng.integers(-32, 33, 2)
    return int(height), int(width)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    # Fixed options, so that the same Pillow writes the same bytes.
    Image.fromarray(pixels).save(path, format="PNG", optimize=False, compress_level=9)


def _anatomy(seed: int) -> _Anatomy:
    """The patient of a seed."""
    rng = np.random.default_rng([0, seed])
    broad, lifts = rng.normal(1, 0.02), rng.normal(0, 0.045, 2)
    lungs = []
    for outline, side, lift in ((RIGHT_LUNG, -1, lifts[0]), (LEFT_LUNG, 1, lifts[1])):
        lung = np.array(outline) * (side * broad, 1)
        lung[:, 1] += lift * np.clip((lung[:, 1] - 0.1) / 0.5, 0, 1)  # the domes stand higher or lower, not the apices
        lungs.append(lung)
    heart = np.array(HEART)
    heart[:, 0] *= np.where(heart[:, 0] > 0, rng.uniform(0.85, 1.1), rng.uniform(0.9, 1.1))
    heart[:, 1] += lifts[1] * np.clip((heart[:, 1] + 0.2) / 0.5, 0, 1)
    clavicles: list[Stroke] = []
    for side in (-1, 1):
        clavicle = _smooth(np.array(CLAVICLE) * (side, 1 + rng.normal(0, 0.02)), closed=False)
        clavicles += [(clavicle, 0.075, 1.0), (clavicle, 0.045, 0.65)]
    female = bool(rng.integers(2))
    return _Anatomy(
        female=female,
        right_lung=lungs[0],
        left_lung=lungs[1],
        heart=heart,
        ribs=_ribs(rng, broad),
        clavicles=clavicles,
        vessels=_vessels(rng),
        hila=rng.uniform(0.6, 1.3),
        breasts=rng.uniform(0.4, 1.0) * female,
        bubble=rng.uniform(0.04, 0.12),
    )


def _ribs(rng: np.random.Generator, broad: float) -> tuple[list[Stroke], list[Stroke]]:
    """Posterior ribs from the spine to the chest wall, anterior ones from there down and back towards the midline."""
    posterior: list[Stroke] = []
    anterior: list[Stroke] = []
    slope, first = rng.uniform(0.85, 1.2), rng.normal(-1.02, 0.01)
    along = np.linspace(0, 1, 24)
    for level in first + 0.178 * np.arange(11):
        turn = level + slope * (0.28 + 0.09 * (level + 1))  # where the rib meets the lateral wall
        reach = broad * np.interp(turn, *_WALL) + 0.015
        back = np.stack(
            [
                0.08 + (reach - 0.08) * np.sin(along * np.pi / 2),
                level - 0.16 * along * (1 - along) + (turn - level) * along**2,
            ],
            1,
        )
        front = np.stack(
            [0.38 + (reach - 0.38) * np.cos(along * np.pi / 2), turn + slope * 0.36 * np.sin(along * np.pi / 2) ** 1.3],
            1,
        )
        for side in (-1, 1):
            # The cortex is denser than the marrow: a broad stroke, and a fainter narrow one over it.
            posterior += [(back * (side, 1), 0.064, 1.0), (back * (side, 1), 0.036, 0.6)]
            if turn < 0.5:
                anterior += [(front * (side, 1), 0.07, 1.0), (front * (side, 1), 0.045, 0.7)]
    return posterior, anterior


def _vessels(rng: np.random.Generator) -> list[Stroke]:
    """Pulmonary vessels that fan out from the hila and fork three times, thinner and fainter each time."""
    strokes: list[Stroke] = []
    side = np.repeat([-1.0, 1.0], 8)
    angle = np.tile(np.linspace(-1.3, 1.35, 8), 2) + rng.normal(0, 0.1, 16)
    start = np.stack([side * 0.18, -0.02 + 0.1 * np.sin(angle)], axis=1)
    length, width = rng.uniform(0.16, 0.28, 16), rng.uniform(0.022, 0.036, 16)
    for _ in range(4):
        bends = angle[:, None] + np.cumsum(rng.normal(0, 0.14, (len(angle), 5)), axis=1)
        steps = np.stack([side[:, None] * np.cos(bends), np.sin(bends)], axis=2) * length[:, None, None] / 5
        points = start[:, None] + np.concatenate([np.zeros_like(steps[:, :1]), np.cumsum(steps, axis=1)], axis=1)
        # The last generations are drawn first: a trunk lies over its branches.
        strokes = [(p, w, min(1.0, 0.15 + 26 * w)) for p, w in zip(points, width, strict=True)] + strokes
        fork = np.tile([-1.0, 1.0], len(angle)) * rng.uniform(0.15, 0.5, 2 * len(angle))
        angle, start, side = np.repeat(bends[:, -1], 2) + fork, np.repeat(points[:, -1], 2, axis=0), np.repeat(side, 2)
        length = np.repeat(length, 2) * rng.uniform(0.6, 0.95, len(angle))
        width = np.repeat(width, 2) * rng.uniform(0.55, 0.75, len(angle))
    return strokes


def _soft_tissue(sheet: "_Sheet", patient: _Anatomy, *, air: np.ndarray, heart: np.ndarray) -> np.ndarray:
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


def _bones(sheet: "_Sheet", patient: _Anatomy) -> np.ndarray:
    """Attenuation that ribs, spine, clavicles, scapulae and upper arms add: (H, W) float32."""
    x, y = sheet.coarse_grid()
    spine = np.exp(-((x / 0.085) ** 4)) * (0.03 + 0.015 * np.sin(2 * np.pi * y / 0.19))
    # Little of a rib is seen below the diaphragm and through the mediastinum.
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


def _opacities(sheet: "_Sheet", rng: np.random.Generator, patient: _Anatomy) -> np.ndarray:
    """What opacities take away of the lungs' air: (H, W) float32 in [0, about 0.4]."""
    x, y = sheet.coarse_grid()
    total = np.zeros_like(x)
    for side in (-1, 1):
        for height in rng.uniform(-0.2, 0.6, rng.integers(2, 5)):
            middle = np.array([side * (np.interp(height, *_WALL) - rng.uniform(0.12, 0.26)), height])
            extent, strength = rng.uniform((0.09, 0.10), (0.18, 0.22)), rng.uniform(0.12, 0.24)
            for _ in range(4):  # an irregular blob is four round ones
                blob, radius = middle + rng.normal(0, 0.45, 2) * extent, extent * rng.uniform(0.55, 0.95)
                total += strength * np.exp(-(((x - blob[0]) / radius[0]) ** 2) - ((y - blob[1]) / radius[1]) ** 2)
    mottle = sheet.noise(rng, 0.11) + 0.6 * sheet.noise(rng, 0.045)
    return sheet.enlarge(0.34 * np.tanh(total / 0.34)) * np.clip(1 + 0.16 * mottle, 0.3, None)


def _exposed(attenuation: np.ndarray, sheet: "_Sheet", rng: np.random.Generator) -> np.ndarray:
    """Expose a film: (H, W) float32 attenuation -> (H, W) uint8, with the grain and blur of the film's seed."""
    middle, contrast, gamma = rng.uniform(0.38, 0.54), rng.uniform(1.2, 2.2), rng.uniform(0.8, 1.2)
    fog, span, blur = rng.uniform(0, 12), rng.uniform(205, 240), rng.uniform(0.3, 0.9)
    quantum, electronic = rng.uniform(0.01, 0.06), rng.uniform(0.5, 2.0)
    # Noise comes last: how much is drawn depends on the size, which must not change the exposure.
    attenuation = attenuation + 0.012 * sheet.noise(rng, 0.15) + 0.008 * sheet.noise(rng, 0.03)
    dark, bright = np.tanh(contrast * (np.array([0.0, 1.15]) - middle)).tolist()
    tone = np.clip((np.tanh(contrast * (attenuation - middle)) - dark) / (bright - dark), 0, 1) ** gamma
    image = Image.fromarray(np.rint(fog + span * tone).astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
    film = np.asarray(image, dtype=np.float32)
    # Quanta, whose variance grows with the signal, and electronics, whose doesn't.
    grain = np.sqrt(quantum * film + electronic**2) * rng.standard_normal(film.shape, dtype=np.float32)
    rounded: np.ndarray = np.rint(film + grain).clip(0, 255).astype(np.uint8)
    return rounded


def _step(values: np.ndarray, middle: float, softness: float) -> np.ndarray:
    """Step smoothly from 0 below `middle` to 1 above."""
    stepped: np.ndarray = 0.5 + 0.5 * np.tanh((values - middle) / (2 * softness))
    return stepped


def _smooth(points: np.ndarray, *, closed: bool) -> np.ndarray:
    """Cut the corners of an outline or a line three times (Chaikin 1974)."""
    for _ in range(3):
        before, after = (points, np.roll(points, -1, axis=0)) if closed else (points[:-1], points[1:])
        points = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
    return points


# The lateral border of a lung as (y, distance from the midline), y increasing, for np.interp.
_WALL = np.array(RIGHT_LUNG[1:8])[:, ::-1].T


class _Sheet:
    """Paper of one film's size and pose, to draw on in anatomical coordinates.

    Args:
        size: (height, width) in pixels.
        rng: gives scale, stretch, rotation and shift.
    """

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._height, self._width = size
        stretch = rng.uniform(1.18, 1.36)  # a chest is broader than half its height
        # As large as leaves the shoulders and the costophrenic angles on the film.
        self._unit = min(self._height / rng.uniform(2.4, 2.7), self._width / (stretch * rng.uniform(1.98, 2.3)))
        turn = np.deg2rad(rng.normal(0, 2))
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        self._to_pixels = rotation * (self._unit * stretch, self._unit)
        self._origin = rng.normal((0.5, 0.48), 0.015) * (self._width, self._height)

    def fill(self, *outlines: np.ndarray) -> Image.Image:
        """Closed outlines, smoothed and filled with 255 on 0."""
        image = Image.new("L", (self._width, self._height))
        for outline in outlines:
            ImageDraw.Draw(image).polygon(self._pixels(_smooth(outline, closed=True)), fill=255)
        return image

    def draw(self, strokes: list[Stroke]) -> Image.Image:
        """Open lines on 0, a later one over the earlier."""
        image = Image.new("L", (self._width, self._height))
        pen = ImageDraw.Draw(image)
        for points, width, value in strokes:
            pen.line(self._pixels(points), fill=round(255 * value), width=max(1, round(width * self._unit)))
        return image

    def soften(self, image: Image.Image, blur: float) -> np.ndarray:
        """Blur a drawing by anatomical units. -> (H, W) float32 in [0, 1]."""
        radius = blur * self._unit
        if radius < 6:
            return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
        # A broad blur looks the same drawn small and enlarged, in a third of the time.
        small = image.reduce(4).filter(ImageFilter.GaussianBlur(radius / 4))
        return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), dtype=np.float32) / 255

    def coarse_grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Anatomical x and y at every fourth pixel, for what is smooth enough to be drawn small and enlarged."""
        rows, columns = -(-self._height // 4), -(-self._width // 4)
        across, down = (np.arange(columns) + 0.5) / columns * self._width, (np.arange(rows) + 0.5) / rows * self._height
        points = (np.stack(np.meshgrid(across, down), axis=-1) - self._origin) @ np.linalg.inv(self._to_pixels).T
        return points[..., 0], points[..., 1]

    def noise(self, rng: np.random.Generator, grain: float) -> np.ndarray:
        """Smooth noise of about unit variance; grain in anatomical units. -> (H, W) float32."""
        shape = [max(2, round(side / (grain * self._unit))) for side in (self._height, self._width)]
        return self.enlarge(rng.standard_normal(shape))

    def enlarge(self, coarse: np.ndarray) -> np.ndarray:
        """A smooth array at the film's size. -> (H, W) float32."""
        image = Image.fromarray(coarse.astype(np.float32))
        return np.asarray(image.resize((self._width, self._height), Image.Resampling.BICUBIC))

    def _pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (points @ self._to_pixels.T + self._origin).tolist()]
