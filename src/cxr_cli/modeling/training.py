"""A prepared dataset in; a trained, exported and checked run out."""

import json
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
from cxr_cli.modeling.feeds import Feed, Part
from cxr_cli.modeling.fitting import TrainingOptions, class_weights, fit
from cxr_cli.modeling.input_pipeline import read_films
from cxr_cli.modeling.profiling import profile
from cxr_cli.modeling.strategy import Group, distributed
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
) -> Trained | None:
    """Train a run on the workspace's dataset; an earlier run of that name is replaced once this one is whole.

    Args:
        workspace: where the dataset is and the run goes.
        options: how.
        name: the run's. Defaults to the architecture's.
        profiled: find out where an epoch's time goes.
        watch: follows it.

    Returns:
        What was made; None on a worker of a training on several machines that is not the first: that one makes it.

    Raises:
        WorkspaceError: there is no dataset, or the workspace is in use.
        WeightsError: the backbone's weights can't be had.
        ExportError: the exported file doesn't answer as the Keras model does.
        CxrError: stopped by the user before there was a model to keep; or the other machines can't be had.
    """
    made = read_record(workspace.prepared().record, DatasetRecord)
    same = {key: value for key, value in asdict(options).items() if key != "cache"}
    work = {"dataset": made.fingerprint, "options": json.dumps(same, sort_keys=True)}
    with distributed(options.strategy, work, watch=watch) as group:
        if group.is_chief:
            return _train_and_write(workspace, options, name or options.arch, made, group, profiled, watch)
        _fit(workspace, options, made, group, _Clock(), watch)
    return None


def _train_and_write(
    workspace: Workspace,
    options: TrainingOptions,
    name: str,
    made: DatasetRecord,
    group: Group,
    profiled: bool,
    watch: TrainingWatch,
) -> Trained:
    run = workspace.new_run(name)
    architecture = find_architecture(options.arch)
    replaced = run.record.is_file()
    clock = _Clock()
    with lock(workspace.root), staged_folder(run.root) as folder:
        stage = RunFolder(folder)
        classifier, parts, feed, validation = _fit(workspace, options, made, group, clock, watch)
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
        check, probabilities = check_export(classifier, stage.litert_model, parts["val"].films)
        clock.lap("export")
        boosting = None
        if architecture.boosted:
            watch.note("Fitting XGBoost on the network's features")
            boosting, probabilities = _boost(stage, parts, options)
            clock.lap("boost")
        _write_history(stage, validation)
        write_class_indices(stage.class_indices, made.class_indices)
        record = {
            **_record(classifier, validation, options, architecture, made),
            "films": films_by_part(read_manifest(workspace.prepared()), made.class_indices),
            "validation": measure(validation.positives, probabilities, threshold=THRESHOLD),
            "export": check,
            "boosting": boosting,
            "segment": made.segment,
            "profile": found,
            "seconds": clock.laps,
        }
        write_record(stage.record, RunRecord(**record))
    return Trained(run=run, record=RunRecord(**record), replaced=replaced)


def _fit(
    workspace: Workspace,
    options: TrainingOptions,
    made: DatasetRecord,
    group: Group,
    clock: "_Clock",
    watch: TrainingWatch,
) -> tuple[Classifier, dict[str, Part], Feed, Validation]:
    # Seeds Python, NumPy and TensorFlow: initial weights, dropout, order and augmentation.
    keras.utils.set_random_seed(options.seed)
    watch.note(f"Building {options.arch}")
    architecture = find_architecture(options.arch)
    classifier = _build(architecture, options)
    # Workers may share the disk, and a cache has one writer.
    folder = workspace.cache if group.is_chief else workspace.cache / f"worker-{group.worker}"
    cache = ArrayCache(folder, limit=int(options.cache * 1e9))
    dataset = workspace.prepared()
    films, size = read_manifest(dataset), classifier.input_size
    parts = {part: _load(dataset, films, part, made, size, cache, watch) for part in ("train", "val")}
    clock.lap("load")
    feed, validation = fit(classifier, parts, architecture, options, cache, watch, group)
    clock.lap("fit")
    return classifier, parts, feed, validation


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
        "epochs": epochs,
        "best_epoch": validation.best.epoch,
        "stopped_by": "interrupt" if validation.stop.asked else "epochs" if epochs == planned else "early stopping",
    }
