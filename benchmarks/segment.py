"""Compare fuzzy C-means of a film, as in `cxr segment`, with scikit-fuzzy on all pixels.

    python benchmarks/segment.py [--film FILE] [--side 1024] [--runs 3]

Two rows: the clustering alone, timed within each process after its imports; and the whole processes. There `cxr` also
finds the lungs and writes a mask, an overlay and a table, while the peer only reads and clusters the film.
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
    parser.add_argument("--film", type=Path, default=SAMPLE, help="film to cluster (default: %(default)s)")
    parser.add_argument("--side", type=int, default=1024, help="side in pixels to scale to (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each (default: %(default)s)")
    parser.add_argument("--cluster", action="store_true", help=argparse.SUPPRESS)  # runs in its own process
    options = parser.parse_args()
    if options.cluster:
        cluster(options.film)
        return

    with tempfile.TemporaryDirectory(prefix="cxr-segment-") as temporary:
        folder = Path(temporary)
        film, peer_memberships = folder / "film.png", folder / "peer.npy"
        Image.fromarray(read_film(options.film)).resize((options.side, options.side)).save(film)
        commands = {
            "cxr, clustering": [sys.executable, __file__, "--cluster", "--film", str(film)],
            "peer": peer("skfuzzy_segment.py", film, peer_memberships),
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
        ours_by_pixel = memberships(read_film(film))[:, read_film(film).ravel()]
        difference = np.abs(ours_by_pixel - np.load(peer_memberships)).max()

    data = f"{options.film.name}, {options.side:,}²"
    ours, theirs = within["cxr, clustering"], within["peer"]
    record(
        "fuzzy C-means of a film, the clustering alone",
        data=data,
        target="100 ×, memberships within 1e-3",
        columns=figures(ours, theirs)
        | {"cxr": f"{1000 * median(ours.seconds):.1f} ms", "notes": f"memberships differ by at most {difference:.0e}"},
    )
    record(
        "`cxr segment`, one film, fcm",
        data=data,
        target="",
        columns=figures(processes["cxr segment"], processes["peer"])
        | {"notes": "the peer only clusters; cxr also finds the lungs and writes a mask and an overlay"},
    )


def cluster(film: Path) -> None:
    """Print the seconds that our clustering of a film takes, without the imports."""
    memberships(np.arange(256, dtype=np.uint8)[None])  # imports scikit-fuzzy
    pixels = read_film(film)
    started = time.perf_counter()
    memberships(pixels)
    print(time.perf_counter() - started)


def add(measured: Measured, seconds: float, memory: float) -> None:
    """Add the measurements of a run."""
    measured.seconds.append(seconds)
    measured.memory.append(memory)


if __name__ == "__main__":
    main()
