"""Peak memory of `cxr predict FOLDER --csv` for 100 and for 10,000 films: it must not grow with their number.

    python benchmarks/batch_memory.py [--films 100 10000]

The films are hard links to ten small phantoms, and one in a hundred is damaged. What grows is the list of names.
"""
# ruff: noqa: D103, T201

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from cxr_cli.rendering.render import render


def make_films(folder: Path, count: int) -> None:
    originals = folder.parent / "originals"
    originals.mkdir(exist_ok=True)
    for number in range(10):
        drawn = render(positive=bool(number % 2), seed=number, size=(256, 256)).film
        Image.fromarray(drawn).save(originals / f"{number}.png")
    (originals / "damaged.png").write_bytes((originals / "0.png").read_bytes()[:5000])
    folder.mkdir()
    for number in range(count):
        name = "damaged" if number % 100 == 99 else str(number % 10)
        (folder / f"film{number:06}.png").hardlink_to(originals / f"{name}.png")


def peak(folder: Path, table: Path) -> tuple[float, float]:
    """Megabytes at most, and seconds."""
    started = time.monotonic()
    command = [sys.executable, "-m", "cxr_cli", "predict", folder, "--csv", table, "--model", "bundled"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 4, "one film in a hundred is damaged"
    return used.ru_maxrss / 1000, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=[100, 10_000])
    for count in parser.parse_args().films:
        with tempfile.TemporaryDirectory() as root:
            folder, table = Path(root) / "films", Path(root) / "predictions.csv"
            make_films(folder, count)
            megabytes, seconds = peak(folder, table)
            with table.open(newline="") as stream:
                rows = list(csv.DictReader(stream))
        errors = sum(bool(row["error"]) for row in rows)
        print(
            f"{count} films: {megabytes:.0f} MB at most, {len(rows)} rows, {errors} errors, {seconds:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
