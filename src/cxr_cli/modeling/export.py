"""The trained model as one LiteRT file, and the proof that it answers as the Keras model does."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cxr_cli.errors import ExportError
from cxr_cli.modeling.classifier import Classifier
from cxr_cli.modeling.gradcam import with_map
from cxr_cli.modeling.input_pipeline import to_rgb
from cxr_cli.quiet import native_output_hidden
from cxr_cli.workspace.records import ExportCheck

TOLERANCE = 1e-3
_BATCH = 32


def export_litert(classifier: Classifier, path: Path) -> None:
    """Write `model.tflite`: outputs `probability`, `cam` and `features` under the signature `serving_default`."""
    with native_output_hidden():
        with_map(classifier).export(str(path), format="litert", verbose=False)


def check_export(classifier: Classifier, path: Path, films: np.ndarray) -> ExportCheck:
    """Compare the exported file with the Keras model on real films.

    Args:
        classifier: what was exported.
        path: the file.
        films: (N, S, S) uint8.

    Returns:
        The largest differences; that of the map relative to each film's largest value.

    Raises:
        ExportError: a difference is over 1e-3, or not a number.
    """
    source = with_map(classifier)
    with native_output_hidden():
        runner = Interpreter(str(path)).get_signature_runner("serving_default")
        (name,) = runner.get_input_details()
        probability = cam = 0.0
        for start in range(0, len(films), _BATCH):
            batch = to_rgb(films[start : start + _BATCH])
            expected = source.predict_on_batch(batch)
            answered = runner(**{name: batch})
            probability = np.maximum(probability, np.abs(answered["probability"] - expected["probability"]).max())
            scale = np.maximum(np.abs(expected["cam"]).max(axis=(1, 2), keepdims=True), 1e-6)
            cam = np.maximum(cam, (np.abs(answered["cam"] - expected["cam"]) / scale).max())
    # Written so that NaN fails too.
    if not (probability <= TOLERANCE and cam <= TOLERANCE):
        raise ExportError(
            f"Expected {path.name} to answer as the Keras model within {TOLERANCE:g} on {len(films)} films. "
            f"Received: probabilities {probability:.2g} apart, heat maps {cam:.2g}.",
            hint="This is a fault of the export, not of your data: please report it with the versions in run.json",
        )
    return ExportCheck(films=len(films), max_probability_difference=float(probability), max_cam_difference=float(cam))
