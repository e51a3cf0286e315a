"""Provide a trained run and films to the benchmarks of prediction: those given as options, or made here."""

import argparse
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from harness import cxr, run
from PIL import Image

from cxr_cli.films.find import find_films
from cxr_cli.films.reader import read_film
from cxr_cli.rendering.render import render
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace

SAMPLE = Path(__file__).parents[1] / "sample_images" / "covid.png"
_DRAWN = 50  # number of different films; the others are links to them
_GRAIN = 3  # SD of noise in gray levels: without it, enlarged films would be smooth and unusually fast to decode


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `trained_run` takes."""
    parser.add_argument("--workspace", type=Path, help="workspace with a trained run (default: train one on phantoms)")
    parser.add_argument("--model", help="name of the run (default: the latest)")


def trained_run(options: argparse.Namespace, folder: Path) -> RunFolder:
    """Return the run named by the options, or train a MobileNetV2 from random weights for one epoch at 224 pixels."""
    if options.workspace:
        return Workspace(options.workspace).run(options.model)
    workspace = folder / "workspace"
    run(cxr("phantoms", folder / "phantoms"))
    run(cxr("prepare", "--metadata", folder / "phantoms" / "metadata.csv", "-w", workspace))
    run(cxr("train", "--arch", "mobilenetv2", "--weights", "none", "--epochs", 1, "-w", workspace))
    return Workspace(workspace).run()


def write_films(folder: Path, films: int, *, side: int, kind: str, source: Path | None = None) -> Path:
    """Write 50 different films to a new folder, and hard links to them for the others.

    Args:
        folder: folder to create.
        films: number of films.
        side: longer side of each film, in pixels.
        kind: jpg (quality 90) or png.
        source: folder of films to scale to `side`. Defaults to rendered phantoms.

    Returns:
        `folder`.
    """
    folder.mkdir()
    drawn = []
    for number, film in enumerate(_real(source) if source else _rendered()):
        drawn.append(folder / f"{number:07d}.{kind}")
        _scaled(film, side, seed=number).save(drawn[-1], quality=90)
    for number in range(len(drawn), films):
        os.link(drawn[number % len(drawn)], folder / f"{number:07d}.{kind}")
    for path in drawn[films:]:
        path.unlink()
    return folder


def differences(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Describe the differences between two lists of probabilities in words."""
    difference = np.abs(np.subtract(ours, theirs))
    return f"probabilities differ from the peer's by {np.median(difference):.0e} (median), {difference.max():.0e} (max)"


def _rendered() -> Iterator[np.ndarray]:
    return (render(positive=number % 2 == 0, seed=number, size=(640, 560)).film for number in range(_DRAWN))


def _real(source: Path) -> Iterator[np.ndarray]:
    films = find_films([source])
    return (read_film(path) for path in islice(films, 0, None, -(-len(films) // _DRAWN)))


def _scaled(film: np.ndarray, side: int, *, seed: int) -> Image.Image:
    image = Image.fromarray(film)
    scale = side / max(image.size)
    if scale == 1:
        return image
    size = (round(image.width * scale), round(image.height * scale))
    resized = np.asarray(image.resize(size, Image.Resampling.LANCZOS), dtype=np.float32)
    grain = np.random.default_rng(seed).normal(0, _GRAIN if scale > 1 else 0, resized.shape)
    return Image.fromarray(np.clip(resized + grain, 0, 255).astype(np.uint8))
