"""Export a trained model to other formats, and prove that each file gives the predictions of the Keras model."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import ExportError, WorkspaceError
from cxr_cli.lungs.framing import Framing
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.record import ExportCheck, RunRecord
from cxr_cli.training.array_cache import Rows
from cxr_cli.training.classifier import Classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.formats import (
    EVIDENCE,
    FORMATS,
    LOWER_PRECISIONS,
    OUTPUTS,
    Format,
    find_format,
    open_litert,
    plan_export,
)
from cxr_cli.training.gradcam import with_map
from cxr_cli.training.input_pipeline import load_films, predict_probabilities, to_rgb
from cxr_cli.training.keras_file import read_keras_model
from cxr_cli.training.precision import Cost, roc_auc, time_in_turn
from cxr_cli.workspace.digests import check_digest, digests_of
from cxr_cli.workspace.faults import disk_errors
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record
from cxr_cli.workspace.staging import staged_folder

FLOAT32_TOLERANCE = 1e-3  # in float32, of all outputs
_JUMPING = ("cam", "gradients")
_BATCH = 8  # films at once: 32 of 299 pixels need half a gigabyte more
_FILMS, _PHANTOMS = 256, 16  # maximum number of films to compare; number of phantoms if there are no films
_UNCHANGED = 16  # maximum number of films to compare if the backbone is as it was before training
_REPORT = "This is a bug of the export, not of your data: please report it with the versions in run.json"


@dataclass(frozen=True)
class Exported:
    """An exported and checked file."""

    run: str
    path: Path
    size: int  # bytes
    input_shape: tuple[int, ...]  # of one film
    shapes: dict[str, tuple[int, ...]]  # of each output for it
    films: int
    films_from: str  # what these films are
    differences: dict[str, float]  # largest difference from Keras, by output
    cost: Cost | None = None  # of a precision below float32
    framing: Framing | None = None  # what has to be done to a film first


@dataclass(frozen=True)
class _Films:
    """The films on which predictions are compared."""

    pixels: np.ndarray  # (N, S, S) uint8
    source: str  # what the films are
    positives: np.ndarray | None = None  # (N,) bool, the truth, if the films are real


def export_run(
    workspace: Workspace,
    run: str | None = None,
    *,
    format_name: str,
    precision: str = "float32",
    output: Path | None = None,
) -> Exported:
    """Export a run to another format, once the file gives the predictions of the run's Keras model.

    Args:
        workspace: where the run is, and the films to compare.
        run: the name of the run. Defaults to the latest.
        format_name: a row of `FORMATS`.
        precision: of the weights, "float32" or a row of `LOWER_PRECISIONS`. Below float32, a file is judged by what it
            loses on the validation films, so a dataset is needed.
        output: see `plan_export`; an existing file is replaced.

    Raises:
        CxrError: see `plan_export` and `find_format`.
        WorkspaceError: no run, a damaged one, no dataset or a damaged one, or the file can't be written.
        ExportError: the file can't be opened, or its predictions differ by more than its precision's tolerance; an
            existing file is kept.
    """
    folder, wanted = workspace.own_run(run), find_format(format_name, precision)
    target = plan_export(folder, wanted, output)
    record = read_record(folder.record, RunRecord)
    check_digest(folder.litert_model, record.sha256, hint=f"Make it again: {RunRecord.MADE_BY}")
    with TemporaryDirectory(prefix="cxr-") as temporary:
        classifier = Classifier(model=load_model(folder), weights=record.weights)
        films = _films_to_compare(workspace, record, wanted)
        expected = answer_all(with_map(classifier, evidence=True).predict_on_batch, films.pixels)
        _check_run(folder, films.pixels, expected)
        made = Path(temporary) / wanted.file
        with native_output_hidden(), disk_errors(Path(temporary), made_in=Path(temporary)):
            wanted.write(classifier, folder.litert_model, made)
        answered, differences = _check(made, wanted, films.pixels, expected)
        cost = None
        if films.positives is not None and wanted.precision in LOWER_PRECISIONS:
            cost = _cost(made, folder, record, films, answered["probability"], expected["probability"])
            _check_loss(wanted, cost, len(films.pixels))
        if target.resolve() == folder.litert_model.resolve():  # in place of the run's own: with its record, or not
            with staged_folder(folder.root, keep=True) as stage:
                changed = RunFolder(stage)
                size = _put(made, changed.litert_model)
                digests = record.sha256 and record.sha256 | digests_of([changed.litert_model])
                write_record(changed.record, msgspec.structs.replace(record, sha256=digests))
        else:
            size = _put(made, target)
    return Exported(
        run=folder.name,
        path=target,
        size=size,
        input_shape=(record.input_size, record.input_size, 3),
        shapes={name: expected[name].shape[1:] for name in wanted.outputs},
        films=len(films.pixels),
        films_from=films.source,
        differences=differences,
        cost=cost,
        framing=record.framing,
    )


def export_litert(classifier: Classifier, path: Path) -> None:
    """Write `model.tflite`: the outputs `OUTPUTS` and `EVIDENCE` under the signature `serving_default`."""
    with native_output_hidden():
        FORMATS["litert"].write(classifier, path, path)


def check_export(
    classifier: Classifier, path: Path, films: Rows, *, known: np.ndarray | None = None
) -> tuple[ExportCheck, np.ndarray]:
    """Compare `model.tflite` with the Keras model on real films.

    Args:
        classifier: what was exported.
        path: the file.
        films: (N, S, S) uint8. At most 256 of them are compared.
        known: P(positive) of each film by the Keras model's head and features from LiteRT, (N,) float32, if the
            backbone is as it was before training: 16 films are enough then. Defaults to none.

    Returns:
        The largest differences (that of the map relative to each film's largest value, and of all but one film in
        twenty); and P(positive) of each film by the Keras model, or as `known`, (N,) float32.

    Raises:
        ExportError: a difference is over 1e-3, or not a number.
    """
    some = films[:: -(-len(films) // (_FILMS if known is None else _UNCHANGED))]
    expected = answer_all(with_map(classifier, evidence=True).predict_on_batch, some)
    _, found = _check(path, FORMATS["litert"], some, expected)
    check = ExportCheck(
        films=len(some), max_probability_difference=found["probability"], max_cam_difference=found["cam"]
    )
    if known is not None:
        return check, known
    whole = len(some) == len(films)
    return check, expected["probability"][:, 0] if whole else predict_probabilities(classifier.model, films)


def _check_run(run: RunFolder, films: np.ndarray, expected: dict[str, np.ndarray]) -> None:
    """Make sure that the Keras model is the one whose predictions `cxr predict` gives."""
    try:
        # Without the evidence: earlier versions wrote none, and the hint for such a run is to export this file again.
        _check(run.litert_model, replace(FORMATS["litert"], outputs=OUTPUTS), films, expected)
    except ExportError as error:
        raise WorkspaceError(
            error.message,
            hint=f"{run.litert_model} is damaged, or of another training run than {run.keras_model.name}. "
            f"Train the run again: {RunRecord.MADE_BY}",
        ) from error


def _check(
    path: Path, kind: Format, films: np.ndarray, expected: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The outputs of the file, and the largest difference of each."""
    try:
        with native_output_hidden():
            answered = answer_all(kind.open(path), films)
    except Exception as error:  # each tool has its own errors, and none of them must pass unnoticed
        raise ExportError(
            f"Expected {kind.tool} to open and run {path.name}. Received: {str(error).splitlines()[0][:300]}",
            hint="Try another format: cxr export --help",
        ) from error
    differences = {name: _difference(answered[name], expected[name], name) for name in kind.outputs}
    lower = LOWER_PRECISIONS.get(kind.precision)
    tolerance = lower.tolerance if lower else FLOAT32_TOLERANCE
    held = [differences["probability"]] if lower else list(differences.values())
    # Written so that NaN fails too.
    if not all(difference <= tolerance for difference in held):
        largest = ", ".join(f"{name} {difference:.2g}" for name, difference in differences.items())
        raise ExportError(
            f"Expected the outputs of {path.name} within {tolerance:g} of the Keras model on {len(films)} films. "
            f"Received differences of: {largest}. Nothing is written.",
            hint=_hint(kind) if lower else _REPORT,
        )
    return answered, differences


def _cost(
    made: Path, run: RunFolder, record: RunRecord, films: _Films, answered: np.ndarray, expected: np.ndarray
) -> Cost:
    assert films.positives is not None
    milliseconds = {}
    with native_output_hidden():
        for threads in sorted({1, os.cpu_count() or 1}):
            new, own = (open_litert(path, threads=threads) for path in (made, run.litert_model))
            times = time_in_turn(new, own, to_rgb(films.pixels[:_BATCH]))
            milliseconds[threads] = dict(zip(("file", "float32"), times, strict=True))
    auc, keras_auc = (roc_auc(films.positives, probabilities[:, 0]) for probabilities in (answered, expected))
    return Cost(
        mean_probability_difference=float(np.abs(answered - expected).mean()),
        changed_answers=int(np.sum(_called(answered, record) != _called(expected, record))),
        positive_films=int(films.positives.sum()),
        roc_auc=auc,
        keras_roc_auc=keras_auc,
        roc_auc_loss=0.0 if auc is None or keras_auc is None else keras_auc - auc,
        float32_bytes=run.litert_model.stat().st_size,
        milliseconds=milliseconds,
    )


def _called(probabilities: np.ndarray, record: RunRecord) -> np.ndarray:
    """Which films the run calls positive, from uncalibrated probabilities."""
    return record.calibrated(probabilities) >= record.threshold


def _check_loss(kind: Format, cost: Cost, films: int) -> None:
    limit = LOWER_PRECISIONS[kind.precision].auc_loss
    if cost.roc_auc_loss > limit:
        raise ExportError(
            f"Expected a file in {kind.precision} to lose {limit:g} of the AUC at most, on {films} films. "
            f"Received: {cost.roc_auc:.3f} instead of {cost.keras_roc_auc:.3f}. Nothing is written.",
            hint=_hint(kind),
        )


def _hint(kind: Format) -> str:
    return "Try --precision float16" if kind.precision == "int8" else "Leave --precision out"


def _difference(answered: np.ndarray, expected: np.ndarray, name: str) -> float:
    """The largest difference of any film: absolute for probabilities, else relative to the film's largest value.

    For gradients, and the map that is computed from them, one film in twenty is left out: because of rounding, a hidden
    unit near 0 may be on in one tool and off in the other, and its gradient is all or nothing.
    """
    apart = np.abs(answered - expected).reshape(len(expected), -1).max(axis=1)
    largest = np.abs(expected).reshape(len(expected), -1).max(axis=1)
    of_films = np.sort(apart if name == "probability" else apart / np.maximum(largest, 1e-6))
    if name in _JUMPING and len(of_films) > 1 and np.isfinite(of_films).all():
        of_films = of_films[: len(of_films) - max(1, len(of_films) // 20)]
    return float(of_films[-1])


def answer_all(reader: Callable[[np.ndarray], dict[str, np.ndarray]], films: Rows) -> dict[str, np.ndarray]:
    """Run a model or file, as `Format.open` gives it, on (N, S, S) uint8 films: each output, (N, ...).

    Of `EVIDENCE` only the first batch is kept, because that of many films would not fit into memory.
    """
    count = len(films)
    batches = -(-count // _BATCH)
    # All of one size, the last one filled up with the first films: Keras compiles the model for each size.
    rows = np.arange(batches * -(-count // batches)).reshape(batches, -1) % count
    answers: dict[str, list[np.ndarray]] = {}
    for batch in rows:
        for name, answer in reader(to_rgb(films[batch])).items():
            kept = answers.setdefault(name, [])
            if name not in EVIDENCE or not kept:
                kept.append(answer)
    return {name: np.concatenate(kept)[:count] for name, kept in answers.items()}


def load_model(run: RunFolder) -> keras.Model:
    """Load the run's Keras model.

    Raises:
        WorkspaceError: the model is missing or damaged, or isn't the one that the run's record knows.
    """
    hint = f"Make it again: {RunRecord.MADE_BY}"
    check_digest(run.keras_model, read_record(run.record, RunRecord).sha256, hint=hint)
    return read_keras_model(run.keras_model, hint=hint)


def _films_to_compare(workspace: Workspace, record: RunRecord, wanted: Format) -> _Films:
    """Read validation films if there is a dataset; otherwise render phantoms."""
    size = record.input_size
    if wanted.precision not in LOWER_PRECISIONS and not workspace.dataset.record.is_file():
        from cxr_cli.films.transforms import resize
        from cxr_cli.rendering.render import render

        phantoms = (render(positive=seed % 2 == 1, seed=seed).film for seed in range(_PHANTOMS))
        return _Films(
            np.stack([resize(film, size) for film in phantoms]), "rendered phantoms, because there is no dataset"
        )
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    members = [film for film in read_manifest(dataset) if film.split == "val"]
    members = members[:: -(-len(members) // _FILMS)]
    same = made.fingerprint == record.dataset_fingerprint
    return _Films(
        pixels=load_films(
            [dataset.root / film.path for film in members],
            size=size,
            description="Reading validation films",
        ),
        source="validation films" if same else "validation films of another dataset or split than the run's",
        positives=np.array([film.label == made.classes.positive for film in members]),
    )


def _put(made: Path, target: Path) -> int:
    """Write the checked file or folder to its place atomically; give its size in bytes."""
    if made.is_file():
        data = made.read_bytes()
        write_bytes(target, data)
        return len(data)
    with staged_folder(target) as stage:
        shutil.copytree(made, stage, dirs_exist_ok=True)
    return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
