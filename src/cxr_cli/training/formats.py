"""The table of export formats: a new one is a new row. Listing them needs no TensorFlow."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import CxrError, UsageError
from cxr_cli.extras import TRAINING, require_modules
from cxr_cli.workspace.folders import RunFolder

if TYPE_CHECKING:
    import numpy as np

    from cxr_cli.training.classifier import Classifier

    Reader = Callable[[np.ndarray], dict[str, np.ndarray]]  # (B, S, S, 3) uint8 -> the outputs by name

OUTPUTS = ("probability", "cam", "features")
EVIDENCE = ("activations", "gradients")  # the input of other heat maps: a hundred times as large


@dataclass(frozen=True)
class Precision:
    """A way to store weights in fewer bits, and how far a file may be from Keras before it is refused."""

    summary: str
    tolerance: float  # for the probability of a film
    auc_loss: float = 0.02  # on the validation films


# int8 is LiteRT's "dynamic range" quantization: weights in 8 bits per channel, activations scaled for each film, no
# calibration. Full integer arithmetic is faster, but loses more. docs/how-to/export.md has the measurements of both.
LOWER_PRECISIONS = {
    "float16": Precision(summary="half the size", tolerance=0.05),
    "int8": Precision(summary="a quarter of the size", tolerance=0.25),
}


@dataclass(frozen=True)
class Format:
    """A kind of file, how it is written, and how its user reads it."""

    summary: str
    file: str  # its name in a run's export folder
    tool: str  # the tool that reads it
    write: "Callable[[Classifier, Path, Path], None]"  # the classifier, the run's model.tflite, the file to write
    open: "Callable[[Path], Reader]"
    outputs: tuple[str, ...] = OUTPUTS
    packages: tuple[str, ...] = ()  # that it needs beyond those of training
    precision: str = "float32"
    others: "Mapping[str, Callable[[Classifier, Path, Path], None]]" = field(
        default_factory=dict
    )  # writers of other precisions


def _write_litert(classifier: "Classifier", litert_model: Path, path: Path, *, precision: str = "float32") -> None:
    from cxr_cli.training.gradcam import with_map
    from cxr_cli.training.to_litert import convert_to_litert

    convert_to_litert(with_map(classifier, evidence=True), path, precision=precision)


def open_litert(file: Path | bytes, *, threads: int | None = None) -> "Reader":
    """Open a LiteRT file, as `Format.open` does.

    Args:
        file: its path, or what is in it.
        threads: number of threads. Defaults to one per core, as in `cxr predict`.
    """
    from ai_edge_litert.interpreter import Interpreter

    content = {"model_content": file} if isinstance(file, bytes) else {"model_path": str(file)}
    interpreter = Interpreter(**content, num_threads=threads or os.cpu_count())
    interpreter.allocate_tensors()  # which prints messages: the caller hides them
    runner = interpreter.get_signature_runner("serving_default")
    (name,) = runner.get_input_details()
    return lambda films: dict(runner(**{name: films}))


def _write_onnx(classifier: "Classifier", litert_model: Path, path: Path) -> None:
    from cxr_cli.training.to_onnx import convert_to_onnx

    # Not through Keras: in Keras 3.15 its ONNX export of EfficientNetV2 and ConvNeXt gives files that don't load.
    convert_to_onnx(litert_model, path, outputs=OUTPUTS)


def _open_onnx(path: Path) -> "Reader":
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (film,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda films: dict(zip(names, session.run(names, {film.name: films}), strict=True))


def _write_savedmodel(classifier: "Classifier", litert_model: Path, path: Path) -> None:
    from cxr_cli.training.gradcam import with_map

    with_map(classifier).export(str(path), format="tf_saved_model", verbose=False)


def _open_savedmodel(path: Path) -> "Reader":
    from cxr_cli.training.engine import tf

    loaded = tf.saved_model.load(str(path))
    # The signature alone doesn't keep the weights alive, so `loaded` must stay referenced.
    return lambda films: {
        name: value.numpy() for name, value in loaded.signatures["serving_default"](film=tf.constant(films)).items()
    }


def _write_h5(classifier: "Classifier", litert_model: Path, path: Path) -> None:
    classifier.model.save(path)


def _open_h5(path: Path) -> "Reader":
    from cxr_cli.training.engine import keras

    model = keras.models.load_model(path, compile=False)
    return lambda films: {"probability": model.predict_on_batch(films)}


FORMATS = {
    "litert": Format(
        summary="for phones and edge devices, and for cxr itself",
        file="model.tflite",
        tool="LiteRT",
        write=_write_litert,
        open=open_litert,
        outputs=OUTPUTS + EVIDENCE,
        others={name: partial(_write_litert, precision=name) for name in LOWER_PRECISIONS},
    ),
    "onnx": Format(
        summary="for ONNX Runtime, OpenVINO, TensorRT and others",
        file="model.onnx",
        tool="ONNX Runtime",
        write=_write_onnx,
        open=_open_onnx,
        packages=("tf2onnx", "onnx", "onnxruntime"),
    ),
    "savedmodel": Format(
        summary="a folder, for TensorFlow Serving",
        file="saved_model",
        tool="TensorFlow",
        write=_write_savedmodel,
        open=_open_savedmodel,
    ),
    "h5": Format(
        summary="for older Keras code, without heat map and features",
        file="model.h5",
        tool="Keras",
        write=_write_h5,
        open=_open_h5,
        outputs=OUTPUTS[:1],
    ),
}


def find_format(name: str, precision: str = "float32") -> Format:
    """Find a format by its name, in a precision.

    Raises:
        UsageError: no such format, or it can't be written in this precision.
    """
    if name not in FORMATS:
        raise UsageError(
            f"Expected a format: {', '.join(FORMATS)}. Received: {name!r}.", hint="For example: --format onnx"
        )
    row = FORMATS[name]
    if precision == row.precision:
        return row
    if precision not in row.others:
        raise UsageError(
            f"Expected a precision of {name}: {', '.join([row.precision, *row.others])}. Received: {precision!r}.",
            hint="For example: --format litert --precision float16",
        )
    file = Path(row.file)
    name = f"{file.stem}-{precision}{file.suffix}"
    return replace(row, file=name, precision=precision, write=row.others[precision])


def plan_export(run: RunFolder, wanted: Format, output: Path | None = None) -> Path:
    """Decide where the export of a run goes, or refuse it; needs no TensorFlow.

    Args:
        run: a trained run.
        wanted: the format.
        output: the file, or the folder of a SavedModel. Defaults to the run's export folder.

    Raises:
        CxrError: the run needs more than one file to predict, `output` has another suffix or is a folder of something
            else, or a package is missing; the hint names the extra that installs it.
        WorkspaceError: the run's record is damaged.
    """
    from cxr_cli.recipe.record import RunRecord
    from cxr_cli.workspace.records import read_record

    if read_record(run.record, RunRecord).boosting:
        raise CxrError(
            f"Expected a run that predicts from one file. Received: {run.name}, in which XGBoost's trees predict from "
            "the network's features.",
            hint=f"Use both files of {run.root}: {run.litert_model.name} (its output features) and {run.booster.name}",
        )
    require_modules(*TRAINING, *wanted.packages, needed_by="this format")
    path = output or run.exports / wanted.file
    ending = Path(wanted.file).suffix
    if path.suffix.lower() != ending if ending else path.is_dir() and _holds_something_else(path):
        kind = f"a file name ending in {ending}" if ending else "a new folder, or one with an earlier SavedModel"
        raise UsageError(f"Expected {kind}. Received: {path}.", hint=f"For example: -o {wanted.file}")
    return path


def _holds_something_else(folder: Path) -> bool:
    return any(folder.iterdir()) and not (folder / "saved_model.pb").is_file()
