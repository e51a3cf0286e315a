"""Time the search for copies among very many films, and count the planted copies that it finds.

    python benchmarks/duplicates_growth.py --data ../shared/data/radiography/images ... --films 100000 [--all-pairs]

Copies of 20 real films, of all kinds of `planted_copies.py`, are added to small pictures of other films. Those are all
real films of the folders, and then films made of two real ones each: both are moved, stretched and bent along their
rows and columns, at random, and mixed by a mask that is smooth. These are more alike than real films, as each real film
is in many. `--all-pairs` also compares all pairs, which is the reference. A copy is found if pairs join it to its film.
"""
# ruff: noqa: T201 - scripts print

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from harness import record
from PIL import Image
from planted_copies import KINDS, take

from cxr_cli.dataset import alike
from cxr_cli.dataset.duplicates import find_duplicates
from cxr_cli.dataset.reading import read_here
from cxr_cli.films.find import find_films
from cxr_cli.films.phash import SIDE, shrink
from cxr_cli.films.reader import read_film

_COPIED = 20  # films
_AT_ONCE = 1000
_WARPS, _MASKS = 256, 64


def main() -> None:
    """Measure one number of films, and append a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of films")
    parser.add_argument("--films", type=int, required=True, help="films besides the copies")
    parser.add_argument("--all-pairs", action="store_true", help="compare all pairs too")
    arguments = parser.parse_args()
    folders = [list(find_films([folder])) for folder in arguments.data]
    copied = take(folders, _COPIED, 0)
    originals = [Image.fromarray(read_film(path)) for path in copied]
    rest = [path for folder in folders for path in folder if path not in set(copied)]
    read = [read.small for read in read_here([*copied, *rest]) if read.small]
    real = np.frombuffer(b"".join(read), np.uint8).reshape(-1, SIDE, SIDE)[: arguments.films]
    copies = np.stack([shrink(np.asarray(alter(film))) for alter in KINDS.values() for film in originals])
    films = arguments.films + len(copies)
    with tempfile.TemporaryFile() as file:
        small = np.memmap(file, np.uint8, "w+", shape=(films, SIDE, SIDE))
        small[: len(real)], small[arguments.films :] = real, copies
        _mix(real, small[len(real) : arguments.films])
        seconds, pairs = _search(small, many=0)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        columns = {"cxr": f"{seconds:.0f} s", "cxr, MiB": f"{most:.0f}", "runs": "1"}
        notes = f"{_joined(pairs, films, len(copies))} of {len(copies)} planted copies found, {len(pairs)} pairs in all"
        if arguments.all_pairs:
            slow, reference = _search(small, many=films)
            columns |= {"peer": f"{slow:.0f} s", "ratio": f"{slow / seconds:.1f}"}
            shared, rest = _others(pairs & reference, arguments.films), _others(reference, arguments.films)
            notes += (
                f"; the peer compares all pairs: {_joined(reference, films, len(copies))} and {len(reference)}; of its "
                f"{len(rest)} pairs without planted films, the index finds {len(shared)}"
            )
    record(
        f"search for copies, {arguments.films:,} films",
        data=f"small pictures of {len(real):,} real films, the rest mixed of two each",
        target="not quadratic",
        columns=columns | {"notes": notes},
    )


def _search(small: np.ndarray, *, many: int) -> tuple[float, set[tuple[int, int]]]:
    """Return the seconds and the pairs found; up to `many` films, all pairs are compared."""
    alike.MANY_FILMS = many
    started = time.perf_counter()
    found = find_duplicates([f"{place}" for place in range(len(small))], small)
    seconds = time.perf_counter() - started
    print(f"{seconds:.1f} s, {len(found)} pairs", flush=True)
    return seconds, {(pair.first, pair.second) for pair in found}


def _joined(pairs: set[tuple[int, int]], films: int, copies: int) -> int:
    """How many of the copies, which are the last films, are joined to their own film."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = np.array(sorted(pairs)).reshape(-1, 2).T
    _, groups = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(films, films)))
    return int(np.count_nonzero(groups[films - copies :] == groups[np.arange(copies) % _COPIED]))


def _others(pairs: set[tuple[int, int]], films: int) -> set[tuple[int, int]]:
    return {(one, other) for one, other in pairs if one >= _COPIED and other < films}


def _mix(real: np.ndarray, made: np.ndarray) -> None:
    """Fill `made` with mixtures of two films each."""
    rng = np.random.default_rng(0)
    warps, masks = np.stack([_warp(rng) for _ in range(_WARPS)]), np.stack([_mask(rng) for _ in range(_MASKS)])
    for top in range(0, len(made), _AT_ONCE):
        many = len(made[top : top + _AT_ONCE])
        one, other = (
            warps[rng.integers(_WARPS, size=many)]
            @ real[rng.integers(len(real), size=many)].astype(np.float32)
            @ warps[rng.integers(_WARPS, size=many)].transpose(0, 2, 1)
            for _ in range(2)
        )
        made[top : top + many] = other + masks[rng.integers(_MASKS, size=many)] * (one - other)


def _warp(rng: np.random.Generator) -> np.ndarray:
    """A matrix that moves, stretches and bends a line: (96, 96) float32."""
    place = (np.arange(SIDE) + 0.5) / SIDE
    bent = 0.04 * rng.normal() * np.sin(2 * np.pi * place) + 0.03 * rng.normal() * np.sin(np.pi * place)
    source = 0.5 + rng.uniform(0.8, 1.0) * (place - 0.5) + rng.uniform(-0.08, 0.08) + bent
    at = np.clip(SIDE * source - 0.5, 0, SIDE - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(SIDE))).astype(np.float32)


def _mask(rng: np.random.Generator) -> np.ndarray:
    """Smooth shares of the first film, mostly near 0 or 1: (96, 96) float32."""
    field = Image.fromarray(rng.normal(size=(4, 4)).astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return (1 / (1 + np.exp(-4 * np.asarray(field)))).astype(np.float32)


if __name__ == "__main__":
    main()
