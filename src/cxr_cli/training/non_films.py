"""Drawn pictures that are no films: what the film gate learns to tell films from, besides films that are turned."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_LETTERS = list("etaoinshrdlucmfwyp  0123456789.,")

Drawing = Callable[[np.random.Generator, int], np.ndarray]  # (generator, side) -> (S, S) float64, about 0 to 1


def draw_non_film(kind: str, generator: np.random.Generator, side: int) -> np.ndarray:
    """Draw a picture that is no film.

    Args:
        kind: a name of `NON_FILMS`.
        generator: source of randomness.
        side: of the picture, in pixels.

    Returns:
        (side, side) uint8.
    """
    picture = NON_FILMS[kind](generator, side)
    if kind != "page" and generator.random() < 0.3:
        picture = (picture + _clouds(generator, side) * generator.uniform(0.1, 0.6)) / 1.6
    return np.asarray(np.rint(picture.clip(0, 1) * 255), dtype=np.uint8)


def _clouds(generator: np.random.Generator, side: int) -> np.ndarray:
    """Noise whose amplitude falls with frequency, as in photographs (Field 1987)."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1
    waves = generator.normal(size=frequency.shape) + 1j * generator.normal(size=frequency.shape)
    field = np.fft.irfft2(waves / frequency ** generator.uniform(0.5, 3), s=(side, side))
    low, high = np.percentile(field, [generator.uniform(0, 10), generator.uniform(90, 100)])
    return np.asarray(((field - low) / (high - low)).clip(0, 1))


def _shapes(generator: np.random.Generator, side: int) -> np.ndarray:
    picture = Image.new("L", (side, side), int(generator.integers(256)))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(generator.integers(1, 25))):
        x, y = (sorted((generator.uniform(-0.2, 1.2, 2) * side).tolist()) for _ in range(2))
        box, gray = (x[0], y[0], x[1] + 1, y[1] + 1), int(generator.integers(256))
        kind = generator.integers(5)
        if kind == 0:
            draw.ellipse(box, fill=gray)
        elif kind == 1:
            draw.rectangle(box, fill=gray)
        elif kind == 2:
            draw.line(box, fill=gray, width=int(generator.integers(1, 8)))
        elif kind == 3:
            corners = generator.uniform(-0.2, 1.2, (int(generator.integers(3, 7)), 2)) * side
            draw.polygon([(x, y) for x, y in corners.tolist()], fill=gray)
        else:
            draw.ellipse(box, outline=gray, width=int(generator.integers(1, 8)))
    if generator.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(generator.uniform(0, 6)))
    return np.asarray(picture) / 255


def _page(generator: np.random.Generator, side: int) -> np.ndarray:
    dark, bright = int(generator.integers(90)), 255
    paper, ink = (bright, dark) if generator.random() < 0.7 else (dark, bright)
    picture = Image.new("L", (side, side), paper)
    draw = ImageDraw.Draw(picture)
    size, y = int(generator.integers(6, 26)), generator.uniform(0, 0.1) * side
    font, margin = ImageFont.load_default(size), float(generator.choice([0.05, 0.1])) * side
    while y < side:
        line = "".join(generator.choice(_LETTERS, int(generator.integers(5, 80))))
        draw.text((margin, y), line, fill=ink, font=font)
        y += size * generator.uniform(1, 2)
    return np.asarray(picture) / 255


def _pattern(generator: np.random.Generator, side: int) -> np.ndarray:
    """Stripes, waves or a checkerboard, at any angle."""
    rows, columns = np.mgrid[:side, :side] / side
    angle, count = generator.uniform(0, np.pi), int(generator.integers(2, 16))
    along = (columns * np.cos(angle) + rows * np.sin(angle)) * count
    across = (rows * np.cos(angle) - columns * np.sin(angle)) * count
    kinds = (np.floor(along) % 2, (np.floor(along) + np.floor(across)) % 2, 0.5 + 0.5 * np.sin(2 * np.pi * along))
    return np.asarray(kinds[generator.integers(3)] * generator.uniform(0.2, 1) + generator.uniform(0, 0.2))


def _gradient(generator: np.random.Generator, side: int) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side] / side
    x, y, slope = *generator.uniform(0, 1, 2), generator.uniform(-1, 1, 2)
    kinds = (slope[0] * columns + slope[1] * rows, np.hypot(columns - x, rows - y))
    values = kinds[generator.integers(2)]
    values = (values - values.min()) / (np.ptp(values) + 1e-9)
    return np.asarray(1 - values if generator.random() < 0.5 else values)


def _noise(generator: np.random.Generator, side: int) -> np.ndarray:
    points = side // int(generator.choice([1, 2, 4, 8, 16]))
    flat = generator.random() < 0.5
    grays = generator.random((points, points)) if flat else generator.normal(0.5, 0.2, (points, points))
    small = Image.fromarray(np.asarray(grays.clip(0, 1) * 255, dtype=np.uint8))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)) / 255


def _section(generator: np.random.Generator, side: int) -> np.ndarray:
    """A schematic cross-section of a body on black, with or without lungs: there are no CT slices to learn from."""
    picture, middle = Image.new("L", (side, side)), side / 2
    draw = ImageDraw.Draw(picture)
    width, height = generator.uniform(0.3, 0.5) * side, generator.uniform(0.22, 0.45) * side
    skin = generator.uniform(0.02, 0.08) * side

    def ellipse(x: float, y: float, a: float, b: float, gray: int) -> None:
        draw.ellipse((middle + x - a, middle + y - b, middle + x + a, middle + y + b), fill=gray)

    ellipse(0, 0, width, height, int(generator.integers(100, 256)))
    ellipse(0, 0, width - skin, height - skin, int(generator.integers(90, 200)))
    if generator.random() < 0.7:
        for sign in (-1, 1):
            x, y = sign * generator.uniform(0.45, 0.52) * width, generator.uniform(-0.1, 0.1) * height
            a, b = generator.uniform(0.3, 0.42) * width, generator.uniform(0.5, 0.75) * height
            ellipse(x, y, a, b, int(generator.integers(60)))
    spine, heart = generator.uniform(0.08, 0.16) * side, generator.uniform(0.1, 0.25) * side
    ellipse(0, generator.uniform(0.5, 0.75) * height, spine, spine * 0.8, int(generator.integers(180, 256)))
    x, y = generator.uniform(-0.1, 0.2) * side, -generator.uniform(0, 0.15) * side
    ellipse(x, y, heart, heart * 0.8, int(generator.integers(110, 220)))
    for _ in range(int(generator.integers(15))):
        x, y = generator.uniform(-0.8, 0.8) * width, generator.uniform(-0.8, 0.8) * height
        radius = generator.uniform(0.005, 0.05) * side
        ellipse(x, y, radius, radius, int(generator.integers(256)))
    values = np.asarray(picture.filter(ImageFilter.GaussianBlur(generator.uniform(0.5, 3)))) / 255
    return values + generator.normal(0, generator.uniform(0, 0.06), values.shape)


NON_FILMS: dict[str, Drawing] = {
    "clouds": _clouds,
    "shapes": _shapes,
    "page": _page,
    "pattern": _pattern,
    "gradient": _gradient,
    "noise": _noise,
    "section": _section,
}
