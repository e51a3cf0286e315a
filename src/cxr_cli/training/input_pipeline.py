"""Films into batches: read once, kept as bytes, augmented again in each epoch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.films.reader import read_at
from cxr_cli.progress import track
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.array_cache import Rows
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.strategy import ALONE, Group

BATCH = 32  # films per batch when nothing is trained


def read_resized(paths: Sequence[Path], *, size: int, description: str) -> Iterator[np.ndarray]:
    """Read films at a model's size, on all cores.

    Yields:
        (size, size) uint8, in order.

    Raises:
        ImageError: a film can't be read.
    """
    with ThreadPoolExecutor() as pool:
        films = pool.map(lambda path: read_at(path, size), paths)
        yield from track(films, description, total=len(paths))


def load_films(paths: Sequence[Path], *, size: int, description: str) -> np.ndarray:
    """Read films at a model's size into memory: (N, size, size) uint8. Raises as `read_resized` does."""
    return np.stack(list(read_resized(paths, size=size, description=description)))


def to_rgb(films: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 -> (N, S, S, 3) uint8: backbones were trained on color images."""
    return np.repeat(films[..., None], 3, axis=-1)


def predict_in_batches(model: keras.Model, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Run a model with one output on batches: (N, ...) float32."""
    return np.concatenate([np.asarray(model.predict_on_batch(batch)) for batch in batches])


def predict_probabilities(model: keras.Model, films: Rows) -> np.ndarray:
    """Predict P(positive) of each film with a Keras model: (N, S, S) uint8 -> (N,) float32."""
    return predict_in_batches(model, (to_rgb(batch) for batch in in_batches(films)))[:, 0]


def in_batches(rows: Rows) -> Iterator[np.ndarray]:
    """Yield the rows of an array, which may be on disk, in batches."""
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def training_batches(
    films: Rows,
    positives: np.ndarray,
    *,
    augmentation: Augmentation,
    batch_size: int,
    seed: int,
    epochs: int = 1,
    done: int = 0,
    group: Group = ALONE,
) -> Any:
    """Make a tf.data pipeline of films: shuffled and augmented again in each epoch, and the same for the same seed.

    Args:
        films: (N, S, S) uint8, in memory or on disk.
        positives: (N,) float32, 1 for the positive class.
        augmentation: how far films are moved.
        batch_size: films per step.
        seed: random seed of order and augmentation.
        epochs: number of epochs, one after the other.
        done: number of epochs to leave out at the beginning.
        group: the workers that train together.

    Returns:
        Batches of ((B, S, S, 3) uint8, (B, 1) float32); for a group, see `shuffled_batches`.
    """

    def inputs(rows: Any, places: Any, seed: Any) -> Any:
        own = gather_rows(films, tf.gather(rows, places), np.uint8)
        return augment(own, augmentation, seed=seed, places=places, count=tf.size(rows))

    return shuffled_batches(positives, inputs, batch_size=batch_size, seed=seed, epochs=epochs, done=done, group=group)


def shuffled_batches(
    positives: np.ndarray,
    inputs: Callable[[Any, Any, Any], Any],
    *,
    batch_size: int,
    seed: int,
    epochs: int = 1,
    done: int = 0,
    group: Group = ALONE,
) -> Any:
    """Make a tf.data pipeline of rows in an order that is drawn again in each epoch.

    All epochs are one stream, because Keras starts to iterate a pipeline more often than there are epochs.

    Args:
        positives: (N,) float32, the truth of each row.
        inputs: makes the model's input from a batch of (B,) int64 rows, the (b,) places in it that are needed, and a
            stateless (2,) int64 seed. What it draws for a row must not depend on which places are needed.
        batch_size: rows per step.
        seed: random seed.
        epochs: number of epochs, one after the other.
        done: number of epochs to leave out at the beginning.
        group: the workers that train together.

    Returns:
        Batches of (what `inputs` gives, (B, 1) float32); for a group, this worker's share of each, and (b,) float32
        weights.
    """
    order = tf.data.Dataset.range(len(positives)).shuffle(len(positives), seed=seed, reshuffle_each_iteration=True)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    labels = tf.constant(positives[:, None], tf.float32)

    def batch(rows: Any, seed: Any) -> Any:
        places, weights = group.share(tf.size(rows))
        own = inputs(rows, places, seed), tf.gather(labels, tf.gather(rows, places))
        return own if weights is None else (*own, weights)

    rows = order.batch(batch_size)
    drawn = tf.data.Dataset.zip(rows.repeat(epochs), seeds).skip(done * len(rows))
    return drawn.map(batch, num_parallel_calls=2).prefetch(2)


def gather_rows(array: Rows, rows: Any, dtype: type[np.generic]) -> Any:
    """Read rows of an array that need not fit into memory, as a tensor within tf.data."""
    # NumPy converts the type: TensorFlow warns about float16 on processors that have no operations for it.
    selected = tf.numpy_function(lambda wanted: array[wanted].astype(dtype), [rows], dtype, stateful=False)
    return tf.ensure_shape(selected, [None, *array.shape[1:]])


# Part of what cached outputs are known by: raise it whenever `move` gives other films for the same options.
AUGMENTATION = 1
DRAWS = 7  # random numbers for each film


def augment(films: Any, augmentation: Augmentation, *, seed: Any, places: Any = None, count: Any = None) -> Any:
    """Move each film by one random affine map, uniform in the ranges, and change its brightness.

    One map, one interpolation: shearing, rotating, shifting and zooming in turn would blur four times.

    Args:
        films: (B, S, S) uint8.
        augmentation: the ranges.
        seed: (2,) int64, stateless random seed.
        places: (B,) int, the places of the films in a larger batch. Defaults to 0 to B - 1.
        count: number of films in the larger batch. Defaults to B.

    Returns:
        (B, S, S, 3) uint8; outside of the film, its edge is repeated.
    """
    draw = tf.random.stateless_uniform((DRAWS, tf.shape(films)[0] if count is None else count), seed, -1.0, 1.0)
    return move(films, augmentation, draw=draw if places is None else tf.gather(draw, places, axis=1))


def move(films: Any, augmentation: Augmentation, *, draw: Any) -> Any:
    """Do what `augment` does, as far along each range as `draw` says, (7, B) float32 in [-1, 1]; 0 changes nothing."""
    size = films.shape[1]
    angle = draw[0] * (augmentation.rotation * np.pi / 180)
    shift_x, shift_y = draw[1] * (augmentation.shift * size), draw[2] * (augmentation.shift * size)
    scale = 1 / (1 + draw[3] * augmentation.zoom)
    mirror = tf.where(draw[4] < 0, -1.0, 1.0) if augmentation.flip else tf.ones_like(angle)
    brightness = 1 + draw[5] * augmentation.brightness
    shear = draw[6] * (augmentation.shear * np.pi / 180)

    # From a place in the new film to its place in the old one: x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2.
    center = (size - 1) / 2
    # Rotation times shear times zoom, as Keras's ImageDataGenerator has it; its shear is ((1, -sin s), (0, cos s)).
    slanted = angle + shear
    a0, a1 = tf.cos(angle) * scale * mirror, -tf.sin(slanted) * scale
    b0, b1 = tf.sin(angle) * scale * mirror, tf.cos(slanted) * scale
    a2 = center - (a0 + a1) * center + shift_x
    b2 = center - (b0 + b1) * center + shift_y
    zero = tf.zeros_like(angle)
    moved = keras.ops.image.affine_transform(
        tf.cast(films[..., None], tf.float32),
        tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1),
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )
    lit = tf.clip_by_value(tf.round(moved * brightness[:, None, None, None]), 0, 255)
    return tf.repeat(tf.cast(lit, tf.uint8), 3, axis=-1)
