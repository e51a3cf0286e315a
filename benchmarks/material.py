"""What the benchmarks of answering run on: a trained run and films. Real ones where they are given, else made here."""

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
_DRAWN = 50  # films that differ; the others are links to them
_GRAIN = 3  # gray levels: a film that was enlarged has none of its own, and would be too easily decoded


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that `trained_run` takes."""
    parser.add_argument("--workspace", type=Path, help="with a trained run; default: one is trained on phantoms")
    parser.add_argument("--model", help="the run; default: the latest")


def trained_run(options: argparse.Namespace, folder: Path) -> RunFolder:
    """The run that the options name, or MobileNetV2 at 224 pixels, from random weights, trained for an epoch."""
    if options.workspace:
        return Workspace(options.workspace).run(options.model)
    workspace = folder / "workspace"
    run(cxr("phantoms", folder / "phantoms"))
    run(cxr("prepare", "--metadata", folder / "phantoms" / "metadata.csv", "-w", workspace))
    run(cxr("train", "--arch", "mobilenetv2", "--weights", "none", "--epochs", 1, "-w", workspace))
    return Workspace(workspace).run()


def write_films(folder: Path, films: int, *, side: int, kind: str, source: Path | None = None) -> Path:
    """Write films whose longer side is `side` pixels, each a link to one of 50.

    Args:
        folder: is made.
        films: how many.
        side: pixels.
        kind: jpg (quality 90) or png.
        source: a folder of films that are scaled to that side. Defaults to rendered phantoms.
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
    """How far two lists of probabilities are apart, in words."""
    apart = np.abs(np.subtract(ours, theirs))
    return f"probabilities {np.median(apart):.0e} apart from the peer's, at most {apart.max():.0e}"


def _rendered() -> Iterator[np.ndarray]:
    return (render(positive=number % 2 == 0, seed=number, size=(640, 560)).film for number in range(_DRAWN))


def _real(source: Path) -> Iterator[np.ndarray]:
    found = find_films([source])
    return (read_film(path) for path in islice(found, 0, None, -(-len(found) // _DRAWN)))


def _scaled(film: np.ndarray, side: int, *, seed: int) -> Image.Image:
    picture = Image.fromarray(film)
    scale = side / max(picture.size)
    if scale == 1:
        return picture
    size = (round(picture.width * scale), round(picture.height * scale))
    enlarged = np.asarray(picture.resize(size, Image.Resampling.LANCZOS), dtype=np.float32)
    grain = np.random.default_rng(seed).normal(0, _GRAIN if scale > 1 else 0, enlarged.shape)
    return Image.fromarray(np.clip(enlarged + grain, 0, 255).astype(np.uint8))
