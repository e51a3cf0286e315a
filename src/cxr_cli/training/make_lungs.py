"""A prepared dataset and lung masks in; a trained, exported and checked run that finds lungs out."""

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord, check_unchanged
from cxr_cli.errors import CxrError, ExportError
from cxr_cli.lungs.masks import dice
from cxr_cli.metrics.training_plots import draw_curves
from cxr_cli.progress import note
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.lung_record import LUNG_HISTORY, LUNG_VALIDATION, LungExportCheck, LungRunRecord, LungScoreRow
from cxr_cli.recipe.reproduction import compare_with_original, hash_weights
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.checkpoints import Checkpoints
from cxr_cli.training.clock import Clock
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.film_gate import with_film_gate
from cxr_cli.training.formats import open_litert
from cxr_cli.training.input_pipeline import in_batches
from cxr_cli.training.lung_films import MaskedPart, find_masks, read_masked_part
from cxr_cli.training.lung_fitting import LungValidation, fit_lungs
from cxr_cli.training.lung_unet import build_lung_unet
from cxr_cli.training.mask_augmentation import augment_with_mask
from cxr_cli.training.plan import TrainingPlan
from cxr_cli.training.to_litert import convert_to_litert
from cxr_cli.workspace.digests import digests_of
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, stamp, write_record
from cxr_cli.workspace.staging import staged_folder

_LEAST_DICE = 0.99  # of the exported file's masks with those of the Keras model


@dataclass(frozen=True)
class TrainedLungs:
    """A run that finds lungs, trained, exported and checked."""

    run: RunFolder
    record: LungRunRecord
    replaced: bool  # an earlier run of that name


def make_lungs(workspace: Workspace, plan: TrainingPlan) -> TrainedLungs:
    """Train a run that finds lungs on the films of the workspace's dataset that have masks.

    The same options, films, masks and versions give the same weights, bit for bit, on the same machine without a GPU:
    in one go, or killed at any time and resumed.

    Args:
        workspace: where the dataset is and the run goes.
        plan: what to train.

    Raises:
        WorkspaceError: no dataset, it was changed meanwhile, or another command is writing this run.
        WeightsError: the encoder's weights can't be found or don't fit.
        ExportError: the exported file doesn't give the masks of the Keras model.
        CxrError: there are no masks of these films; stopped before there was a model to keep; or nothing to resume.
    """
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    if made.framing:
        raise CxrError(
            "Expected a dataset of whole films to learn lungs from. Received: one that shows only their lungs.",
            hint=f"Prepare it again as it is: {DatasetRecord.MADE_BY}",
        )
    checkpoints = Checkpoints(
        workspace.checkpoint(plan.name),
        run=plan.name,
        options=plan.options,
        dataset=made.fingerprint,
        original=plan.original.place if plan.original else None,
        resume=plan.resume,
    )
    run = workspace.new_run(plan.name)
    replaced = run.record.is_file() or run.lung_record.is_file()
    with staged_folder(run.root) as folder:
        record = _write(workspace, plan, made, checkpoints, RunFolder(folder))
    if record.stopped_by != "interrupt":
        checkpoints.remove()
    return TrainedLungs(run=run, record=record, replaced=replaced)


def _write(
    workspace: Workspace, plan: TrainingPlan, made: DatasetRecord, checkpoints: Checkpoints, stage: RunFolder
) -> LungRunRecord:
    options, architecture, clock = plan.options, ARCHITECTURES[plan.options.arch], Clock()
    keras.utils.set_random_seed(options.seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    films = read_manifest(workspace.prepared())
    masks = find_masks(films, options.masks)
    without = Counter(film.split for film in films if film.path not in masks)
    left_out = "; the others are left out" if without else ""
    note(f"{len(masks)} of {len(films)} films have a mask{left_out}")
    note(f"Building {options.arch}")
    frozen = architecture.frozen if options.freeze is None else options.freeze
    network = build_lung_unet(
        architecture,
        input_size=options.image_size or architecture.input_size,
        frozen=0.0 if options.weights == "none" and options.freeze is None else frozen,
        weights=options.weights,
    )
    train, val = _read_parts(workspace, films, masks, network.input_size, options.cache)
    check_unchanged(workspace, made)
    clock.lap("load")
    validation = fit_lungs(network, train, val, architecture, options, checkpoints)
    clock.lap("fit")
    note("Fitting the film gate: which pictures are upright frontal films")
    gated = with_film_gate(network.model, network.features, train.films, vary=_vary, seed=options.seed)
    clock.lap("gate")
    note("Exporting the model, and checking the export on the validation films")
    gated.save(stage.keras_model)
    shares = validation.predict()
    check = export_lungs(gated, stage, val.films, shares)
    clock.lap("export")
    by_source = _write_tables(stage, validation, val, shares)
    assert validation.best is not None
    record = LungRunRecord(
        schema_version=LungRunRecord.VERSION,
        **stamp(),
        arch=options.arch,
        options=asdict(options),
        weights=network.weights,
        input_size=network.input_size,
        parameters=network.model.count_params(),
        trainable_parameters=int(sum(np.prod(weight.shape) for weight in network.model.trainable_weights)),
        dataset_fingerprint=made.fingerprint,
        masks_sha256=hashlib.sha256(train.masks.tobytes() + val.masks.tobytes()).hexdigest(),
        films={name: dict(Counter(part.sources.tolist())) for name, part in (("train", train), ("val", val))},
        without_mask=dict(without),
        epochs=validation.history[-1].epoch,
        best_epoch=validation.best.epoch,
        stopped_by="interrupt" if validation.stop.asked else "epochs",
        validation={
            "loss": validation.best.val_loss,
            "dice": validation.best.val_dice,
            "iou": validation.best.val_iou,
        },
        dice_by_source=by_source,
        export=check,
        seconds=clock.laps,
        weights_sha256=hash_weights(gated.get_weights()),
        sha256=digests_of(stage.read_files),
    )
    if plan.original:
        record = msgspec.structs.replace(record, reproduction=compare_with_original(plan.original, record, stage))
    write_record(stage.lung_record, record)
    return record


def _vary(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return augment_with_mask(film, np.zeros_like(film), rng)[0]


def _read_parts(
    workspace: Workspace, films: list[Film], masks: dict[str, Path], size: int, gigabytes: float
) -> tuple[MaskedPart, MaskedPart]:
    cache = ArrayCache(workspace.cache, limit=int(gigabytes * 1e9))
    train, val = (
        read_masked_part(part, films, masks, dataset=workspace.prepared(), size=size, cache=cache)
        for part in ("train", "val")
    )
    return train, val


def export_lungs(model: keras.Model, stage: RunFolder, films: np.ndarray, shares: np.ndarray) -> LungExportCheck:
    """Write `model.tflite` in float16, and compare its masks with those of the Keras model.

    Args:
        model: (B, S, S, 1) uint8 -> {"mask": (B, S, S, 1), "frontal": (B, 1)}, float32.
        stage: the folder of the run.
        films: (N, S, S) uint8.
        shares: (N, S, S, 1) float32, what the Keras model gives for them.

    Raises:
        ExportError: a mask differs by more than one point in a hundred.
    """
    with native_output_hidden():
        convert_to_litert(model, stage.litert_model, precision="float16")
        run = open_litert(stage.litert_model)
        answered = np.concatenate([run(batch[..., None])["mask"] for batch in in_batches(films)])
    alike = [dice(one > 0.5, other > 0.5) for one, other in zip(answered, shares, strict=True)]
    check = LungExportCheck(
        films=len(films), max_difference=float(np.abs(answered - shares).max()), least_dice=float(min(alike))
    )
    if not check.least_dice >= _LEAST_DICE:  # also where it is not a number
        raise ExportError(
            f"Expected masks of {stage.litert_model.name} with a Dice of at least {_LEAST_DICE} with those of the "
            f"Keras model, on {len(films)} films. Received: {check.least_dice:.3f}. Nothing is written.",
            hint="This is a bug of the export, not of your data: please report it with the versions of the record",
        )
    return check


def _write_tables(
    stage: RunFolder, validation: LungValidation, val: MaskedPart, shares: np.ndarray
) -> dict[str, float]:
    """Write history, curves and the validation films' scores; give the mean Dice by source."""
    assert validation.best is not None
    LUNG_HISTORY.write(stage.history, validation.history)
    draw_curves(
        stage.curves_picture,
        [asdict(row) for row in validation.history],
        best_epoch=validation.best.epoch,
        quality=("val_dice", "Dice"),
    )
    scores = validation.score(shares)
    LUNG_VALIDATION.write(
        stage.validation,
        [
            LungScoreRow(image=film.path, source=film.source, group=film.group, dice=float(one), iou=float(other))
            for film, one, other in zip(val.members, scores.dice, scores.iou, strict=True)
        ],
    )
    return {source: float(scores.dice[val.sources == source].mean()) for source in sorted(set(val.sources.tolist()))}
