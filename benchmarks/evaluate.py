"""Time `cxr evaluate`, `cxr compare` and `cxr report` of trained runs. No script writes the same, so there is no peer.

    python benchmarks/evaluate.py --workspace WORKSPACE --model RUN [RUN ...] [--runs 3]

The audits that a report includes, and the evaluations that a comparison needs, are made outside the timing.
"""

import argparse
from pathlib import Path

from harness import cxr, figures, record, run_in_turn

from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


def main() -> None:
    """Measure, and append the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--model", nargs="+", required=True, help="names of trained runs")
    parser.add_argument("--runs", type=int, default=3, help="timed runs of each (default: %(default)s)")
    options = parser.parse_args()
    workspace, names = Workspace(options.workspace), options.model
    commands = {
        "evaluate": cxr("evaluate", names[0], "-w", options.workspace),
        "compare": cxr("compare", *names, "-w", options.workspace),
        "report": cxr("report", names[0], "-w", options.workspace),
    }
    measured = run_in_turn(commands, runs=options.runs)
    tested = read_record(workspace.evaluation(names[0], "test").record, EvaluationRecord)
    for name, figure in measured.items():
        runs = f", {len(names)} runs" if name == "compare" else ""
        record(
            f"`cxr {name}`, {tested.films} films{runs}",
            data="test part of a prepared dataset",
            target="under 3 s",
            columns=figures(figure),
        )


if __name__ == "__main__":
    main()
