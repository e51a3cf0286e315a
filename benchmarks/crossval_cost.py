"""Compare five folds of `cxr crossval` with one `cxr train`: same films, recipe and seed, without a cache.

    python benchmarks/crossval_cost.py --metadata metadata.csv --weights mobilenetv2_1.0_notop.weights.h5 --freeze 1

The frozen layers see each film once in all folds together, so the target is the time of two runs, and what the folds
spend on the layers above them and on their exports.
"""
# ruff: noqa: D103

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from statistics import median

from harness import cxr, figures, record, run, run_in_turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, required=True, help="metadata of real films")
    parser.add_argument("--weights", type=Path, required=True, help="file of pretrained weights")
    parser.add_argument("--arch", default="mobilenetv2", help="architecture (default: %(default)s)")
    parser.add_argument("--freeze", type=float, default=2 / 3, help="share of frozen layers (default: 2/3)")
    parser.add_argument("--runs", type=int, default=3, help="number of pairs of runs (default: %(default)s)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        run(cxr("prepare", "--metadata", options.metadata, "-w", workspace))
        shared = ["--arch", options.arch, "--weights", options.weights, "--freeze", options.freeze, "--class-weight"]
        shared += ["-w", workspace, "--json"]

        def forget(name: str) -> None:
            for kept in ("cache", "crossval", "models"):
                shutil.rmtree(workspace / kept, ignore_errors=True)

        commands = {"folds": cxr("crossval", "--folds", 5, *shared), "one": cxr("train", *shared)}
        measured = run_in_turn(commands, runs=options.runs, warmup=0, before=forget)
    films = sum(json.loads(measured["folds"].output)["confusion_matrix"].values())
    times = median(a / b for a, b in zip(measured["folds"].seconds, measured["one"].seconds, strict=True))
    record(
        f"`cxr crossval` {options.arch}, {options.freeze:.0%} frozen, 5 folds, against one `cxr train`",
        data=f"covid-chestxray, {films} films",
        target="at most 2 runs and the folds' own upper layers",
        columns=figures(measured["folds"], measured["one"])
        | {"notes": f"five folds take {times:.1f} times as long as one run; the peer is one run"},
    )


if __name__ == "__main__":
    main()
