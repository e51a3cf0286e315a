"""A prepared dataset in; a trained, exported and checked run out."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.dataset.manifest import Film, films_by_part, read_manifest
from cxr_cli.errors import SplitError
from cxr_cli.evaluation.metrics import measure
from cxr_cli.evaluation.plots import draw_curves
from cxr_cli.imaging.reader import read_at
from cxr_cli.modeling.architectures import Architecture, find_architecture
from cxr_cli.modeling.array_cache import ArrayCache
from cxr_cli.modeling.callbacks import Validation
from cxr_cli.modeling.classifier import Classifier, build_classifier
from cxr_cli.modeling.engine import keras
from cxr_cli.modeling.export import check_export, export_litert
from cxr_cli.modeling.feeds import Part
from cxr_cli.modeling.fitting import TrainingOptions, class_weights, fit
from cxr_cli.modeling.input_pipeline import predict_probabilities, read_films
from cxr_cli.modeling.profiling import profile
from cxr_cli.progress import EpochRow, TrainingWatch
from cxr_cli.workspace.files import lock, staged_folder, write_table
from cxr_cli.workspace.layout import DatasetFolder, RunFolder, Workspace
from cxr_cli.workspace.records import (
    Boosting,
    DatasetRecord,
    RunRecord,
    read_record,
    stamp,
    write_class_indices,
    write_record,
)

THRESHOLD = 0.5


@dataclass(frozen=True)
class Trained:
    """What `train` made."""

    run: RunFolder
    record: RunRecord
    replaced: bool  # an earlier run of that name


def train(
    workspace: Workspace,
    options: TrainingOptions,
    *,
    name: str | None = None,
    profiled: bool = False,
    watch: TrainingWatch,
) -> Trained:
    """Train a run on the workspace's dataset; an earlier run of that name is replaced once this one is whole.

    Args:
        workspace: where the dataset is and the run goes.
        options: how.
        name: the run's. Defaults to the architecture's.
        profiled: find out where an epoch's time goes.
        watch: follows it.

    Raises:
        WorkspaceError: there is no dataset, or the workspace is in use.
        WeightsError: the backbone's weights can't be had.
        ExportError: the exported file doesn't answer as the Keras model does.
        CxrError: stopped by the user before there was a model to keep.
    """
    architecture = find_architecture(options.arch)
    run = workspace.new_run(name or options.arch)
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    replaced = run.record.is_file()
    clock = _Clock()
    with lock(workspace.root), staged_folder(run.root) as folder:
        stage = RunFolder(folder)
        # Seeds Python, NumPy and TensorFlow: initial weights, dropout, order and augmentation.
        keras.utils.set_random_seed(options.seed)
        watch.note(f"Building {options.arch}")
        classifier = _build(architecture, options)
        films = read_manifest(dataset)
        cache = ArrayCache(workspace.cache, limit=int(options.cache * 1e9))
        size = classifier.input_size
        parts = {part: _load(dataset, films, part, made, size, cache, watch) for part in ("train", "val")}
        clock.lap("load")
        feed, validation = fit(classifier, parts, architecture, options, cache, watch)
        clock.lap("fit")
        found = None
        if profiled:
            watch.note("Timing the parts of an epoch")
            reading = clock.laps["load"]
            found = profile(feed, validation, batch_size=options.batch_size, seed=options.seed, reading=reading)
            validation.restore_best()
            clock.lap("profile")
        watch.note("Exporting the model, and checking the export on the validation films")
        classifier.model.save(stage.keras_model)
        export_litert(classifier, stage.litert_model)
        check = check_export(classifier, stage.litert_model, parts["val"].films)
        clock.lap("export")
        if architecture.boosted:
            watch.note("Fitting XGBoost on the network's features")
            boosting, probabilities = _boost(stage, parts, options)
            clock.lap("boost")
        else:
            boosting, probabilities = None, predict_probabilities(classifier.model, parts["val"].films)
        _write_history(stage, validation)
        write_class_indices(stage.class_indices, made.class_indices)
        record = {
            **_record(classifier, validation, options, architecture, made, films),
            "validation": measure(validation.positives, probabilities, threshold=THRESHOLD),
            "export": check,
            "boosting": boosting,
            "segment": made.segment,
            "profile": found,
            "seconds": clock.laps,
        }
        write_record(stage.record, RunRecord(**record))
    return Trained(run=run, record=RunRecord(**record), replaced=replaced)


def is_trained(workspace: Workspace, options: TrainingOptions) -> bool:
    """Whether the architecture's own run is there: of this very dataset, with these very options, not broken off."""
    run = workspace.new_run(options.arch)
    if not run.record.is_file():
        return False
    record = read_record(run.record, RunRecord)
    made = read_record(workspace.prepared().record, DatasetRecord)
    same = record.dataset_fingerprint == made.fingerprint and record.options == asdict(options)
    return same and record.stopped_by != "interrupt"


class _Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _build(architecture: Architecture, options: TrainingOptions) -> Classifier:
    frozen = options.freeze
    if frozen is None:
        # From random weights there is nothing worth keeping.
        frozen = 0.0 if options.weights == "none" else architecture.frozen
    return build_classifier(
        architecture,
        input_size=options.image_size or architecture.input_size,
        units=options.units,
        dropout=options.dropout,
        frozen=frozen,
        weights=options.weights,
    )


def _boost(stage: RunFolder, parts: dict[str, Part], options: TrainingOptions) -> tuple[Boosting, np.ndarray]:
    from cxr_cli.modeling.hybrid import fit_booster, read_features

    return fit_booster(
        stage.booster,
        {name: read_features(stage.litert_model, part.films) for name, part in parts.items()},
        {name: part.positives for name, part in parts.items()},
        class_weight=class_weights(parts["train"].positives) if options.class_weight else None,
        seed=options.seed,
    )


def _load(
    dataset: DatasetFolder,
    films: Sequence[Film],
    part: str,
    made: DatasetRecord,
    size: int,
    cache: ArrayCache,
    watch: TrainingWatch,
) -> Part:
    members = [film for film in films if film.split == part]
    positives = np.array([made.class_indices[film.label] for film in members], dtype=np.float32)
    if len(set(positives.tolist())) < 2:
        raise SplitError(
            f"Expected {part} films of both classes in {dataset.manifest}. Received: {len(members)} of one class.",
            hint=f"Make it again: {DatasetRecord.MADE_BY}",
        )
    paths = [dataset.root / film.path for film in members]
    made_from = [f"{film.sha256} {_state(path)}" for film, path in zip(members, paths, strict=True)]
    pixels = cache.array(
        "films",
        [size, made_from],
        shape=(len(paths), size, size),
        dtype=np.uint8,
        make=lambda: (
            film[None] for film in read_films(paths, size=size, track=watch, description=f"Reading {part} films")
        ),
        check=lambda kept: np.array_equal(kept[0], read_at(paths[0], size)),
    )
    return Part(films=pixels, positives=positives, groups=[film.group for film in members], made_from=made_from)


def _state(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


def _write_history(stage: RunFolder, validation: Validation) -> None:
    rows = [asdict(row) for row in validation.history]
    assert validation.best is not None
    write_table(stage.history, [column.name for column in fields(EpochRow)], rows)
    draw_curves(stage.curves_picture, rows, best_epoch=validation.best.epoch)


def _record(
    classifier: Classifier,
    validation: Validation,
    options: TrainingOptions,
    architecture: Architecture,
    made: DatasetRecord,
    films: Sequence[Film],
) -> dict[str, Any]:
    assert validation.best is not None
    planned = (options.epochs or architecture.epochs) + (options.fine_tune_epochs if options.fine_tune else 0)
    epochs = validation.history[-1].epoch
    return {
        "schema_version": RunRecord.VERSION,
        **stamp(),
        "arch": options.arch,
        "options": asdict(options),
        "weights": classifier.weights,
        "input_size": classifier.input_size,
        "parameters": classifier.model.count_params(),
        "trainable_parameters": int(sum(np.prod(weight.shape) for weight in classifier.model.trainable_weights)),
        "class_indices": made.class_indices,
        "threshold": THRESHOLD,
        "dataset_fingerprint": made.fingerprint,
        "films": films_by_part(films, made.class_indices),
        "epochs": epochs,
        "best_epoch": validation.best.epoch,
        "stopped_by": "interrupt" if validation.stop.asked else "epochs" if epochs == planned else "early stopping",
    }
