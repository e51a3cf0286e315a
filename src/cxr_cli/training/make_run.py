"""A prepared dataset in; a trained, exported and checked run out."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.classes import write_classes
from cxr_cli.dataset.duplicates import read_small
from cxr_cli.dataset.manifest import Film, films_by_part, read_manifest
from cxr_cli.dataset.record import DatasetRecord, check_unchanged
from cxr_cli.dataset.seen import write_seen
from cxr_cli.metrics.calibration import Calibration
from cxr_cli.metrics.training_plots import draw_curves
from cxr_cli.progress import note
from cxr_cli.recipe.architectures import ARCHITECTURES, Architecture
from cxr_cli.recipe.decision import check_operating_point, decide
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.recipe.predictions import write_validation
from cxr_cli.recipe.record import HISTORY, Boosting, Profile, RunRecord
from cxr_cli.recipe.reproduction import compare_with_original, hash_weights
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.bundled_weights import SOURCE, bundled_weights_saw_films
from cxr_cli.training.callbacks import Validation, arrays_of, put_back
from cxr_cli.training.checkpoints import Checkpoints
from cxr_cli.training.classifier import Classifier, build_classifier
from cxr_cli.training.clock import Clock
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.export import check_export, export_litert
from cxr_cli.training.features import make_reference, read_features
from cxr_cli.training.feeds import Feed, PartFilms
from cxr_cli.training.fitting import class_weights, fit_classifier
from cxr_cli.training.parts import read_part_films
from cxr_cli.training.plan import TrainingPlan
from cxr_cli.training.profiling import profile
from cxr_cli.training.strategy import ALONE, Group, distributed
from cxr_cli.workspace.digests import digests_of
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace, bundled_run
from cxr_cli.workspace.records import read_record, stamp, write_record
from cxr_cli.workspace.staging import staged_folder


@dataclass(frozen=True)
class TrainedRun:
    """A run that was trained, exported and checked."""

    run: RunFolder
    record: RunRecord
    replaced: bool  # an earlier run of that name


class Network:
    """The classifier of one run after the other: as long as their options are the same, it is built only once."""

    def __init__(self) -> None:
        self._options: TrainingOptions | None = None
        self._classifier: Classifier | None = None
        self._start: list[np.ndarray] = []

    def begin(self, options: TrainingOptions) -> Classifier:
        """Give a classifier that no run has trained yet, or one with the weights that it had then."""
        # Seeds Python, NumPy and TensorFlow: initial weights, dropout, order and augmentation.
        keras.utils.set_random_seed(options.seed)
        if self._classifier and options == self._options:
            put_back(self._classifier.model, self._start)
            return self._classifier
        note(f"Building {options.arch}")
        self._options, self._classifier = options, _build(ARCHITECTURES[options.arch], options)
        self._start = arrays_of(self._classifier.model)
        return self._classifier


def make_run(workspace: Workspace, plan: TrainingPlan, network: Network | None = None) -> TrainedRun | None:
    """Train a run on the workspace's dataset; an earlier run of that name is replaced once this one is finished.

    The same options, dataset and versions give the same weights, bit for bit, on the same machine without a GPU: in one
    go, or killed at any time and resumed.

    Args:
        workspace: where the dataset is and the run goes.
        plan: what to train.
        network: what the runs of a process share. Defaults to a new one.

    Returns:
        The run; None on all workers of a training run on several machines but the first, which writes it.

    Raises:
        WorkspaceError: no dataset, it was changed meanwhile, or another command is writing this run.
        WeightsError: the backbone's weights can't be found or don't fit.
        ExportError: the exported file doesn't give the predictions of the Keras model.
        CxrError: there are too few validation patients for the operating point; stopped by the user before there was a
            model to keep; the other machines can't be reached; or there is nothing to resume.
    """
    dataset = workspace.prepared()
    made, films = read_record(dataset.record, DatasetRecord), read_manifest(dataset)
    small = read_small(dataset, films=len(films))  # before training, which would be lost without them
    options = plan.options
    validation = [film for film in films if film.split == "val"]
    check_operating_point(validation, made.classes.positive, options.operating_point)
    same = {key: value for key, value in asdict(options).items() if key != "cache"}
    work = {"dataset": made.fingerprint, "options": json.dumps(same, sort_keys=True)}
    with distributed(options.strategy, work) as group:
        checkpoints = None
        if group is ALONE:
            checkpoints = Checkpoints(
                workspace.checkpoint(plan.name),
                run=plan.name,
                options=options,
                dataset=made.fingerprint,
                original=plan.original.place if plan.original else None,
                resume=plan.resume,
            )
        own = network if network and group is ALONE else Network()  # replicas change what they are made of
        task = _Task(workspace, plan, made, films, small, group, checkpoints, own)
        if group.is_chief:
            return _train_and_write(task)
        _fit(task, Clock())
    return None


@dataclass(frozen=True)
class _Task:
    """What to train, and with which workers."""

    workspace: Workspace
    plan: TrainingPlan
    made: DatasetRecord
    films: Sequence[Film]
    small: np.ndarray  # the films' small pictures, (N, 96, 96) uint8
    group: Group
    checkpoints: Checkpoints | None
    network: Network


def _train_and_write(task: _Task) -> TrainedRun:
    run = task.workspace.new_run(task.plan.name)
    # Only here is it known which of several workers writes the run; else the caller holds it, see `lock_trained`.
    with task.workspace.lock_run(run.name) if task.plan.options.strategy == "multi-worker" else nullcontext():
        replaced = run.record.is_file()
        with staged_folder(run.root) as folder:
            record = _write(task, RunFolder(folder))
        if task.checkpoints and record.stopped_by != "interrupt":
            task.checkpoints.remove()
    return TrainedRun(run=run, record=record, replaced=replaced)


def _write(task: _Task, stage: RunFolder) -> RunRecord:
    options, made = task.plan.options, task.made
    architecture = ARCHITECTURES[options.arch]
    clock = Clock()
    classifier, parts, feed, validation = _fit(task, clock)
    times = _profile(task, feed, validation, clock) if task.plan.profile else None
    note("Exporting the model, and checking the export on the validation films")
    classifier.model.save(stage.keras_model)
    export_litert(classifier, stage.litert_model)
    known = feed.validate() if feed.features else None
    check, probabilities = check_export(classifier, stage.litert_model, parts["val"].films, known=known)
    make_reference(stage.reference, stage.litert_model, parts, known=feed.features)
    clock.lap("export")
    boosting = None
    if architecture.boosted:
        note("Fitting XGBoost on the network's features")
        boosting, probabilities = _boost(stage, parts, options)
        clock.lap("boost")
    groups = np.array(parts["val"].groups)
    decision = decide(validation.positives, probabilities, groups, options.operating_point)
    _write_tables(task, stage, validation, probabilities, calibration=decision["calibration"])
    trees = stage.booster.read_bytes() if boosting else b""
    record = RunRecord(
        **_record(classifier, validation, options, architecture, made),
        **decision,
        films=films_by_part(task.films, made.classes),
        films_without_patient=sum(film.split != "test" and not film.patient for film in task.films),
        export=check,
        boosting=boosting,
        framing=made.framing,
        profile=times,
        seconds=clock.laps,
        feed=feed.kind,
        weights_sha256=hash_weights(classifier.model.get_weights(), trees),
        sha256=digests_of(stage.read_files),
    )
    if task.plan.original:
        record = msgspec.structs.replace(record, reproduction=compare_with_original(task.plan.original, record, stage))
    write_record(stage.record, record)
    return record


def _profile(task: _Task, feed: Feed, validation: Validation, clock: Clock) -> Profile:
    note("Timing the parts of an epoch")
    options = task.plan.options
    batch_size = options.batch_size or ARCHITECTURES[options.arch].batch_size
    times = profile(feed, validation, batch_size=batch_size, seed=options.seed, reading=clock.laps["load"])
    validation.restore_best()
    clock.lap("profile")
    return times


def _write_tables(
    task: _Task, stage: RunFolder, validation: Validation, probabilities: np.ndarray, *, calibration: Calibration
) -> None:
    assert validation.best is not None
    HISTORY.write(stage.history, validation.history)
    draw_curves(stage.curves_picture, [asdict(row) for row in validation.history], best_epoch=validation.best.epoch)
    val = [film for film in task.films if film.split == "val"]
    write_validation(stage, val, probabilities, calibration=calibration)
    write_seen(stage, task.films, task.small)
    if task.plan.options.weights == SOURCE and bundled_weights_saw_films():  # so this run has seen them too
        write_bytes(stage.fingerprints, bundled_run().fingerprints.read_bytes())
    write_classes(stage.class_indices, task.made.classes)


def _fit(task: _Task, clock: Clock) -> tuple[Classifier, dict[str, PartFilms], Feed, Validation]:
    options, workspace = task.plan.options, task.workspace
    if not tf.config.list_physical_devices("GPU"):
        # On processors it costs nothing. On a GPU, some gradients have no deterministic way, and would raise.
        tf.config.experimental.enable_op_determinism()
    architecture = ARCHITECTURES[options.arch]
    classifier = task.network.begin(options)
    # Workers may share the disk; each has a cache of its own, so that none waits for another's.
    folder = task.plan.cache or workspace.cache
    if not task.group.is_chief:
        folder /= f"worker-{task.group.worker}"
    cache = ArrayCache(folder, limit=int(options.cache * 1e9))
    dataset = workspace.prepared()
    parts = {
        part: read_part_films(
            part, task.films, dataset=dataset, made=task.made, size=classifier.input_size, cache=cache
        )
        for part in ("train", "val")
    }
    check_unchanged(workspace, task.made)
    clock.lap("load")
    feed, validation = fit_classifier(classifier, parts, architecture, options, cache, task.group, task.checkpoints)
    clock.lap("fit")
    return classifier, parts, feed, validation


def _build(architecture: Architecture, options: TrainingOptions) -> Classifier:
    frozen = options.freeze
    if frozen is None:
        # With random weights there is nothing worth keeping.
        frozen = 0.0 if options.weights == "none" else architecture.frozen
    return build_classifier(
        architecture,
        input_size=options.image_size or architecture.input_size,
        units=options.units,
        dropout=options.dropout,
        frozen=frozen,
        weights=options.weights,
    )


def _boost(stage: RunFolder, parts: dict[str, PartFilms], options: TrainingOptions) -> tuple[Boosting, np.ndarray]:
    from cxr_cli.training.hybrid import fit_booster

    return fit_booster(
        stage.booster,
        {name: read_features(stage.litert_model, part.films) for name, part in parts.items()},
        {name: part.positives for name, part in parts.items()},
        class_weight=class_weights(parts["train"].positives) if options.class_weight else None,
        seed=options.seed,
    )


def _record(
    classifier: Classifier,
    validation: Validation,
    options: TrainingOptions,
    architecture: Architecture,
    made: DatasetRecord,
) -> dict[str, Any]:
    assert validation.best is not None
    planned = architecture.epochs if options.epochs is None else options.epochs
    planned += options.fine_tune_epochs if options.fine_tune else 0
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
        "dataset_fingerprint": made.fingerprint,
        "epochs": epochs,
        "best_epoch": validation.best.epoch,
        "stopped_by": "interrupt" if validation.stop.asked else "epochs" if epochs == planned else "early stopping",
    }
