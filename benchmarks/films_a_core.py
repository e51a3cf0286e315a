"""Measure the time per film on one core of a cluster worker, and project it to an archive of ten million films.

    python benchmarks/films_a_core.py FOLDER -w WORKSPACE [-m RUN]

Times are processor seconds, which depend less on the load of the machine than wall-clock time: the median of five
passes over films in the file cache. Films are read and predicted one at a time in one thread, as a worker does it.
"""
# ruff: noqa: T201 - scripts print

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import harness

from cxr_cli.dataset.reading import read_one
from cxr_cli.films.find import find_films
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.workspace.layout import Workspace

ARCHIVE = 10_000_000
CORES = (1, 32, 100, 1000)


def cost(work: Callable[[Path], object], films: Sequence[Path]) -> float:
    """Return the processor seconds per film."""
    passes = []
    for _ in range(6):
        started = time.process_time()
        for film in films:
            work(film)
        passes.append((time.process_time() - started) / len(films))
    return median(passes[1:])


def main() -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+", help="films, or folders of films")
    parser.add_argument("-w", "--workspace", type=Path, help="workspace with a trained run")
    parser.add_argument("-m", "--model", help="name of the run (default: the latest)")
    options = parser.parse_args()
    films = list(find_films(options.films))
    predictor = open_predictor(Workspace.find(options.workspace).run(options.model), threads=1)
    size = sum(film.stat().st_size for film in films) / len(films)
    print(harness.machine())
    print(f"{len(films)} films, {size / 1e6:.2f} MB each: {ARCHIVE * size / 1e12:.1f} TB for {ARCHIVE:,}")
    for name, work in ((f"predict, {predictor.run.name}", predictor.predict_file), ("prepare", read_one)):
        seconds = cost(work, films)
        print(f"\n{name}: {seconds * 1000:.1f} ms per film, {1 / seconds:.0f} films per second and core")
        for cores in CORES:
            hours = ARCHIVE * seconds / cores / 3600
            print(f"  {cores:5,} cores: {hours:8.2f} h, reading {cores * size / seconds / 1e9:6.2f} GB/s")


if __name__ == "__main__":
    main()
