"""The films of one part of the split, as training needs them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import SplitError
from cxr_cli.films.reader import PIXELS, read_at
from cxr_cli.training.array_cache import ArrayCache, row_key
from cxr_cli.training.feeds import PartFilms
from cxr_cli.training.input_pipeline import read_resized
from cxr_cli.workspace.folders import DatasetFolder


def read_part_films(
    part: str,
    films: Sequence[Film],
    *,
    dataset: DatasetFolder,
    made: DatasetRecord,
    size: int,
    cache: ArrayCache,
) -> PartFilms:
    """Read the films of a part at a model's size, or take them from the cache.

    Args:
        part: "train", "val" or "test".
        films: all films of the dataset.
        dataset: the folder of the dataset.
        made: the record of the dataset.
        size: pixels a side.
        cache: where to keep them.

    Raises:
        SplitError: the part has films of one class only.
        ImageError: a film can't be read.
    """
    members = [film for film in films if film.split == part]
    positives = np.array([film.label == made.classes.positive for film in members], dtype=np.float32)
    if len(set(positives.tolist())) < 2:
        raise SplitError(
            f"Expected {part} films of both classes in {dataset.manifest}. Received: {len(members)} of one class.",
            hint=f"Make it again: {DatasetRecord.MADE_BY}",
        )
    paths = [dataset.root / film.path for film in members]

    def read(places: Sequence[int]) -> Iterator[np.ndarray]:
        wanted = [paths[place] for place in places]
        return (film[None] for film in read_resized(wanted, size=size, description=f"Reading {part} films"))

    pixels = cache.rows(
        "films",
        [size, PIXELS],
        [row_key(film.sha256.encode(), file_state(path).encode()) for film, path in zip(members, paths, strict=True)],
        shape=(size, size),
        dtype=np.uint8,
        make=read,
        check=lambda place, film: np.array_equal(film, read_at(paths[place], size)),
    )
    return PartFilms(
        films=pixels,
        positives=positives,
        groups=[film.group for film in members],
        sources=[film.source for film in members],
    )


def file_state(path: Path) -> str:
    """Identify the content of a file without reading it."""
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"
