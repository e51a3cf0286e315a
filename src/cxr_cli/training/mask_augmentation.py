"""Variants of a film and its lung mask, as other hospitals' films could be: by NumPy and Pillow, from a given seed.

Stronger than for classifiers, because a mask moves with its film: here gray levels and place carry no meaning of their
own. Films of other hospitals come with black borders, collimation, burned-in text, tubes and other contrast.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LETTERS = list("LRAPSUPINEPORTABLE0123456789:/ -")


def augment_with_mask(film: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make a variant of a film and its mask.

    Args:
        film: (S, S) uint8.
        mask: (S, S) uint8, 0 outside of the lungs, 255 inside.
        rng: what is drawn from; the same state gives the same variant.

    Returns:
        (S, S) uint8 and (S, S) bool.
    """
    film, moved = _move(film, mask, rng)
    film = _expose(film, rng)
    if rng.random() < 0.4:
        film, inside = _collimate(film, rng)
        moved &= inside
    if rng.random() < 0.5:
        film = _write_on(film, rng)
    return film, moved


def _move(film: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rotate, zoom, stretch, shear, shift and mirror; what comes into view is mostly black, as on a scanned film."""
    side = len(film)
    angle = np.deg2rad(rng.normal(0, 6) if rng.random() < 0.9 else rng.uniform(-20, 20))
    zoom, aspect = np.exp(rng.uniform(np.log(0.7), np.log(1.3))), np.exp(rng.uniform(-0.15, 0.15))
    shift = rng.uniform(-0.1, 0.1, 2) * side
    mirror = -1 if rng.random() < 0.5 else 1
    scale = np.array([[mirror * zoom * np.sqrt(aspect), rng.normal(0, 0.04)], [0, zoom / np.sqrt(aspect)]])
    back = np.linalg.inv(_turn(angle) @ scale)
    center = np.full(2, (side - 1) / 2)
    offset = center - back @ (center + shift)
    numbers = (*back[0], offset[0], *back[1], offset[1])
    fill = 0 if rng.random() < 0.75 else int(rng.choice([255, int(rng.integers(0, 255))]))
    moved = [
        Image.fromarray(picture).transform(
            (side, side), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR, fillcolor=color
        )
        for picture, color in ((film, fill), (mask, 0))
    ]
    return np.asarray(moved[0]), np.asarray(moved[1]) > 127


def _expose(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change gamma, contrast, brightness, shading, sharpness and noise, and add bright blobs like consolidations."""
    side = len(film)
    light = film.astype(np.float32) / 255
    down, across = np.mgrid[:side, :side].astype(np.float32) / side
    if rng.random() < 0.8:
        light **= np.exp(rng.uniform(-0.6, 0.6))
    if rng.random() < 0.8:
        contrast, brightness = np.exp(rng.uniform(np.log(0.35), np.log(1.5))), rng.uniform(-0.25, 0.25)
        light = (light - light.mean()) * contrast + light.mean() + brightness
    if rng.random() < 0.3:
        light = light + rng.uniform(-0.3, 0.3) * (across - 0.5) + rng.uniform(-0.3, 0.3) * (down - 0.5)
    if rng.random() < 0.3:
        coarse = int(rng.integers(side // 3, side))
        blurred = Image.fromarray(_to_bytes(light)).resize((coarse, coarse), Image.Resampling.BILINEAR)
        light = np.asarray(blurred.resize((side, side), Image.Resampling.BILINEAR)).astype(np.float32) / 255
    if rng.random() < 0.5:
        light = light + rng.normal(0, rng.uniform(0, 0.08), light.shape)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 5))):
            x, y = rng.uniform(0.1, 0.9, 2)
            wide, high = rng.uniform(0.04, 0.2, 2)
            blob = np.exp(-(((across - x) / wide) ** 2 + ((down - y) / high) ** 2))
            light = light + blob * rng.uniform(-0.1, 0.45)
    return _to_bytes(light)


def _collimate(film: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cover some of the sides, as a slightly turned collimator does; also give where the film is left, (S, S) bool."""
    side = len(film)
    left, top, right, bottom = rng.uniform(0, 0.16, 4) * (rng.random(4) < 0.7)
    corners = np.array([[left, top], [1 - right, top], [1 - right, 1 - bottom], [left, 1 - bottom]]) * side
    corners = (corners - side / 2) @ _turn(np.deg2rad(rng.normal(0, 4))).T + side / 2
    window = Image.new("L", (side, side), 0)
    ImageDraw.Draw(window).polygon([(x, y) for x, y in corners.tolist()], fill=255)
    covered = Image.new("L", (side, side), int(rng.choice([0, 0, 0, int(rng.integers(0, 60)), 255])))
    covered.paste(Image.fromarray(film), mask=window)
    return np.asarray(covered), np.asarray(window) > 0


def _write_on(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Write letters, and draw lines like tubes and wires."""
    side = len(film)
    picture = Image.fromarray(film)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 5))):
        text = "".join(rng.choice(_LETTERS, int(rng.integers(1, 12))))
        font = ImageFont.load_default(int(rng.integers(7, 28)))
        x, y = rng.uniform(0, 0.9, 2) * side
        draw.text((x, y), text, fill=int(rng.choice([255, 255, 200, 0])), font=font)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            points = [(x, y) for x, y in (rng.uniform(0, 1, (4, 2)) * side).tolist()]
            draw.line(points, fill=int(rng.integers(150, 255)), width=int(rng.integers(1, 4)))
    return np.asarray(picture)


def _turn(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _to_bytes(light: np.ndarray) -> np.ndarray:
    return (light.clip(0, 1) * 255).astype(np.uint8)
