"""Plant altered copies of real films, and count those that are found and the films that are taken for copies.

    python benchmarks/planted_copies.py --data ../shared/data/covid-chestxray/images ../shared/data/nih-frontal ...

A hundred films are taken from all folders, as many of each. For each kind of copy, a copy of each is added to them and
to three times as many other films, and near-duplicates are looked for, as `cxr prepare` does. A copy is found if it is
paired with its own film. Then near-duplicates are looked for among all films of each folder, without copies: whether
the two films of such a pair are copies, a person has to say. `--sheet FILE` draws them side by side.
"""
# ruff: noqa: T201 - scripts print

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from cxr_cli.dataset.duplicates import EXACT, find_duplicates
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.reading import read_one
from cxr_cli.dataset.seen import open_seen, write_seen
from cxr_cli.films.find import find_films
from cxr_cli.films.phash import phashes, shrink, spectra
from cxr_cli.films.reader import read_film
from cxr_cli.workspace.folders import DatasetFolder, RunFolder

Picture = Image.Image
Alter = Callable[[Picture], Picture]
_TILES = 8  # of CLAHE, along each side
_GRAIN = 8  # SD of the noise that is added, in gray levels


def cut(left: float, top: float, right: float, bottom: float) -> Alter:
    """Crop these shares of the film's width and height from its sides."""
    return lambda film: film.crop(
        (
            round(left * film.width),
            round(top * film.height),
            round((1 - right) * film.width),
            round((1 - bottom) * film.height),
        )
    )


def turn(degrees: float) -> Alter:
    """Rotate within the film's frame, with black corners."""
    return lambda film: film.rotate(degrees, Image.Resampling.BICUBIC)


def gamma(power: float) -> Alter:
    """Raise gray levels from 0 to 1 to a power."""
    return lambda film: film.point([round(255 * (level / 255) ** power) for level in range(256)])


def scale(across: float, down: float) -> Alter:
    """Resize by these factors."""
    return lambda film: film.resize((round(across * film.width), round(down * film.height)))


def clahe(film: Picture, clip: float = 0.01) -> Picture:
    """Equalize the histograms of 8 x 8 tiles, interpolated linearly between their centers.

    A gray level counts at most as a share `clip` of a tile's pixels. Defaults to 0.01, as in scikit-image.
    """
    levels = np.asarray(film)
    curves = np.empty((_TILES, _TILES, 256))
    for row, band in enumerate(np.array_split(levels, _TILES, axis=0)):
        for column, tile in enumerate(np.array_split(band, _TILES, axis=1)):
            counts = np.bincount(tile.ravel(), minlength=256) / tile.size
            clipped = np.minimum(counts, clip)
            curves[row, column] = 255 * np.cumsum(clipped + (1 - clipped.sum()) / 256)
    places = [np.clip((np.arange(size) + 0.5) * _TILES / size - 0.5, 0, _TILES - 1) for size in levels.shape]
    down, across = (np.minimum(place.astype(int), _TILES - 2) for place in places)
    low, right = (places[0] - down)[:, None], places[1] - across
    mixed = sum(
        np.abs(1 - i - low) * np.abs(1 - j - right) * curves[(down + i)[:, None], across + j, levels]
        for i in (0, 1)
        for j in (0, 1)
    )
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def text(film: Picture) -> Picture:
    """Burn in two lines of white letters, each an eighth of the film's height."""
    marked = film.copy()
    draw, font = ImageDraw.Draw(marked), ImageFont.load_default(film.height / 8)
    for line, top in (("PORTABLE", 0.1), ("SUPINE R", 0.7)):
        draw.text((0.1 * film.width, top * film.height), line, fill=255, font=font)
    return marked


def noise(film: Picture) -> Picture:
    """Add Gaussian noise."""
    grain = np.random.default_rng(film.width).normal(0, _GRAIN, (film.height, film.width))
    return Image.fromarray(np.clip(np.asarray(film) + grain, 0, 255).astype(np.uint8))


def pad(film: Picture) -> Picture:
    """Add a black border of 1/16 on each side."""
    return ImageOps.expand(film, (film.width // 16, film.height // 16), fill=0)


def jpeg(film: Picture) -> Picture:
    """Save as JPEG of quality 20."""
    data = io.BytesIO()
    film.save(data, "JPEG", quality=20)
    return Image.open(data).convert("L")


KINDS: dict[str, Alter] = {
    "mirrored": ImageOps.mirror,
    "CLAHE, clipped at 0.01": clahe,
    "CLAHE, clipped at 0.02": lambda film: clahe(film, 0.02),
    "rotated by 1°": turn(1),
    "rotated by 2°": turn(-2),
    "rotated by 3°": turn(3),
    "cropped by 5 % all round": cut(0.05, 0.05, 0.05, 0.05),
    "cropped by 7.5 % all round": cut(0.075, 0.075, 0.075, 0.075),
    "cropped by 10 % all round": cut(0.1, 0.1, 0.1, 0.1),
    "cropped by 10 % on the left": cut(0.1, 0, 0, 0),
    "cropped by 7 % on the right and below": cut(0, 0, 0.07, 0.07),
    "unsharp masking, radius 1 % of the height, 150 %": lambda film: film.filter(
        ImageFilter.UnsharpMask(film.height / 100, 150, 0)
    ),
    "unsharp masking, radius 5 % of the height, 200 %": lambda film: film.filter(
        ImageFilter.UnsharpMask(film.height / 20, 200, 0)
    ),
    "large text": text,
    "histogram equalization": ImageOps.equalize,
    "gamma 2": gamma(2),
    "gamma 0.5": gamma(0.5),
    "JPEG of quality 20": jpeg,
    "at 40 % of its size": scale(0.4, 0.4),
    "stretched by 20 % across": scale(1.2, 1),
    "a black border of 1/16": pad,
    "noise, SD 8": noise,
    "inverted": ImageOps.invert,
    "mirrored, cropped by 5 % all round, JPEG of quality 20": lambda film: jpeg(
        cut(0.05, 0.05, 0.05, 0.05)(ImageOps.mirror(film))
    ),
    "mirrored, rotated by 3°, gamma 2": lambda film: gamma(2)(turn(3)(ImageOps.mirror(film))),
}


def main() -> None:
    """Print a table of the kinds, and one of the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of films")
    parser.add_argument("--films", type=int, default=100, help="films to copy (default: %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND", help="default: all")
    parser.add_argument("--sheet", type=Path, help="draw the pairs found without planted copies to this file")
    parser.add_argument("--seed", type=int, default=0, help="which films are taken (default: %(default)s)")
    arguments = parser.parse_args()
    folders = [list(find_films([folder])) for folder in arguments.data]
    planted(folders, arguments)
    looked_up(folders, arguments)
    merged(folders, arguments)


def take(folders: Sequence[Sequence[Path]], films: int, seed: int) -> list[Path]:
    """As many films of each folder, in turn; at random."""
    rng = np.random.default_rng(seed)
    each = -(-films // len(folders))
    orders = [[folder[place] for place in rng.permutation(len(folder))[:each]] for folder in folders]
    return [path for paths in zip(*orders, strict=True) for path in paths][:films]


def planted(folders: Sequence[Sequence[Path]], arguments: argparse.Namespace) -> None:
    """Print how many copies of each kind are found."""
    films = arguments.films
    taken = take(folders, 4 * films, arguments.seed)
    pictures = [Image.fromarray(read_film(path)) for path in taken[:films]]
    small = np.stack([small_of(path) for path in taken])
    print(f"| copies of {films} films among {len(taken)} | found | other pairs | seconds |\n| --- | --- | --- | --- |")
    for kind in arguments.kinds:
        copies = np.stack([shrink(np.asarray(KINDS[kind](picture))) for picture in pictures])
        started = time.perf_counter()
        pairs = find_duplicates(list(map(str, range(len(small) + films))), np.concatenate([small, copies]))
        seconds = time.perf_counter() - started
        apart = [(pair.first % len(small), pair.second % len(small)) for pair in pairs]
        own = sum(one == other for one, other in apart)
        print(f"| {kind} | {own} | {len(apart) - own} | {seconds:.1f} |", flush=True)


def looked_up(folders: Sequence[Sequence[Path]], arguments: argparse.Namespace) -> None:
    """Print how many copies a run recognizes, with and without the dataset and the vectors of its films."""
    films = arguments.films
    taken = take(folders, 8 * films, arguments.seed)
    seen, others = np.stack([small_of(path) for path in taken[: 4 * films]]), taken[4 * films :]
    pictures = [Image.fromarray(read_film(path)) for path in taken[:films]]
    with tempfile.TemporaryDirectory() as name:
        run, dataset = RunFolder(Path(name) / "run"), DatasetFolder(Path(name) / "dataset")
        dataset.root.mkdir()
        np.save(dataset.small, seen)
        write_seen(run, [_film(place, small) for place, small in enumerate(seen)], seen)
        ways = [
            open_seen(run, dataset, trained_on="", digests={}),
            open_seen(run, DatasetFolder(Path(name)), trained_on="", digests={}),
        ]
        run.seen_vectors.unlink()
        ways += [
            open_seen(run, dataset, trained_on="", digests={}),
            open_seen(run, DatasetFolder(Path(name)), trained_on="", digests={}),
        ]
        print(f"\n| looked up in {len(seen)} films | found | dataset gone | no vectors | neither | ms per film |")
        print("| --- | --- | --- | --- | --- | --- |")
        looked: list[tuple[str, list[np.ndarray]]] = [
            (kind, [np.asarray(KINDS[kind](picture)) for picture in pictures]) for kind in arguments.kinds
        ]
        for kind, copies in [*looked, ("other films", [read_film(path) for path in others])]:
            counts, milliseconds = [], 0.0
            for way in ways:
                started = time.process_time()
                found = [way.match_file(run.seen, copy) if way else "" for copy in copies]
                milliseconds = milliseconds or 1000 * (time.process_time() - started) / len(copies)
                counts.append(sum(map(bool, found)))
            print(f"| {kind} | {' | '.join(map(str, counts))} | {milliseconds:.1f} |", flush=True)


def _film(place: int, small: np.ndarray) -> Film:
    unknown = dict.fromkeys(
        ("label", "patient", "group", "source", "view", "sex", "age", "finding", "location", "original"), ""
    )
    phash = f"{int(phashes(spectra(small[None]))[0]):016x}"
    return Film(path=f"{place}.png", split="train", sha256=f"{place:064x}", phash=phash, **unknown)


def merged(folders: Sequence[Sequence[Path]], arguments: argparse.Namespace) -> None:
    """Print how many pairs are found among all films of each folder."""
    rows = []
    print("\n| folder | films | pairs compared | pairs found | seconds |\n| --- | --- | --- | --- | --- |")
    for folder, paths in zip(arguments.data, folders, strict=True):
        read = [(path, film) for path in paths if (film := read_one(path)).small]
        small = np.stack([np.frombuffer(film.small, np.uint8).reshape(96, 96) for _, film in read])
        started = time.perf_counter()
        pairs = [pair for pair in find_duplicates([film.sha256 for _, film in read], small) if pair.kind != EXACT]
        seconds = time.perf_counter() - started
        compared = len(read) * (len(read) - 1) // 2
        print(
            f"| {'/'.join(folder.parts[-2:])} | {len(read):,} | {compared:,} | {len(pairs)} | {seconds:.1f} |",
            flush=True,
        )
        rows += [(pair, read[pair.first][0], read[pair.second][0]) for pair in pairs]
    if arguments.sheet and rows:
        sheet = Image.new("L", (2 * 224, 240 * len(rows)))
        draw = ImageDraw.Draw(sheet)
        for row, (pair, *paths) in enumerate(rows):
            for column, path in enumerate(paths):
                sheet.paste(Image.fromarray(read_film(path)).resize((224, 224)), (224 * column, 240 * row))
            words = f"{pair.correlation} {pair.kind} {' '.join(path.stem[-24:] for path in paths)}"
            draw.text((2, 240 * row + 225), words, fill=255)
        sheet.save(arguments.sheet)


def small_of(path: Path) -> np.ndarray:
    """The small picture of a film, as `cxr prepare` keeps it: (96, 96) uint8."""
    return np.frombuffer(read_one(path).small, np.uint8).reshape(96, 96)


if __name__ == "__main__":
    main()
