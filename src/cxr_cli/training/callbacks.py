"""What happens between the steps and epochs of training: validation, keeping the best model, a clean stop."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cxr_cli.metrics.measure import measure
from cxr_cli.progress import EpochRow, watcher
from cxr_cli.training.checkpoints import Checkpoints, State
from cxr_cli.training.engine import keras
from cxr_cli.training.strategy import ALONE, Group


class Stop:
    """Whether the user asked to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_interrupt(stop: Stop) -> Iterator[None]:
    """Let the first Ctrl-C end training after the current step; a second one ends the program."""
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
    """Validates the model, and keeps the history, the best weights, and whether the user asked to stop.

    The best epoch has the lowest validation loss, weighted by class if training is: with some 15 negatives to validate
    on, the AUC changes from epoch to epoch by more than a model improves.
    """

    def __init__(
        self,
        model: keras.Model,
        validate: Callable[[], np.ndarray],
        positives: np.ndarray,
        class_weight: dict[int, float] | None,
    ) -> None:
        """`validate` predicts P(positive) of each validation film with the model's present weights: (N,) float32."""
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
        """Validate the model as it is now, and keep its weights if it is the best; give its row, and whether it is."""
        probabilities = self.validate().astype(np.float64)
        right = np.where(self.positives, probabilities, 1 - probabilities)
        # As Keras clips, at its epsilon.
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

    def take_up(self, history: Sequence[EpochRow], best_weights: Sequence[np.ndarray]) -> None:
        """Continue an earlier process's history; without `best_weights`, those of the model are the best."""
        self.history = list(history)
        self.best = min(self.history, key=lambda row: row.val_loss)
        self._best_weights = list(best_weights) or self.model.get_weights()

    @property
    def best_weights(self) -> list[np.ndarray]:
        """The weights of the best epoch; empty if it is the last one, whose weights the model still has."""
        return [] if self.best is self.history[-1] else self._best_weights

    def restore_best(self) -> None:
        """Restore the weights of the best epoch."""
        self.model.set_weights(self._best_weights)


class Follow(keras.callbacks.Callback):
    """Validates after each epoch, reports progress, and stops if the user asked to.

    Comes first among the callbacks, because it adds `val_loss` to the logs that the others read.
    """

    def __init__(self, validation: Validation, phase: str, group: Group = ALONE) -> None:
        super().__init__()
        self._group = group
        self._stopped = False
        self._validation = validation
        self._phase = phase
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Report the step; end training if asked to."""
        watcher().end_step(batch + 1, float((logs or {})["loss"]))
        # Agreed among all workers: one that stopped by itself would leave the others waiting.
        self._stopped = self._group.any(self._validation.stop.asked)
        if self._stopped:
            self._validation.stop.asked = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, unless the epoch was interrupted."""
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
        watcher().end_epoch(row, best=best)


class WarmUpAndCosine(keras.callbacks.Callback):
    """Raises the learning rate linearly over the first steps, under half a cosine that falls to 0.

    Adam's first steps are as long as its rate allows, whatever the gradient: at the full rate they would undo
    the head start.
    Loshchilov & Hutter 2017 (arXiv 1608.03983) for the cosine.
    """

    def __init__(self, rate: float, *, warmup: int, steps: int, done: int = 0) -> None:
        super().__init__()
        self._rate = rate
        self._warmup = warmup
        self._steps = steps
        self._done = done

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Set the learning rate of the next step."""
        rise = min(1.0, (self._done + 1) / self._warmup)
        fall = 0.5 * (1 + np.cos(np.pi * self._done / self._steps))
        self.model.optimizer.learning_rate = self._rate * rise * fall
        self._done += 1


class Keep(keras.callbacks.Callback):
    """Writes checkpoints, and restores the one that training is resumed from.

    Comes last among the callbacks: what the others did at the end of an epoch is in the checkpoint, or is repeated by
    showing them the earlier epochs again.
    """

    def __init__(
        self,
        checkpoints: Checkpoints | None,
        validation: Validation,
        state: State | None,
        *,
        done: Sequence[EpochRow],
        others: Sequence[keras.callbacks.Callback],
    ) -> None:
        """`state` is what this phase resumes from, after its epochs `done`, which are shown to `others`."""
        super().__init__()
        self._checkpoints = checkpoints
        self._validation = validation
        self._state = state
        self._done = done
        self._others = others

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the state, if there is one."""
        if self._state is None:
            return
        for epoch, row in enumerate(self._done):
            for other in self._others:
                other.on_epoch_end(epoch, {"val_loss": row.val_loss})
        put_back(self.model.optimizer, self._state.optimizer)
        put_back(self.model, self._state.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write a checkpoint, unless the epoch was interrupted."""
        assert logs is not None
        if self._checkpoints and np.isfinite(logs["val_loss"]):
            self._checkpoints.write(
                self._validation.history,
                over=self.model.stop_training or epoch + 1 == self.params["epochs"],
                model=arrays_of(self.model),
                optimizer=arrays_of(self.model.optimizer),
                best=self._validation.best_weights,
            )


def arrays_of(owner: keras.Model | keras.optimizers.Optimizer) -> list[np.ndarray]:
    """Copy all its variables, including those of random generators."""
    return [keras.ops.convert_to_numpy(variable) for variable in owner.variables]


def put_back(owner: keras.Model | keras.optimizers.Optimizer, arrays: Sequence[np.ndarray]) -> None:
    """Assign what `arrays_of` gave to the variables."""
    for variable, array in zip(owner.variables, arrays, strict=True):
        variable.assign(array)
