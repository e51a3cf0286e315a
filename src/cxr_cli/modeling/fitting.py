"""Training films in; the weights with the lowest validation loss out."""

import time
from dataclasses import dataclass, field

import numpy as np

from cxr_cli.errors import CxrError
from cxr_cli.modeling.architectures import Architecture
from cxr_cli.modeling.array_cache import ArrayCache
from cxr_cli.modeling.callbacks import Follow, Validation, WarmUpAndCosine, stop_on_interrupt
from cxr_cli.modeling.classifier import Classifier
from cxr_cli.modeling.engine import keras
from cxr_cli.modeling.feeds import Feed, Part, make_feed
from cxr_cli.modeling.head_start import start_head
from cxr_cli.modeling.input_pipeline import Augmentation
from cxr_cli.modeling.strategy import ALONE, Group
from cxr_cli.progress import TrainingWatch


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; None is the architecture's own."""

    arch: str = "mobilenetv2"
    weights: str = "imagenet"
    image_size: int | None = None
    units: int = 128
    dropout: float = 0.5
    label_smoothing: float = 0.1
    freeze: float | None = None  # the share of the backbone's layers, from below, that is not trained
    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float | None = None
    class_weight: bool = False
    head_start: bool = True
    fine_tune: bool = False
    fine_tune_epochs: int = 10
    fine_tune_learning_rate: float = 1e-5
    patience: int | None = None
    seed: int = 0
    cache: float = 10.0  # GB of the workspace's disk for what is computed once; 0: nothing is kept
    strategy: str = "none"  # or "mirrored" or "multi-worker"
    augmentation: Augmentation = field(default_factory=Augmentation)


def fit(
    classifier: Classifier,
    parts: dict[str, Part],
    architecture: Architecture,
    options: TrainingOptions,
    cache: ArrayCache,
    watch: TrainingWatch,
    group: Group = ALONE,
) -> tuple[Feed, Validation]:
    """Train a classifier in place: the head's start, the training, the fine-tuning; each goes on from the best so far.

    Args:
        classifier: left with the weights of the best epoch.
        parts: "train" and "val".
        architecture: its row.
        options: how.
        cache: for what the frozen layers make of the films; where it doesn't fit, it is computed anew each epoch.
        watch: follows it. Ctrl-C ends the training after the step in hand.
        group: who trains together.

    Returns:
        What it was fed with, and how it went.

    Raises:
        CxrError: stopped before there was a model to keep.
    """
    train, val = parts["train"], parts["val"]
    class_weight = class_weights(train.positives) if options.class_weight else None
    feed = make_feed(classifier, parts, options.augmentation, cache, seed=options.seed, track=watch, group=group)

    def validate() -> np.ndarray:
        return group.spread(len(val.films), feed.validate)

    validation = Validation(feed.model, validate, val.positives, class_weight)
    if options.head_start and architecture.imagenet and options.weights != "none":
        watch.note("Starting the head from a logistic regression on the frozen features")
        started = time.monotonic()
        start_head(classifier, feed.pooled(watch), train.positives, train.groups, seed=options.seed)
        row, best = validation.add("start", learning_rate=None, loss=None, started=started)
        watch.epoch(row, best=best)
    phases = [
        _Phase(
            name="train",
            rate=options.learning_rate or architecture.learning_rate,
            epochs=options.epochs or architecture.epochs,
            warmup=architecture.warmup,
        )
    ]
    if options.fine_tune:
        phases.append(_Phase("fine-tune", options.fine_tune_learning_rate, options.fine_tune_epochs, warmup=0))
    patience = options.patience or architecture.patience
    with stop_on_interrupt(validation.stop):
        for phase in phases:
            if validation.history:
                validation.restore_best()
            validation.stop.asked = group.any(validation.stop.asked)
            if not validation.stop.asked:
                _fit_phase(feed, validation, phase, options, class_weight, patience, watch, group)
    if not validation.history:
        raise CxrError(
            "Expected at least one whole epoch. Received: a stop before the first one ended; there is no model.",
            hint="Run the same command again, and let an epoch end; --epochs sets how many there are",
        )
    validation.restore_best()
    return feed, validation


@dataclass(frozen=True)
class _Phase:
    name: str
    rate: float
    epochs: int
    warmup: int


def _fit_phase(
    feed: Feed,
    validation: Validation,
    phase: _Phase,
    options: TrainingOptions,
    class_weight: dict[int, float] | None,
    patience: int,
    watch: TrainingWatch,
    group: Group,
) -> None:
    batches = feed.batches(batch_size=options.batch_size, seed=options.seed + len(validation.history), group=group)
    model = group.trainable(feed.model)
    model.compile(
        optimizer=keras.optimizers.Adam(phase.rate),
        loss=keras.losses.BinaryCrossentropy(label_smoothing=options.label_smoothing),
    )
    first = validation.history[-1].epoch + 1 if validation.history else 1
    steps = len(batches)
    watch.begin(phase.name, first_epoch=first, epochs=phase.epochs, steps=steps)
    to_beat = validation.best.val_loss if validation.best else None
    try:
        model.fit(
            batches,
            epochs=phase.epochs,
            class_weight=class_weight,
            shuffle=False,  # the pipeline does
            verbose=0,
            callbacks=[
                Follow(validation, watch, phase.name, group),
                WarmUpAndCosine(phase.rate, warmup=phase.warmup * steps, steps=phase.epochs * steps)
                if phase.warmup
                else keras.callbacks.ReduceLROnPlateau(
                    monitor="val_loss", factor=0.5, patience=max(1, patience // 2), min_lr=1e-7
                ),
                keras.callbacks.EarlyStopping(
                    monitor="val_loss", patience=patience, baseline=to_beat, start_from_epoch=phase.warmup
                ),
            ],
        )
    finally:
        watch.end()


def class_weights(positives: np.ndarray) -> dict[int, float]:
    """Each class weighs as much as the other: films / (2 x films of the class), scikit-learn's "balanced"."""
    share = float(positives.mean())
    return {0: 0.5 / (1 - share), 1: 0.5 / share}
