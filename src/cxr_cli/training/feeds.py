"""What the trained part of a network is fed with: films, or the outputs of the frozen layers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from cxr_cli.progress import track
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.classifier import Classifier
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.formats import open_litert
from cxr_cli.training.frozen import Halves, layers_fingerprint, split_at_frozen
from cxr_cli.training.input_pipeline import (
    AUGMENTATION,
    BATCH,
    augment,
    gather_rows,
    in_batches,
    predict_in_batches,
    predict_probabilities,
    shuffled_batches,
    to_rgb,
    training_batches,
)
from cxr_cli.training.strategy import ALONE, Group
from cxr_cli.training.to_litert import convert_to_litert

_VARIANTS = 4  # augmented variants of each film, besides the film itself
_AT_ONCE = 8  # films per call of LiteRT
_HALF_MOST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class PartFilms:
    """The films of one part of the split, train or val."""

    films: np.ndarray  # (N, S, S) uint8
    positives: np.ndarray  # (N,) float32
    groups: list[str]
    made_from: list[str]  # one line per film, which identifies its content
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
    seed: int,
    group: Group = ALONE,
) -> Feed:
    """Make the fastest feed that the classifier and the cache allow on every worker of a group."""
    halves = split_at_frozen(classifier)
    if halves is not None:
        feed = FrozenFeed(halves, parts, augmentation, seed=seed)
        if group.all(cache.fits(feed.size)):
            feed.fill(cache)
            return feed
    return FilmFeed(classifier, parts, augmentation, seed=seed)


class FilmFeed:
    """Films, augmented again in each epoch."""

    kind = "films"
    seconds = 0.0

    def __init__(
        self, classifier: Classifier, parts: dict[str, PartFilms], augmentation: Augmentation, *, seed: int
    ) -> None:
        self.model = classifier.model
        self._pooled = keras.Model(classifier.model.input, classifier.pooled)
        self._parts = parts
        self._augmentation = augmentation
        self._seed = seed

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
        batches = _variants(films, self._augmentation, seed=self._seed)
        total = _count_variants(self._augmentation) * _steps(films)
        rows = predict_in_batches(self._pooled, track(batches, "Reading features, in batches", total=total))
        return rows.reshape(-1, len(films), rows.shape[-1])

    def validate(self, rows: slice = slice(None)) -> np.ndarray:
        """Predict (N,) float32."""
        return predict_probabilities(self.model, self._parts["val"].films[rows])


class FrozenFeed:
    """The outputs of the frozen layers for each training film and augmented variants of it, and each validation film.

    In an epoch, each film is drawn either as it is or as one of its variants, all equally likely. Call `fill` first.
    """

    kind = "what the frozen layers make of films"  # older records and checkpoints say so

    def __init__(self, halves: Halves, parts: dict[str, PartFilms], augmentation: Augmentation, *, seed: int) -> None:
        self.model = halves.upper
        self._halves = halves
        self._parts = parts
        self._augmentation = augmentation
        self._seed = seed
        self.seconds = 0.0
        self._outputs = np.empty(0)
        self._variants = _count_variants(augmentation)
        self._rows = self._variants * len(parts["train"].films)  # of training films; the validation films follow
        self._shape = (self._rows + len(parts["val"].films), *halves.shape)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(np.prod(self._shape)) * np.dtype(np.float16).itemsize

    def fill(self, cache: ArrayCache) -> None:
        """Compute the outputs, or read them from the cache."""
        started = time.monotonic()
        lower, train, val = self._halves.lower, self._parts["train"], self._parts["val"]

        def make() -> Iterator[np.ndarray]:
            batches = chain(
                _variants(train.films, self._augmentation, seed=self._seed), map(to_rgb, in_batches(val.films))
            )
            total = self._variants * _steps(train.films) + _steps(val.films)
            with _in_litert(lower) as predict:
                for batch in track(batches, "Passing films through the frozen layers, in batches", total=total):
                    yield _to_half(predict(np.asarray(batch)))

        def check(outputs: np.ndarray) -> bool:
            ends = _to_half(lower.predict_on_batch(to_rgb(np.stack([train.films[0], val.films[-1]]))))
            return np.allclose(outputs[[0, -1]], ends, rtol=0.01, atol=0.01)

        self._outputs = cache.array(
            "frozen",
            {
                "films": [train.made_from, val.made_from],
                "size": int(lower.input_shape[1]),
                "layers": layers_fingerprint(lower),
                "cut": self._halves.name,
                "augmentation": [AUGMENTATION, asdict(self._augmentation)],
                "seed": self._seed,
            },
            shape=self._shape,
            dtype=np.float16,
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

    def pooled(self) -> np.ndarray:
        """Compute (variants, N, C) float32."""
        outputs = self._outputs[: self._rows]
        read = track(map(_to_float, in_batches(outputs)), "Reading features, in batches", total=_steps(outputs))
        rows = predict_in_batches(self._halves.pooled, read)
        return rows.reshape(self._variants, -1, rows.shape[-1])

    def validate(self, rows: slice = slice(None)) -> np.ndarray:
        """Predict (N,) float32."""
        return predict_in_batches(self.model, map(_to_float, in_batches(self._outputs[self._rows :][rows])))[:, 0]


def _count_variants(augmentation: Augmentation) -> int:
    return 1 + _VARIANTS if augmentation.changes_films else 1


def _variants(films: np.ndarray, augmentation: Augmentation, *, seed: int) -> Iterator[Any]:
    """Yield batches of (B, S, S, 3) uint8: all films as they are, then each of their variants."""
    for variant in range(_count_variants(augmentation)):
        for start, batch in enumerate(in_batches(films)):
            if variant:
                drawn = tf.constant([seed + start * BATCH, variant], tf.int64)
                yield augment(tf.constant(batch), augmentation, seed=drawn)
            else:
                yield to_rgb(batch)


@contextmanager
def _in_litert(lower: keras.Model) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Give a function that runs a network in LiteRT: for MobileNetV2 in half of TensorFlow's time, for none in more."""
    with TemporaryDirectory(prefix="cxr-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "lower.tflite"
        with native_output_hidden():
            convert_to_litert(lower, file)
            run = open_litert(file)
            # The first call prints messages, which are hidden here.
            run(np.zeros((1, *lower.input_shape[1:]), np.uint8))

        def in_eights(films: np.ndarray) -> np.ndarray:
            # For Xception, two thirds of the time that 32 at once take, and 0.7 GB less.
            parts = (films[start : start + _AT_ONCE] for start in range(0, len(films), _AT_ONCE))
            return np.concatenate([next(iter(run(part).values())) for part in parts])

        yield in_eights


def _steps(films: np.ndarray) -> int:
    return -(-len(films) // BATCH)


def _to_half(outputs: Any) -> np.ndarray:
    # Half the space. No real backbone gives values beyond the range of float16.
    return np.clip(np.asarray(outputs), -_HALF_MOST, _HALF_MOST).astype(np.float16)


def _to_float(outputs: np.ndarray) -> np.ndarray:
    return outputs.astype(np.float32)
