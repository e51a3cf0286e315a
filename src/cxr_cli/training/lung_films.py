"""The films of a dataset that have lung masks, at a network's size."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import CxrError
from cxr_cli.films.reader import PIXELS, read_film, read_for
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.segment import find_reference, read_reference
from cxr_cli.nearest import no_folder, path_meant
from cxr_cli.progress import track
from cxr_cli.training.array_cache import ArrayCache, row_key
from cxr_cli.training.parts import file_state
from cxr_cli.workspace.folders import DatasetFolder


@dataclass(frozen=True)
class MaskedPart:
    """The films with masks of one part of the split."""

    members: list[Film]
    films: np.ndarray  # (N, S, S) uint8
    masks: np.ndarray  # (N, S, S) uint8, 0 outside of the lungs, 255 inside

    @property
    def sources(self) -> np.ndarray:
        """(N,) str, the collection of each film."""
        return np.array([film.source for film in self.members])


def find_masks(films: Sequence[Film], folders: Sequence[str]) -> dict[str, Path]:
    """Find the masks of films, by the name of the file that a film was copied from.

    Args:
        films: of the manifest.
        folders: of masks.

    Returns:
        The mask of each film that has one, by the film's `path`.

    Raises:
        CxrError: a folder is missing, has no mask of these films, or two folders have a mask of one film.
    """
    masks: dict[str, Path] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise CxrError(
                f"Expected a folder of masks. Received: {no_folder(folder)}.",
                hint=path_meant(folder, "For example: --masks data/masks"),
            )
        found = {film.path: mask for film in films if (mask := find_reference(folder, Path(film.original)))}
        if not found:
            raise CxrError(
                f"Expected masks of the dataset's films in {folder}. Received: none that has a film's name.",
                hint="The mask of film.jpg is called film.jpg.png or film.png",
            )
        twice = next((path for path in found if path in masks), None)
        if twice:
            raise CxrError(
                f"Expected one mask of {Path(twice).name}. Received: {masks[twice]} and {found[twice]}.",
                hint="Rename the film and its mask, or leave one of the folders out",
            )
        masks |= found
    return masks


def read_masked_part(
    part: str,
    films: Sequence[Film],
    masks: dict[str, Path],
    *,
    dataset: DatasetFolder,
    size: int,
    cache: ArrayCache,
) -> MaskedPart:
    """Read the films of a part that have masks, and the masks, at a network's size, or take them from the cache.

    Args:
        part: "train" or "val".
        films: all films of the dataset.
        masks: of `find_masks`.
        dataset: the folder of the dataset.
        size: pixels a side.
        cache: where to keep them.

    Raises:
        CxrError: no film of the part has a mask.
        ImageError: a film or a mask can't be read, or a mask has another size than its film.
    """
    members = [film for film in films if film.split == part and film.path in masks]
    if not members:
        count = sum(film.split == part for film in films)
        raise CxrError(
            f"Expected {part} films with a lung mask. Received: none among {count}.",
            hint="Name the masks of more films: --masks DIR",
        )
    pairs = [(dataset.root / film.path, masks[film.path]) for film in members]
    keys = [
        row_key(film.sha256.encode(), file_state(path).encode(), file_state(mask).encode())
        for film, (path, mask) in zip(members, pairs, strict=True)
    ]

    def read(pair: tuple[Path, Path]) -> np.ndarray:
        path, mask = pair
        film = read_film(path)
        drawn = read_reference(mask, path, film.shape)
        shown = read_for(path, size, film=film)
        return np.stack([resize(shown, size), resize(drawn.astype(np.uint8) * 255, size)])

    def make(places: Sequence[int]) -> list[np.ndarray]:
        wanted = [pairs[place] for place in places]
        with ThreadPoolExecutor() as pool:
            described = track(pool.map(read, wanted), f"Reading {part} films and masks", total=len(wanted))
            return [both[None] for both in described]

    pixels = cache.rows(
        "masks",
        [size, PIXELS],
        keys,
        shape=(2, size, size),
        dtype=np.uint8,
        make=make,
        check=lambda place, both: np.array_equal(both, read(pairs[place])),
    )
    both = np.asarray(pixels)
    return MaskedPart(members=members, films=both[:, 0], masks=both[:, 1])
