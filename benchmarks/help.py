"""Time `cxr --help` in a fresh process: python benchmarks/help.py [--runs 11]."""
# ruff: noqa: D103

import argparse

from harness import cxr, figures, record, run_in_turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11, help="timed runs (default: %(default)s)")
    options = parser.parse_args()

    measured = run_in_turn({"cxr": cxr("--help")}, runs=options.runs)
    record("`cxr --help`", data="", target="under 0.25 s", columns=figures(measured["cxr"]))


if __name__ == "__main__":
    main()
