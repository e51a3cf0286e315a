"""Fit a classifier to training films, and keep the weights with the lowest validation loss."""

import time
from dataclasses import dataclass

import numpy as np

from cxr_cli.errors import CxrError
from cxr_cli.progress import note, watcher
from cxr_cli.recipe.architectures import Architecture
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.callbacks import Follow, Keep, Validation, WarmUpAndCosine, arrays_of, put_back, stop_on_interrupt
from cxr_cli.training.checkpoints import Checkpoints, State
from cxr_cli.training.classifier import Classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.feeds import Feed, PartFilms, make_feed
from cxr_cli.training.head_start import start_head
from cxr_cli.training.strategy import ALONE, Group


def fit_classifier(
    classifier: Classifier,
    parts: dict[str, PartFilms],
    architecture: Architecture,
    options: TrainingOptions,
    cache: ArrayCache,
    group: Group = ALONE,
    checkpoints: Checkpoints | None = None,
) -> tuple[Feed, Validation]:
    """Train a classifier in place: head start, training, fine-tuning. Each continues from the best weights so far.

    Args:
        classifier: left with the weights of the best epoch.
        parts: "train" and "val".
        architecture: its row.
        options: how.
        cache: for the outputs of the frozen layers; if they don't fit, they are computed again in each epoch.
        group: who trains together.
        checkpoints: where to keep the state, and what to resume from.

    Returns:
        The input of the trained part, and the history.

    Raises:
        CxrError: stopped before there was a model to keep; or what is resumed began with other weights or input.
    """
    train, val = parts["train"], parts["val"]
    class_weight = class_weights(train.positives) if options.class_weight else None
    feed = make_feed(classifier, parts, options.augmentation, cache, group=group)

    def validate() -> np.ndarray:
        return group.spread(len(val.films), feed.validate)

    validation = Validation(feed.model, validate, val.positives, class_weight)
    state = checkpoints.open(weights=classifier.weights, feed=feed.kind) if checkpoints else None
    if state:
        put_back(feed.model, state.model)
        validation.take_up(state.record.history, state.best)
        note(f"Resuming after epoch {validation.history[-1].epoch}")
    elif options.head_start and architecture.imagenet and options.weights != "none":
        note("Starting the head from a logistic regression on the frozen features")
        started = time.monotonic()
        start_head(
            classifier,
            feed.pooled(),
            train.positives,
            train.groups,
            c=options.head_c,
            seed=options.seed,
            sources=train.sources if options.source_weight else (),
        )
        row, best = validation.add("start", learning_rate=None, loss=None, started=started)
        watcher().end_epoch(row, best=best)
        if checkpoints:
            checkpoints.write(validation.history, over=True, model=arrays_of(feed.model), optimizer=[], best=[])
    training = _Training(
        feed=feed,
        validation=validation,
        options=options,
        class_weight=class_weight,
        patience=options.patience or architecture.patience,
        batch_size=options.batch_size or architecture.batch_size,
        group=group,
        checkpoints=checkpoints,
    )
    with stop_on_interrupt(validation.stop):
        for phase in _phases(options, architecture):
            if state is None or phase.name not in {row.phase for row in state.record.history}:
                if validation.history:
                    validation.restore_best()
                _fit_phase(training, phase, None)
            elif phase.name == state.record.history[-1].phase and not state.record.phase_is_over:
                _fit_phase(training, phase, state)
    if not validation.history:
        raise no_model()
    validation.restore_best()
    return feed, validation


@dataclass(frozen=True)
class _Phase:
    name: str
    rate: float
    epochs: int
    warmup: int


def _phases(options: TrainingOptions, architecture: Architecture) -> list[_Phase]:
    train = _Phase(
        name="train",
        rate=options.learning_rate or architecture.learning_rate,
        epochs=architecture.epochs if options.epochs is None else options.epochs,
        warmup=architecture.warmup,
    )
    tune = _Phase("fine-tune", options.fine_tune_learning_rate, options.fine_tune_epochs, warmup=0)
    return [phase for phase in ([train, tune] if options.fine_tune else [train]) if phase.epochs]


@dataclass(frozen=True)
class _Training:
    """What all phases share."""

    feed: Feed
    validation: Validation
    options: TrainingOptions
    class_weight: dict[int, float] | None
    patience: int
    batch_size: int
    group: Group
    checkpoints: Checkpoints | None


def _fit_phase(training: _Training, phase: _Phase, state: State | None) -> None:
    """Train a phase, or the rest of it if it is resumed from a state."""
    validation, options, group = training.validation, training.options, training.group
    validation.stop.asked = group.any(validation.stop.asked)
    if validation.stop.asked:
        return
    before = [row for row in validation.history if row.phase != phase.name]
    done = validation.history[len(before) :]
    batches = training.feed.batches(
        batch_size=training.batch_size,
        seed=options.seed + len(before),
        epochs=phase.epochs,
        done=len(done),
        group=group,
    )
    steps = len(batches) // (phase.epochs - len(done))
    model = group.trainable(training.feed.model)
    _start(model, rate=phase.rate, label_smoothing=options.label_smoothing)
    patience = training.patience
    first = validation.history[-1].epoch + 1 if validation.history else 1
    follow = Follow(validation, phase.name, group)
    early = keras.callbacks.EarlyStopping(
        monitor="val_loss",
        patience=patience,
        baseline=min((row.val_loss for row in before), default=None),
        start_from_epoch=phase.warmup,
    )
    rate = (
        WarmUpAndCosine(phase.rate, warmup=phase.warmup * steps, steps=phase.epochs * steps, done=len(done) * steps)
        if phase.warmup
        else keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=0.5, patience=max(1, patience // 2), min_lr=1e-7
        )
    )
    keep = Keep(training.checkpoints, validation, state, done=done, others=[rate, early])
    watcher().begin_phase(phase.name, first_epoch=first, epochs=phase.epochs - len(done), steps=steps)
    try:
        model.fit(
            batches,
            initial_epoch=len(done),
            epochs=phase.epochs,
            steps_per_epoch=steps,
            class_weight=training.class_weight,
            shuffle=False,  # the pipeline does
            verbose=0,
            callbacks=[follow, rate, early, keep],
        )
    finally:
        watcher().end_phase()


def _start(model: keras.Model, *, rate: float, label_smoothing: float) -> None:
    """Compile a model, or let the optimizer of a compiled one begin again: then Keras traces no step again."""
    if not model.compiled:
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss=keras.losses.BinaryCrossentropy(label_smoothing=label_smoothing),
        )
        model.optimizer.build(model.trainable_variables)  # else Keras traces the first step twice
        return
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = rate


def no_model() -> CxrError:
    """The error if training was stopped before there was a model to keep."""
    return CxrError(
        "Expected at least one finished epoch. Received: a stop before the first one ended, so there is no model.",
        hint="Run the same command again, and let one epoch finish; --epochs sets the maximum number",
    )


def class_weights(positives: np.ndarray) -> dict[int, float]:
    """Give both classes the same total weight: films / (2 x films of the class), scikit-learn's "balanced"."""
    share = float(positives.mean())
    return {0: 0.5 / (1 - share), 1: 0.5 / share}
