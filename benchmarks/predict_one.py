"""Compare `cxr predict` of one film, in a fresh process, with a plain Keras script.

    python benchmarks/predict_one.py [--workspace DIR --model RUN] [--film FILE] [--runs 5]

Without a workspace, a MobileNetV2 is first trained on phantoms for one epoch. Both predict with the same run, the peer
from its model.keras.
"""
# ruff: noqa: D103

import argparse
import json
import tempfile
from pathlib import Path

from harness import cxr, figures, peer, record, run_in_turn
from material import SAMPLE, add_run_options, differences, trained_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--film", type=Path, default=SAMPLE, help="film to predict (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: %(default)s)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="cxr-predict-one-") as folder:
        run = trained_run(options, Path(folder))
        measured = run_in_turn(
            {
                "cxr": cxr("predict", options.film, "--json", "-m", run.name, "-w", run.root.parents[1]),
                "peer": peer("keras_predict.py", run.keras_model, options.film),
            },
            runs=options.runs,
        )
    (prediction,) = json.loads(measured["cxr"].output)
    ours = prediction["raw_probability"]  # the peer does not calibrate
    record(
        f"`cxr predict`, one film, {run.name}",
        data=options.film.name,
        target="20 ×, under 0.45 s and 160 MB",
        columns=figures(measured["cxr"], measured["peer"])
        | {"notes": differences([ours], [float(measured["peer"].output.split()[-1])])},
    )


if __name__ == "__main__":
    main()
