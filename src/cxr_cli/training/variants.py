"""Augmented variants of a film, drawn from the film's own pixels: the same in each run, fold and seed that has it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.array_cache import Rows
from cxr_cli.training.engine import tf
from cxr_cli.training.input_pipeline import BATCH, DRAWS, move, to_rgb

_VARIANTS = 4  # of each film, besides the film itself


@dataclass(frozen=True)
class Variant:
    """A film as it is, or moved."""

    films: Rows  # (N, S, S) uint8
    place: int  # of the film
    number: int  # 0 is the film as it is
    digest: bytes  # of the film's pixels and the number

    @property
    def film(self) -> np.ndarray:
        """(S, S) uint8, before it is moved."""
        return np.asarray(self.films[self.place])

    @property
    def draw(self) -> np.ndarray:
        """(7,) float32, uniform in [-1, 1): how it is moved."""
        if not self.number:
            return np.zeros(DRAWS, np.float32)
        return (np.frombuffer(self.digest, "<u4")[:DRAWS] / 2.0**31 - 1).astype(np.float32)


def count_variants(augmentation: Augmentation) -> int:
    """How many variants a training film has, with the film itself."""
    return 1 + _VARIANTS if augmentation.changes_films else 1


def variants_of(films: Rows, count: int = 1) -> list[Variant]:
    """List all films as they are, then each of their variants: `count` times as many as films."""
    digests = [hashlib.sha256(np.ascontiguousarray(films[place]).data).digest() for place in range(len(films))]
    return [
        Variant(films, place, number, hashlib.sha256(digest + bytes([number])).digest())
        for number in range(count)
        for place, digest in enumerate(digests)
    ]


def draw_variants(variants: Sequence[Variant], augmentation: Augmentation) -> Iterator[Any]:
    """Yield the variants in batches of (B, S, S, 3) uint8."""
    for start in range(0, len(variants), BATCH):
        batch = variants[start : start + BATCH]
        films = np.stack([variant.film for variant in batch])
        if any(variant.number for variant in batch):
            yield move(tf.constant(films), augmentation, draw=np.stack([variant.draw for variant in batch], axis=1))
        else:
            yield to_rgb(films)
