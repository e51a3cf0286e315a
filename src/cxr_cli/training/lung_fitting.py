"""Fit a U-Net to films with lung masks, and keep the weights with the lowest validation loss.

In the last third of the epochs, what is validated and kept is the mean of these epochs' weights (Izmailov et al. 2018,
arXiv 1803.05407): single epochs differ on other hospitals' films by more than they do on validation films.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_cli.lungs.masks import dice, iou
from cxr_cli.progress import LungEpochRow, note, watcher
from cxr_cli.recipe.architectures import Architecture
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.threads import in_threads
from cxr_cli.training.callbacks import Stop, arrays_of, put_back, stop_on_interrupt
from cxr_cli.training.checkpoints import Checkpoints, State
from cxr_cli.training.engine import keras
from cxr_cli.training.fitting import no_model
from cxr_cli.training.input_pipeline import in_batches, predict_in_batches
from cxr_cli.training.lung_films import MaskedPart
from cxr_cli.training.lung_unet import LungNetwork
from cxr_cli.training.mask_augmentation import augment_with_mask

_THREADS = 2  # that make batches; any number gives the same ones
_LEAST_RATE = 0.05  # share of the learning rate at the end


@dataclass(frozen=True)
class LungScores:
    """How well masks agree with drawn ones, at the network's size; (N,) float64 each."""

    dice: np.ndarray
    iou: np.ndarray


class LungValidation:
    """Validates a network, and keeps the history, the best weights, and whether the user asked to stop."""

    def __init__(self, network: LungNetwork, part: MaskedPart) -> None:
        self._model = network.model
        self._part = part
        self._drawn = part.masks > 127
        self.stop = Stop()
        self.history: list[LungEpochRow] = []
        self.best: LungEpochRow | None = None
        self.best_weights: list[np.ndarray] = []

    def add(self, weights: list[np.ndarray], *, averaged: bool, rate: float, loss: float, started: float) -> None:
        """Validate weights after an epoch, keep them if they are the best, and report it. The model is left with them.

        Args:
            weights: of the model, in Keras's order.
            averaged: whether they are the mean of several epochs.
            rate: learning rate of the epoch's last step.
            loss: its mean training loss.
            started: when it began, in seconds of the monotonic clock.
        """
        self._model.set_weights(weights)
        shares = self.predict()
        scores = self.score(shares)
        row = LungEpochRow(
            epoch=len(self.history) + 1,
            learning_rate=rate,
            loss=loss,
            val_loss=_mean_loss(self._drawn, shares),
            val_dice=float(scores.dice.mean()),
            val_iou=float(scores.iou.mean()),
            averaged=averaged,
            seconds=round(time.monotonic() - started, 3),
        )
        self.history.append(row)
        best = self.best is None or row.val_loss < self.best.val_loss
        if best:
            self.best, self.best_weights = row, weights
        watcher().end_epoch(row, best=best)

    def take_up(self, history: Sequence[LungEpochRow], best_weights: list[np.ndarray]) -> None:
        """Continue an earlier process's history."""
        self.history = list(history)
        self.best = min(self.history, key=lambda row: row.val_loss)
        self.best_weights = best_weights

    def restore_best(self) -> None:
        """Give the model the weights of the best epoch."""
        self._model.set_weights(self.best_weights)

    def predict(self) -> np.ndarray:
        """Predict the validation films with the model's present weights: (N, S, S, 1) float32."""
        return predict_in_batches(self._model, (batch[..., None] for batch in in_batches(self._part.films)))

    def score(self, shares: np.ndarray) -> LungScores:
        """Compare masks, (N, S, S, 1) float32, with the drawn ones."""
        masks = shares[..., 0] > 0.5
        pairs = list(zip(masks, self._drawn, strict=True))
        return LungScores(
            dice=np.array([dice(mask, drawn) for mask, drawn in pairs]),
            iou=np.array([iou(mask, drawn) for mask, drawn in pairs]),
        )


def fit_lungs(
    network: LungNetwork,
    train: MaskedPart,
    val: MaskedPart,
    architecture: Architecture,
    options: TrainingOptions,
    checkpoints: Checkpoints,
) -> LungValidation:
    """Train a network in place, and leave it with the weights of the best epoch.

    Collections are drawn with equal weight, however many films each has. What is drawn depends on the seed, the epoch
    and the place in it alone, so that a run that was killed is resumed to the same weights.

    Args:
        network: as built.
        train: films to train on.
        val: films to validate on.
        architecture: its row.
        options: how.
        checkpoints: where to keep the state, and what to resume from.

    Raises:
        CxrError: stopped before there was a model to keep; or what is resumed began with other weights.
    """
    model, validation = network.model, LungValidation(network, val)
    epochs, batch = options.epochs or architecture.epochs, options.batch_size or architecture.batch_size
    rate = options.learning_rate or architecture.learning_rate
    steps = max(1, len(train.films) // batch)
    averaged_from = epochs * 2 // 3  # counted from 0
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=lung_loss)
    model.optimizer.build(model.trainable_variables)  # else Keras traces the first step twice
    state = checkpoints.open(weights=network.weights, feed="films and masks")
    mean = _take_up(model, validation, state) if state else []
    done = len(validation.history)
    watcher().begin_phase("train", first_epoch=done + 1, epochs=epochs - done, steps=steps)
    try:
        with stop_on_interrupt(validation.stop):
            for epoch in range(done, epochs):
                started = time.monotonic()
                loss = _fit_epoch(
                    model,
                    _batches(train, epoch, steps, batch, options.seed),
                    validation.stop,
                    [_cosine(rate, (epoch * steps + step) / (epochs * steps)) for step in range(steps)],
                )
                if validation.stop.asked:
                    break
                own = model.get_weights()
                if epoch >= averaged_from:
                    mean = _add_to_mean(mean, own, count=epoch - averaged_from + 1)
                validation.add(
                    mean or own,
                    averaged=epoch > averaged_from,
                    rate=float(model.optimizer.learning_rate),
                    loss=loss,
                    started=started,
                )
                model.set_weights(own)
                checkpoints.write(
                    validation.history,
                    over=epoch + 1 == epochs,
                    model=[*arrays_of(model), *mean],
                    optimizer=arrays_of(model.optimizer),
                    best=validation.best_weights,
                )
    finally:
        watcher().end_phase()
    if not validation.history:
        raise no_model()
    validation.restore_best()
    return validation


def lung_loss(truth: Any, share: Any) -> Any:
    """Binary cross-entropy plus one minus the soft Dice (Milletari et al. 2016, arXiv 1606.04797), of each film.

    Args:
        truth: (B, S, S, 1) float32, 1 inside the lungs.
        share: (B, S, S, 1) float32 in [0, 1].

    Returns:
        (B,) float32.
    """
    ops = keras.ops
    crossed = ops.mean(keras.losses.binary_crossentropy(truth, share), axis=(1, 2))
    both = ops.sum(truth * share, axis=(1, 2, 3))
    total = ops.sum(truth, axis=(1, 2, 3)) + ops.sum(share, axis=(1, 2, 3))
    return crossed + 1 - (2 * both + 1) / (total + 1)


def _mean_loss(drawn: np.ndarray, shares: np.ndarray) -> float:
    losses = [
        keras.ops.convert_to_numpy(lung_loss(truth[..., None].astype(np.float32), share))
        for truth, share in zip(in_batches(drawn), in_batches(shares), strict=True)
    ]
    return float(np.concatenate(losses).astype(np.float64).mean())


def _take_up(model: keras.Model, validation: LungValidation, state: State) -> list[np.ndarray]:
    """Restore what a checkpoint holds; give the mean of the weights so far, empty if there is none yet."""
    count = len(model.variables)
    put_back(model, state.model[:count])
    put_back(model.optimizer, state.optimizer)
    validation.take_up(state.record.lung_history, state.best)
    note(f"Resuming after epoch {validation.history[-1].epoch}")
    return state.model[count:]


def _fit_epoch(
    model: keras.Model, batches: Iterator[tuple[np.ndarray, np.ndarray]], stop: Stop, rates: Sequence[float]
) -> float:
    """Train one epoch, or until the user asks to stop; give its mean loss."""
    loss = 0.0
    model.reset_metrics()
    for step, (rate, (films, masks)) in enumerate(zip(rates, batches, strict=True), start=1):
        model.optimizer.learning_rate = rate
        loss = float(model.train_on_batch(films, masks))  # the mean since the metrics were reset
        watcher().end_step(step, loss)
        if stop.asked:
            break
    return loss


def _batches(
    part: MaskedPart, epoch: int, steps: int, batch: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (B, S, S, 1) uint8 films and (B, S, S, 1) float32 masks, drawn and augmented."""
    _, of_source, counts = np.unique(part.sources, return_inverse=True, return_counts=True)
    weights = 1 / counts[of_source]
    order = np.random.default_rng([seed, epoch]).choice(len(part.films), steps * batch, p=weights / weights.sum())

    def make(step: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = []
        for place in range(step * batch, (step + 1) * batch):
            film = order[place]
            rng = np.random.default_rng([seed, epoch, place + 1])
            pairs.append(augment_with_mask(part.films[film], part.masks[film], rng))
        films, masks = (np.stack(each)[..., None] for each in zip(*pairs, strict=True))
        return films, masks.astype(np.float32)

    return in_threads(make, range(steps), threads=_THREADS)


def _cosine(rate: float, done: float) -> float:
    """The learning rate after a share of all steps: half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    return rate * (_LEAST_RATE + (1 - _LEAST_RATE) * 0.5 * (1 + float(np.cos(np.pi * done))))


def _add_to_mean(mean: list[np.ndarray], weights: list[np.ndarray], *, count: int) -> list[np.ndarray]:
    """The mean of `count` epochs' weights, from the mean of those before and the last one's."""
    if not mean:
        return weights
    return [before + (now - before) / count for before, now in zip(mean, weights, strict=True)]
