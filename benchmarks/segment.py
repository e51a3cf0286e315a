"""Fuzzy C-means of a film as `cxr segment` does it, against scikit-fuzzy on all pixels.

    python benchmarks/segment.py [--film FILE] [--side 1024] [--runs 3]

Two rows: the clustering alone, timed within each process after its imports; and the whole processes, where `cxr` has
the lungs to find, a mask, an overlay and a table to write besides, and the peer reads the film and clusters it.
"""
# ruff: noqa: D103, T201

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from harness import Measured, cxr, figures, peer, record, run
from material import SAMPLE
from PIL import Image

from cxr_cli.films.reader import read_film
from cxr_cli.lungs.gray_levels import memberships


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", type=Path, default=SAMPLE)
    parser.add_argument("--side", type=int, default=1024, help="pixels, that the film is scaled to")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cluster", action="store_true", help=argparse.SUPPRESS)  # in a process of its own
    options = parser.parse_args()
    if options.cluster:
        cluster(options.film)
        return

    with tempfile.TemporaryDirectory(prefix="cxr-segment-") as temporary:
        folder = Path(temporary)
        film, found = folder / "film.png", folder / "peer.npy"
        Image.fromarray(read_film(options.film)).resize((options.side, options.side)).save(film)
        commands = {
            "cxr, clustering": [sys.executable, __file__, "--cluster", "--film", str(film)],
            "peer": peer("skfuzzy_segment.py", film, found),
            "cxr segment": cxr("segment", film, "--method", "fcm", "-o", folder / "lungs"),
        }
        processes, within = {name: Measured() for name in commands}, {name: Measured() for name in commands}
        for number in range(options.runs):
            for name, command in commands.items():
                seconds, memory, output = run(command)
                print(f"{name}, {number + 1}: {seconds:.2f} s, {memory:.0f} MiB", flush=True)
                add(processes[name], seconds, memory)
                if name != "cxr segment":
                    add(within[name], float(output), memory)
        apart = np.abs(memberships(read_film(film))[:, read_film(film).ravel()] - np.load(found)).max()

    data = f"{options.film.name}, {options.side:,}²"
    ours, theirs = within["cxr, clustering"], within["peer"]
    record(
        "fuzzy C-means of a film, the clustering alone",
        data=data,
        asked_for="100 ×, memberships within 1e-3",
        columns=figures(ours, theirs)
        | {"cxr": f"{1000 * median(ours.seconds):.1f} ms", "notes": f"memberships at most {apart:.0e} apart"},
    )
    record(
        "`cxr segment`, one film, fcm",
        data=data,
        asked_for="",
        columns=figures(processes["cxr segment"], processes["peer"])
        | {"notes": "the peer clusters only; cxr finds the lungs and writes mask and overlay too"},
    )


def cluster(film: Path) -> None:
    """Print the seconds of ours: a film of 256 levels, first seen after the imports."""
    memberships(np.arange(256, dtype=np.uint8)[None])  # imports scikit-fuzzy
    pixels = read_film(film)
    started = time.perf_counter()
    memberships(pixels)
    print(time.perf_counter() - started)


def add(measured: Measured, seconds: float, memory: float) -> None:
    """Add a run."""
    measured.seconds.append(seconds)
    measured.memory.append(memory)


if __name__ == "__main__":
    main()
