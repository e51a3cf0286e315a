"""What the trained part of a network is fed with: films, or the outputs of the frozen layers."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from cxr_cli.progress import track
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.array_cache import ArrayCache, Rows, row_key
from cxr_cli.training.classifier import Classifier
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.frozen import Halves, layers_fingerprint, split_at_frozen
from cxr_cli.training.input_pipeline import (
    AUGMENTATION,
    BATCH,
    gather_rows,
    predict_in_batches,
    predict_probabilities,
    shuffled_batches,
    training_batches,
)
from cxr_cli.training.lower_litert import converted, converted_once, in_litert
from cxr_cli.training.strategy import ALONE, Group
from cxr_cli.training.variants import count_variants, draw_variants, variants_of


@dataclass(frozen=True)
class PartFilms:
    """The films of one part of the split, train or val."""

    films: Rows  # (N, S, S) uint8
    positives: np.ndarray  # (N,) float32
    groups: list[str]
    sources: list[str] = field(default_factory=list)


class Feed(Protocol):
    """What is trained, and on what."""

    @property
    def kind(self) -> str:
        """Its input, in words."""
        ...

    @property
    def model(self) -> keras.Model:
        """(B, ...) -> (B, 1): the model to train, which the caller compiles. It shares the classifier's layers."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds that its preparation took."""
        ...

    def batches(self, *, batch_size: int, seed: int, epochs: int = 1, done: int = 0, group: Group = ALONE) -> Any:
        """Make a tf.data pipeline of the model's input and (B, 1) float32 truths of training films.

        It has `epochs` epochs, one after the other, without the first `done`. For a group, it gives this worker's share
        of each batch, and (b,) float32 weights.
        """
        ...

    @property
    def features(self) -> dict[str, np.ndarray] | None:
        """The pooled features of the films of each part, (N, C) float32, if all layers below them are frozen."""
        ...

    def pooled(self) -> np.ndarray:
        """Compute the pooled features of the training films and of their variants: (variants, N, C) float32."""
        ...

    def validate(self, rows: slice = slice(None)) -> np.ndarray:
        """Predict P(positive) of the validation films, or of some of them: (N,) float32."""
        ...


def make_feed(
    classifier: Classifier,
    parts: dict[str, PartFilms],
    augmentation: Augmentation,
    cache: ArrayCache,
    *,
    group: Group = ALONE,
) -> Feed:
    """Make the fastest feed that the classifier and the cache allow on every worker of a group."""
    halves = split_at_frozen(classifier)
    if halves is not None:
        feed = FrozenFeed(halves, parts, augmentation, group=group)
        if group.all(cache.fits(feed.size)):
            feed.fill(cache)
            return feed
    return FilmFeed(classifier, parts, augmentation)


class FilmFeed:
    """Films, augmented again in each epoch."""

    kind = "films"
    seconds = 0.0
    features = None

    def __init__(self, classifier: Classifier, parts: dict[str, PartFilms], augmentation: Augmentation) -> None:
        self.model = classifier.model
        self._pooled = keras.Model(classifier.model.input, classifier.pooled)
        self._parts = parts
        self._augmentation = augmentation

    def batches(self, *, batch_size: int, seed: int, epochs: int = 1, done: int = 0, group: Group = ALONE) -> Any:
        """Make a tf.data pipeline."""
        train = self._parts["train"]
        return training_batches(
            train.films,
            train.positives,
            augmentation=self._augmentation,
            batch_size=batch_size,
            seed=seed,
            epochs=epochs,
            done=done,
            group=group,
        )

    def pooled(self) -> np.ndarray:
        """Compute (variants, N, C) float32."""
        films = self._parts["train"].films
        variants = variants_of(films, count_variants(self._augmentation))
        batches = draw_variants(variants, self._augmentation)
        read = track(batches, "Reading features, in batches", total=_steps(len(variants)))
        rows = predict_in_batches(self._pooled, read)
        return rows.reshape(-1, len(films), rows.shape[-1])

    def validate(self, rows: slice = slice(None)) -> np.ndarray:
        """Predict (N,) float32."""
        return predict_probabilities(self.model, self._parts["val"].films[rows])


class FrozenFeed:
    """The outputs of the frozen layers for each training film and augmented variants of it, and each validation film.

    In an epoch, each film is drawn either as it is or as one of its variants, all equally likely. Call `fill` first.
    """

    kind = "what the frozen layers make of films"  # older records and checkpoints say so

    def __init__(
        self, halves: Halves, parts: dict[str, PartFilms], augmentation: Augmentation, *, group: Group = ALONE
    ) -> None:
        # The model of several replicas is a copy, which Keras makes of its own layers alone.
        self.model = halves.folded if group is ALONE else halves.upper
        self._halves = halves
        self._parts = parts
        self._augmentation = augmentation
        self.seconds = 0.0
        self._outputs: Rows = np.empty(0)
        self._variants = count_variants(augmentation)
        self._rows = self._variants * len(parts["train"].films)  # of training films; the validation films follow
        # Features, which are few and from which answers are computed, keep all their digits.
        self._dtype: type[np.floating] = np.float32 if len(halves.shape) == 1 else np.float16

    @property
    def size(self) -> int:
        """Bytes."""
        rows = self._rows + len(self._parts["val"].films)
        return rows * int(np.prod(self._halves.shape)) * np.dtype(self._dtype).itemsize

    def fill(self, cache: ArrayCache) -> None:
        """Compute the outputs, or read from the cache those that any run has computed before."""
        started = time.monotonic()
        lower = self._halves.lower
        layers = layers_fingerprint(lower)
        variants = [
            *variants_of(self._parts["train"].films, self._variants),
            *variants_of(self._parts["val"].films),
        ]

        def make(places: Sequence[int]) -> Iterator[np.ndarray]:
            batches = draw_variants([variants[place] for place in places], self._augmentation)
            title = "Passing films through the frozen layers, in batches"
            with in_litert(converted_once(lower, tuple(layers))) as predict:
                for batch in track(batches, title, total=_steps(len(places))):
                    yield _within(predict(np.asarray(batch)), self._dtype)

        def check(place: int, outputs: np.ndarray) -> bool:
            (film,) = draw_variants([variants[place]], self._augmentation)
            return np.allclose(outputs, _within(lower(film)[0], self._dtype), rtol=0.01, atol=0.01)

        self._outputs = cache.rows(
            "frozen",
            {
                "size": int(lower.input_shape[1]),
                "layers": [*layers, version("ai-edge-litert")],
                "operations": self._halves.below,
                "augmentation": [AUGMENTATION, asdict(self._augmentation)],
            },
            [row_key(variant.digest) for variant in variants],
            shape=self._halves.shape,
            dtype=self._dtype,
            make=make,
            check=check,
        )
        self.seconds = time.monotonic() - started

    def batches(self, *, batch_size: int, seed: int, epochs: int = 1, done: int = 0, group: Group = ALONE) -> Any:
        """Make a tf.data pipeline."""
        positives = self._parts["train"].positives
        count = len(positives)

        def inputs(rows: Any, places: Any, seed: Any) -> Any:
            variant = tf.random.stateless_uniform(tf.shape(rows), seed, 0, self._variants, tf.int64)
            return gather_rows(self._outputs, tf.gather(variant * count + rows, places), np.float32)

        return shuffled_batches(
            positives, inputs, batch_size=batch_size, seed=seed, epochs=epochs, done=done, group=group
        )

    @property
    def features(self) -> dict[str, np.ndarray] | None:
        """(N, C) float32 of each part, or None."""
        if len(self._halves.shape) > 1:
            return None
        films = len(self._parts["train"].films)
        return {"train": self._outputs[:films], "val": self._outputs[self._rows :]}

    def pooled(self) -> np.ndarray:
        """Compute (variants, N, C) float32."""
        if self.features:
            rows = self._outputs[: self._rows]
        else:
            read = track(self._read(0, self._rows), "Reading features, in batches", total=_steps(self._rows))
            with in_litert(converted(self._halves.pooled)) as predict:
                rows = np.concatenate(list(map(predict, read)))
        return np.asarray(rows).reshape(self._variants, -1, rows.shape[-1])

    def validate(self, rows: slice = slice(None)) -> np.ndarray:
        """Predict (N,) float32."""
        start, stop, _ = rows.indices(len(self._parts["val"].films))
        return predict_in_batches(self.model, self._read(self._rows + start, self._rows + stop))[:, 0]

    def _read(self, start: int, stop: int) -> Iterator[np.ndarray]:
        """Yield outputs in batches, as float32."""
        for place in range(start, stop, BATCH):
            yield self._outputs[place : min(place + BATCH, stop)].astype(np.float32)


def _steps(films: int) -> int:
    return -(-films // BATCH)


def _within(outputs: Any, dtype: type[np.floating]) -> np.ndarray:
    # No real backbone gives values beyond the range of float16.
    most = float(np.finfo(dtype).max)
    return np.clip(np.asarray(outputs), -most, most).astype(dtype)
