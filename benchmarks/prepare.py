"""Compare `cxr prepare` with pandas, scikit-learn and shutil: 1,000 films, and 100,000 rows of metadata.

    python benchmarks/prepare.py [--metadata FILE --positive FINDING] [--runs 5]

Without a metadata file, the films are rendered phantoms of 640 x 640 pixels, half JPEG and half PNG. The peer,
`peers/pandas_prepare.py`, neither opens nor hashes films. `cxr` checks that each can be read, hashes its file, groups
copies, draws two plots and writes a manifest. Both must keep the same number of films.
"""

import argparse
import csv
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from harness import cxr, figures, peer, record, run_in_turn
from PIL import Image

from cxr_cli.rendering.render import render

_DRAWN = 50  # number of phantoms to render; the films are cut from them, each in its own place
_MARGIN = 32  # pixels by which the place of the cut can vary
Row = dict[str, str]


def main() -> None:
    """Measure both, and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, help="metadata of real films (default: render phantoms)")
    parser.add_argument("--positive", default="COVID-19", help="positive finding in --metadata (default: %(default)s)")
    parser.add_argument("--films", type=int, default=1000, help="phantoms to render (default: %(default)s)")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="rows of the long metadata file; 0 skips it (default: %(default)s)"
    )
    parser.add_argument("--films-for-all-rows", action="store_true", help="make a film of 64 x 64 pixels for each row")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cxr-prepare-") as name:
        folder = Path(name)
        metadata, positive = arguments.metadata, arguments.positive
        if not metadata:
            metadata, positive = write_films(folder / "films", arguments.films, side=640), "COVID-19"
        films, columns = compare(metadata, positive, folder, runs=arguments.runs)
        record(
            f"`cxr prepare`, {films:,} films",
            data=f"{metadata.parent.name}" if arguments.metadata else "phantoms of 640 px, JPEG and PNG",
            target="not slower",
            columns=columns,
        )
        if not arguments.rows:
            return
        if arguments.films_for_all_rows:
            metadata = write_films(folder / "small", arguments.rows, side=64)
        else:
            metadata = write_long(folder / "long.csv", metadata, arguments.rows)
        films, columns = compare(metadata, positive, folder, runs=arguments.runs)
        record(
            f"`cxr prepare`, {arguments.rows:,} rows of metadata",
            data=f"{films:,} of them with a film" + " of 64 px" * arguments.films_for_all_rows,
            target="under 15 s",
            columns=columns,
        )


def compare(metadata: Path, positive: str, folder: Path, *, runs: int) -> tuple[int, dict[str, str]]:
    """Return the number of films that both keep, and the columns of the row."""
    output = folder / "output"
    measured = run_in_turn(
        {
            "cxr": cxr("prepare", "--metadata", metadata, "--positive", positive, "--json", "-w", output / "cxr"),
            "peer": peer("pandas_prepare.py", "--metadata", metadata, "--positive", positive, output / "peer"),
        },
        runs=runs,
        before=lambda name: shutil.rmtree(output / name, ignore_errors=True),
    )
    films = json.loads(measured["cxr"].output)["funnel"][-1]["left"]
    theirs = int(measured["peer"].output.split()[0])
    assert films == theirs, f"cxr keeps {films} films, the peer {theirs}"
    return films, figures(measured["cxr"], measured["peer"])


def write_films(folder: Path, films: int, *, side: int) -> Path:
    """Write films that all differ, two per patient, half JPEG and half PNG. Returns the path of their metadata."""
    (folder / "images").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        names = [name for some in pool.map(partial(_write_some, folder, films, side), range(_DRAWN)) for name in some]
    return _write_rows(folder / "metadata.csv", (_row(number, name) for number, name in enumerate(sorted(names))))


def _write_some(folder: Path, films: int, side: int, seed: int) -> Iterable[str]:
    wide = side + _MARGIN
    phantom = render(positive=True, seed=seed, size=(max(wide, 320), max(wide, 320))).film
    drawn = Image.fromarray(phantom).resize((wide, wide))
    names = []
    for number in range(seed, films, _DRAWN):
        x, y = divmod(number // _DRAWN, _MARGIN)
        film = drawn.crop((x % _MARGIN, y, x % _MARGIN + side, y + side))
        if side < 100:  # films this small might be equal after a shift by a pixel
            film = Image.fromarray(
                np.asarray(film) ^ np.random.default_rng(number).integers(0, 8, (side, side), np.uint8)
            )
        names.append(f"{number:07d}.{('jpg', 'png')[number // _DRAWN % 2]}")
        film.save(folder / "images" / names[-1], quality=90)
    return names


def write_long(path: Path, metadata: Path, rows: int) -> Path:
    """Write a metadata file of `rows` rows: those of `metadata`, which have a film, among others that have none."""
    with metadata.open(encoding="utf-8-sig", newline="") as stream:
        known = list(csv.DictReader(stream))
    every = max(1, rows // len(known))

    def long() -> Iterator[Row]:
        for number in range(rows):
            row = known[number // every % len(known)]
            if number % every or number // every >= len(known):
                yield row | {"filename": f"absent{number:07d}.jpg", "patientid": f"absent{number // 2}"}
            else:
                yield row | {"folder": str((metadata.parent / row["folder"]).resolve())}

    return _write_rows(path, long())


def _row(number: int, name: str) -> Row:
    return {
        "patientid": str(number // 2),
        "sex": "FM"[number % 2],
        "age": str(20 + number % 70),
        "finding": ("COVID-19", "Pneumonia/Bacterial", "No Finding", "Pneumonia/Viral/COVID-19")[number // 2 % 4],
        "view": ("PA", "AP", "AP Supine")[number % 3],
        "modality": "X-ray",
        "folder": "images",
        "filename": name,
    }


def _write_rows(path: Path, rows: Iterable[Row]) -> Path:
    rows = iter(rows)
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)
    return path


if __name__ == "__main__":
    main()
