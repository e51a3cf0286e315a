"""The lungs of a film by a U-Net, that of the package or of a run, through LiteRT."""

from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.bundled.files import LUNG_UNET, LUNG_UNET_SHA256
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.lung_map import LungMap
from cxr_cli.quiet import native_output_hidden
from cxr_cli.workspace.digests import check_digest

_LEAST_CERTAINTY = 0.85  # films of four collections have 0.90 to 0.99

# By model. An interpreter serves one thread at a time; as many are opened as threads ask at once.
_idle: defaultdict[Path, deque[Any]] = defaultdict(deque)


def unet(film: np.ndarray, model: Path | None = None) -> LungMap:
    """Find the lungs of a film with a U-Net.

    Args:
        film: (H, W) uint8, 0 is black.
        model: the `model.tflite` of a run that finds lungs. Defaults to the U-Net that comes with the package.

    Raises:
        WorkspaceError: the model is missing or damaged, or finds no lungs.
    """
    outputs = _outputs(film, model or LUNG_UNET)
    share = outputs["mask"].reshape(outputs["mask"].shape[1:3])
    inside = share[share > 0.5]
    certainty = float(inside.mean()) if inside.size else 0.5
    doubts = (f"the network is only {certainty:.0%} sure of the lungs",) if certainty < _LEAST_CERTAINTY else ()
    frontal = float(outputs["frontal"][0, 0]) if "frontal" in outputs else None
    return LungMap(share=share, doubts=doubts, certainty=certainty, frontal=frontal)


def open_ahead(threads: int) -> None:
    """Open the U-Net of the package for threads that will ask at once.

    Opening hides all output of the process for a moment: what another thread printed meanwhile would be lost.
    """
    while len(_idle[LUNG_UNET]) < threads:
        _idle[LUNG_UNET].append(_open(LUNG_UNET))


def _outputs(film: np.ndarray, model: Path) -> dict[str, np.ndarray]:
    """(H, W) uint8 -> "mask": (1, S, S, 1), P(lung) of each point; "frontal": (1, 1), P(upright frontal film)."""
    try:
        runner = _idle[model].pop()
    except IndexError:
        runner = _open(model)
    try:
        side = int(runner.get_input_details()["film"]["shape"][1])
        return dict(runner(film=resize(film, side)[None, ..., None]))
    finally:
        _idle[model].append(runner)


def _open(model: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    if model == LUNG_UNET:
        check_digest(model, {model.name: LUNG_UNET_SHA256}, hint="Install cxr again")
    try:
        with native_output_hidden():
            # One thread: films are many at a time, and a single one takes a few hundredths of a second.
            interpreter = Interpreter(str(model), num_threads=1)
            interpreter.allocate_tensors()
            runner = interpreter.get_signature_runner("serving_default")
            (side, other) = runner.get_input_details()["film"]["shape"][1:3]
            if side != other or "mask" not in runner.get_output_details():
                raise ValueError(f"outputs {', '.join(runner.get_output_details())}")
            return runner
    except (ValueError, RuntimeError, KeyError) as error:
        raise WorkspaceError(
            f"Expected a LiteRT model in {model}. Received: {str(error).splitlines()[0][:200]}.",
            hint="Train the run that finds lungs again: cxr train --arch lung-unet --masks DIR",
        ) from error
