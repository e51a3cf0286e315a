"""Compare `cxr gradcam` of one film, in a fresh process, with a plain Keras script that uses GradientTape.

    python benchmarks/gradcam_one.py [--workspace DIR --model RUN] [--film FILE] [--runs 5]

Without a workspace, a MobileNetV2 is first trained on phantoms for one epoch. Both explain the same run, the peer from
its model.keras, and both write an image. The largest difference between their maps is measured once, outside the
timing.
"""
# ruff: noqa: D103

import argparse
import tempfile
from pathlib import Path

import numpy as np
from harness import cxr, figures, peer, record, run, run_in_turn
from material import SAMPLE, add_run_options, trained_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--film", type=Path, default=SAMPLE, help="film to explain (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: %(default)s)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="cxr-gradcam-one-") as name:
        folder = Path(name)
        trained = trained_run(options, folder)
        ours = cxr("gradcam", options.film, "-m", trained.name, "-w", trained.root.parents[1])
        theirs = peer("keras_gradcam.py", trained.keras_model, options.film, folder / "peer.png")
        measured = run_in_turn({"cxr": [*ours, "-o", str(folder / "cxr.png")], "peer": theirs}, runs=options.runs)
        run([*ours, "--raw", "-o", str(folder / "cxr.npy")])
        run([*theirs, str(folder / "peer.npy")])
        heat = np.maximum(np.load(folder / "cxr.npy"), 0)
        difference = np.abs(heat / heat.max() - np.load(folder / "peer.npy")).max() if heat.any() else np.nan
    record(
        f"`cxr gradcam`, one film, {trained.name}",
        data=options.film.name,
        target="15 ×, under 0.7 s",
        columns=figures(measured["cxr"], measured["peer"])
        | {"notes": f"maps from 0 to 1 differ by at most {difference:.0e}"},
    )


if __name__ == "__main__":
    main()
