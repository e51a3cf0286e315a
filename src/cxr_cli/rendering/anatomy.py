"""The anatomy of a phantom and the sheet it is drawn on: a seed comes in, outlines and strokes go out.

Anatomical coordinates: x is 0 at the midline and grows towards the right of the film, which is the patient's left;
y grows downwards, -1 at the apices of the lungs and 1 at the costophrenic angles.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

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
# The lateral border of a lung as (y, distance from the midline), y increasing, for np.interp.
LUNG_WALL = np.array(RIGHT_LUNG[1:8])[:, ::-1].T


@dataclass(frozen=True)
class Anatomy:
    """What is the same in all films of a patient, in anatomical coordinates."""

    female: bool
    right_lung: np.ndarray  # (n, 2), like every outline
    left_lung: np.ndarray
    heart: np.ndarray
    ribs: tuple[list[Stroke], list[Stroke]]  # posterior, anterior
    clavicles: list[Stroke]
    vessels: list[Stroke]
    hila: float  # density of the roots of the lungs, usually 1
    breasts: float  # density of the breast shadows, 0 for none
    bubble: float  # radius of the air in the stomach


class Sheet:
    """A sheet of the size and pose of one film, to draw on in anatomical coordinates.

    Args:
        size: (height, width) in pixels.
        rng: draws scale, stretch, rotation and shift.
    """

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._height, self._width = size
        stretch = rng.uniform(1.18, 1.36)  # a chest is broader than half its height
        # Small enough that the shoulders and the costophrenic angles are on the film.
        self._unit = min(self._height / rng.uniform(2.4, 2.7), self._width / (stretch * rng.uniform(1.98, 2.3)))
        turn = np.deg2rad(rng.normal(0, 2))
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        self._to_pixels = rotation * (self._unit * stretch, self._unit)
        self._origin = rng.normal((0.5, 0.48), 0.015) * (self._width, self._height)

    def fill(self, *outlines: np.ndarray) -> Image.Image:
        """Smooth closed outlines and fill them with 255 on 0."""
        image = Image.new("L", (self._width, self._height))
        for outline in outlines:
            ImageDraw.Draw(image).polygon(self._pixels(_smooth(outline, closed=True)), fill=255)
        return image

    def draw(self, strokes: list[Stroke]) -> Image.Image:
        """Draw open lines on 0, each over those before it."""
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
        """Anatomical x and y at every fourth pixel, for what is smooth enough to be drawn small and then enlarged."""
        rows, columns = -(-self._height // 4), -(-self._width // 4)
        across, down = (np.arange(columns) + 0.5) / columns * self._width, (np.arange(rows) + 0.5) / rows * self._height
        points = (np.stack(np.meshgrid(across, down), axis=-1) - self._origin) @ np.linalg.inv(self._to_pixels).T
        return points[..., 0], points[..., 1]

    def noise(self, rng: np.random.Generator, grain: float) -> np.ndarray:
        """Smooth noise of about unit variance; grain in anatomical units. -> (H, W) float32."""
        shape = [max(2, round(side / (grain * self._unit))) for side in (self._height, self._width)]
        return self.enlarge(rng.standard_normal(shape))

    def enlarge(self, coarse: np.ndarray) -> np.ndarray:
        """Enlarge a smooth array to the size of the film. -> (H, W) float32."""
        image = Image.fromarray(coarse.astype(np.float32))
        return np.asarray(image.resize((self._width, self._height), Image.Resampling.BICUBIC))

    def _pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (points @ self._to_pixels.T + self._origin).tolist()]


def anatomy_of(seed: int) -> Anatomy:
    """Draw the anatomy of a patient."""
    rng = np.random.default_rng([0, seed])
    broad, lifts = rng.normal(1, 0.02), rng.normal(0, 0.045, 2)
    lungs = []
    for outline, side, lift in ((RIGHT_LUNG, -1, lifts[0]), (LEFT_LUNG, 1, lifts[1])):
        lung = np.array(outline) * (side * broad, 1)
        lung[:, 1] += lift * np.clip((lung[:, 1] - 0.1) / 0.5, 0, 1)  # the domes are higher or lower, the apices stay
        lungs.append(lung)
    heart = np.array(HEART)
    heart[:, 0] *= np.where(heart[:, 0] > 0, rng.uniform(0.85, 1.1), rng.uniform(0.9, 1.1))
    heart[:, 1] += lifts[1] * np.clip((heart[:, 1] + 0.2) / 0.5, 0, 1)
    clavicles: list[Stroke] = []
    for side in (-1, 1):
        clavicle = _smooth(np.array(CLAVICLE) * (side, 1 + rng.normal(0, 0.02)), closed=False)
        clavicles += [(clavicle, 0.075, 1.0), (clavicle, 0.045, 0.65)]
    female = bool(rng.integers(2))
    return Anatomy(
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
        reach = broad * np.interp(turn, *LUNG_WALL) + 0.015
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
            # The cortex is denser than the marrow: a broad stroke, with a fainter narrow one over it.
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
        # The last branches are drawn first, so that a trunk is over its branches.
        strokes = [(p, w, min(1.0, 0.15 + 26 * w)) for p, w in zip(points, width, strict=True)] + strokes
        fork = np.tile([-1.0, 1.0], len(angle)) * rng.uniform(0.15, 0.5, 2 * len(angle))
        angle, start, side = np.repeat(bends[:, -1], 2) + fork, np.repeat(points[:, -1], 2, axis=0), np.repeat(side, 2)
        length = np.repeat(length, 2) * rng.uniform(0.6, 0.95, len(angle))
        width = np.repeat(width, 2) * rng.uniform(0.55, 0.75, len(angle))
    return strokes


def _smooth(points: np.ndarray, *, closed: bool) -> np.ndarray:
    """Cut the corners of an outline or a line three times (Chaikin 1974)."""
    for _ in range(3):
        before, after = (points, np.roll(points, -1, axis=0)) if closed else (points[:-1], points[1:])
        points = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
    return points
