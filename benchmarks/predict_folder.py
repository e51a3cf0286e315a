"""Compare `cxr predict` of a folder with a plain Keras script that uses tf.data in batches of 32.

    python benchmarks/predict_folder.py [--films 1000] [--size 640] [--format jpg] [--source DIR] [--memory]
        [--workspace DIR --model RUN] [--runs 3]

Without a source, the films are rendered phantoms; films of a source are scaled to the size. Without a workspace, a
MobileNetV2 is first trained on phantoms for one epoch. Both predict with the same run, the peer from its model.keras,
and write a CSV file. --memory instead measures the memory that `cxr` needs for that many films and for ten times as
many.
"""
# ruff: noqa: D103, T201

import argparse
import csv
import tempfile
from pathlib import Path
from statistics import median

from harness import cxr, figures, peer, record, run, run_in_turn
from material import add_run_options, differences, trained_run, write_films


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--films", type=int, default=1000, help="number of films (default: %(default)s)")
    parser.add_argument("--size", type=int, default=640, help="longer side in pixels (default: %(default)s)")
    parser.add_argument("--format", choices=["jpg", "png"], default="jpg", help="file format (default: %(default)s)")
    parser.add_argument("--source", type=Path, help="folder of real films (default: render phantoms)")
    parser.add_argument("--memory", action="store_true", help="measure the peak memory of cxr instead")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each (default: %(default)s)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="cxr-predict-folder-") as folder:
        compare_memory(options, Path(folder)) if options.memory else compare(options, Path(folder))


def compare(options: argparse.Namespace, folder: Path) -> None:
    """Measure both, and append the row."""
    trained = trained_run(options, folder)
    films = _films(options, folder, options.films)
    ours, theirs = folder / "cxr.csv", folder / "peer.csv"
    measured = run_in_turn(
        {
            "cxr": cxr("predict", films, "--csv", ours, "--replace", "-m", trained.name, "-w", trained.root.parents[1]),
            "peer": peer("keras_predict_folder.py", trained.keras_model, films, theirs),
        },
        runs=options.runs,
    )
    a, b = _probabilities(ours), _probabilities(theirs)
    assert a.keys() == b.keys(), f"cxr predicted {len(a)} films, the peer {len(b)}"
    large = options.size >= 2000
    record(
        f"`cxr predict DIR`, {options.films:,} films of {options.size:,} px, {trained.name}",
        data=_kind(options),
        target="4 ×" if large else "4 ×, over 100 films per second",
        columns=figures(measured["cxr"], measured["peer"])
        | {
            "notes": f"{options.films / median(measured['cxr'].seconds):.0f} films per second, the peer "
            f"{options.films / median(measured['peer'].seconds):.0f}; "
            + differences(list(a.values()), [b[name] for name in a])
        },
    )


def compare_memory(options: argparse.Namespace, folder: Path) -> None:
    """Measure the peak memory of `cxr` alone, and append the row."""
    trained = trained_run(options, folder)
    peaks = {}
    for count in (options.films, 10 * options.films):
        films = _films(options, folder, count)
        table = folder / "cxr.csv"
        seconds, peaks[count], _ = run(
            cxr("predict", films, "--csv", table, "--replace", "-m", trained.name, "-w", trained.root.parents[1])
        )
        assert len(_probabilities(table)) == count
        print(f"{count} films: {seconds:.1f} s, {peaks[count]:.0f} MiB", flush=True)
    record(
        f"memory of `cxr predict DIR`, {trained.name}",
        data=f"{_kind(options)} of {options.size} px",
        target="flat",
        columns={"notes": "; ".join(f"{count:,} films: {peak:.0f} MiB" for count, peak in peaks.items()), "runs": "1"},
    )


def _films(options: argparse.Namespace, folder: Path, count: int) -> Path:
    return write_films(folder / f"films{count}", count, side=options.size, kind=options.format, source=options.source)


def _kind(options: argparse.Namespace) -> str:
    origin = f"films of {options.source.resolve().parent.name}" if options.source else "phantoms"
    return f"{origin}, {options.format.upper()}"


def _probabilities(table: Path) -> dict[str, float]:
    """Return the probabilities of the positive class before calibration, by file name."""
    with table.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    column = header.index("raw_probability" if "raw_probability" in header else "probability")  # the peer has one
    return {Path(row[0]).name: float(row[column]) for row in rows}


if __name__ == "__main__":
    main()
