"""Where the time of an epoch goes."""

import time
from collections.abc import Callable
from statistics import median

from cxr_cli.recipe.record import Profile
from cxr_cli.training.callbacks import Validation
from cxr_cli.training.engine import tf
from cxr_cli.training.feeds import Feed

_STEPS = 12  # number of timed steps of each kind


def profile(feed: Feed, validation: Validation, *, batch_size: int, seed: int, reading: float) -> Profile:
    """Time each part of an epoch alone.

    Args:
        feed: the feed that was trained on, whose model is compiled. Its weights are changed: restore them afterwards.
        validation: has the history of training.
        batch_size: films per step.
        seed: random seed of order and augmentation.
        reading: seconds that it took to read the films, once.
    """
    batches = feed.batches(batch_size=batch_size, seed=seed)
    steps = len(batches)
    films, truths = next(iter(batches))
    model = feed.model

    @tf.function
    def forward() -> object:
        return model(films, training=True)

    def augment() -> None:
        for _ in batches.take(_STEPS):
            pass

    def step() -> None:
        model.train_on_batch(films, truths)

    ahead = _seconds(forward)
    epochs = [row.seconds for row in validation.history if row.loss is not None]
    return Profile(
        reading=reading,
        frozen_layers=feed.seconds,
        batches=_seconds(augment, times=3) / min(_STEPS, steps) * steps,
        forward=ahead * steps,
        backward=max(0.0, _seconds(step) - ahead) * steps,
        validation=_seconds(feed.validate, times=3),
        epoch=median(epochs[1:] or epochs),  # the first one builds the graph too
        steps=steps,
    )


def _seconds(call: Callable[[], object], *, times: int = _STEPS) -> float:
    """The median of some calls, after one that is not counted, because it builds the graph."""
    call()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return median(seconds)
