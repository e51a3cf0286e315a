"""Time `cxr audit` of a dataset. There is no peer: no other program checks the same things.

    python benchmarks/audit.py --metadata ../shared/data/covid-chestxray/metadata.csv [--positive COVID-19] [--runs 3]

The dataset is prepared once, outside the timing.
"""

import argparse
import tempfile
from pathlib import Path

from harness import cxr, figures, record, run, run_in_turn

from cxr_cli.auditing.record import AuditRecord
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


def main() -> None:
    """Measure, and append the row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, required=True)
    parser.add_argument("--positive", default="COVID-19", help="positive finding (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="timed runs (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cxr-audit-") as folder:
        run(cxr("prepare", "--metadata", options.metadata, "--positive", options.positive, "-w", folder))
        # An audit that sounds an alarm exits with 3.
        command = ["sh", "-c", '"$@" || test $? = 3', "sh", *cxr("audit", "-w", folder)]
        measured = run_in_turn({"cxr": command}, runs=options.runs)["cxr"]
        audited = read_record(Workspace(Path(folder)).audit.record, AuditRecord)
    record(
        f"`cxr audit`, {sum(audited.films.values())} films",
        data=options.metadata.parent.name,
        target="under 8 s",
        columns=figures(measured) | {"notes": f"{audited.alarms} alarms, {audited.warnings} warnings"},
    )


if __name__ == "__main__":
    main()
