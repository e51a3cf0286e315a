"""What happens between the steps and epochs of a training: validation, the best model kept, a clean stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cxr_cli.evaluation.metrics import measure
from cxr_cli.modeling.engine import keras
from cxr_cli.modeling.strategy import ALONE, Group
from cxr_cli.progress import EpochRow, TrainingWatch


class Stop:
    """Whether the user asked to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_interrupt(stop: Stop) -> Iterator[None]:
    """Let the first Ctrl-C end the training after the step in hand; a second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: Any) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Validation:
    """The validation films, the history so far, the best model of it, and whether to stop.

    The best is the one with the lowest validation loss, weighted by class where training is: with some 15 negatives to
    validate on, AUC jumps from epoch to epoch by more than a model gets better.
    """

    def __init__(
        self,
        model: keras.Model,
        validate: Callable[[], np.ndarray],
        positives: np.ndarray,
        class_weight: dict[int, float] | None,
    ) -> None:
        """`validate` gives the model's P(positive) of each validation film, as the model is then: (N,) float32."""
        self.model = model
        self.validate = validate
        self.positives = positives.astype(bool)
        weights = class_weight or {0: 1.0, 1: 1.0}
        self._weights = np.where(self.positives, weights[1], weights[0])
        self.stop = Stop()
        self.history: list[EpochRow] = []
        self.best: EpochRow | None = None
        self._best_weights: list[np.ndarray] = []

    def add(
        self, phase: str, *, learning_rate: float | None, loss: float | None, started: float
    ) -> tuple[EpochRow, bool]:
        """Validate the model as it is now; keep it when it is the best. Returns its row, and whether it is."""
        probabilities = self.validate().astype(np.float64)
        right = np.where(self.positives, probabilities, 1 - probabilities)
        # Keras clips likewise, at its epsilon.
        losses = -np.log(np.clip(right, 1e-7, 1))
        row = EpochRow(
            epoch=self.history[-1].epoch + 1 if self.history else int(loss is not None),
            phase=phase,
            learning_rate=learning_rate,
            loss=loss,
            val_loss=float(np.average(losses, weights=self._weights)),
            val_auc=float(measure(self.positives, probabilities, threshold=0.5)["roc_auc"] or 0.0),
            seconds=round(time.monotonic() - started, 3),
        )
        self.history.append(row)
        is_best = self.best is None or row.val_loss < self.best.val_loss
        if is_best:
            self.best = row
            self._best_weights = self.model.get_weights()
        return row, is_best

    def restore_best(self) -> None:
        """Put the best model's weights back."""
        self.model.set_weights(self._best_weights)


class Follow(keras.callbacks.Callback):
    """Validates after each epoch, tells the watcher, and stops where the user asked to.

    Stands first among the callbacks: it adds `val_loss` to the logs that the others read.
    """

    def __init__(self, validation: Validation, watch: TrainingWatch, phase: str, group: Group = ALONE) -> None:
        super().__init__()
        self._group = group
        self._stopped = False
        self._validation = validation
        self._watch = watch
        self._phase = phase
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Tell of the step; end the training where asked to."""
        self._watch.step(batch + 1, float((logs or {})["loss"]))
        # Agreed upon: a worker that stopped by itself would leave the others waiting.
        self._stopped = self._group.any(self._validation.stop.asked)
        if self._stopped:
            self._validation.stop.asked = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, but for an epoch that was broken off."""
        assert logs is not None
        if self._stopped:
            logs["val_loss"] = float("inf")
            return
        row, best = self._validation.add(
            self._phase,
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            loss=float(logs["loss"]),
            started=self._started,
        )
        logs["val_loss"] = row.val_loss
        self._watch.epoch(row, best=best)


class WarmUpAndCosine(keras.callbacks.Callback):
    """Raises the learning rate evenly over the first steps, and lets all of it fall on half a cosine to 0.

    Adam's first steps are as long as its rate allows, whatever the gradient: at full rate they would undo the start.
    Loshchilov & Hutter 2017 (arXiv 1608.03983) for the cosine.
    """

    def __init__(self, rate: float, *, warmup: int, steps: int) -> None:
        super().__init__()
        self._rate = rate
        self._warmup = warmup
        self._steps = steps
        self._done = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Set the rate of the step to come."""
        rise = min(1.0, (self._done + 1) / self._warmup)
        fall = 0.5 * (1 + np.cos(np.pi * self._done / self._steps))
        self.model.optimizer.learning_rate = self._rate * rise * fall
        self._done += 1
