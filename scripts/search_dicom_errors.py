"""Damage the header of a DICOM film at random, and search every error, warning and log line for values of the header.

Example: python scripts/search_dicom_errors.py --files 20000
"""
# ruff: noqa: T201

import argparse
import collections
import importlib.util
import io
import logging
import random
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np

from cxr_cli.dataset.headers import read_header
from cxr_cli.errors import ImageError
from cxr_cli.films.reader import read_film

_CONFTEST = Path(__file__).parents[1] / "tests" / "cli" / "conftest.py"
_SIDE = 64


def main() -> int:
    """Print the outcomes, and fail if a value was found or an error is none that a user can fix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000, help="damaged files to read")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    spec = importlib.util.spec_from_file_location("planting", _CONFTEST)
    planting = importlib.util.module_from_spec(spec)
    sys.modules["planting"] = planting
    spec.loader.exec_module(planting)
    planted, chance = planting.Planted(), random.Random(options.seed)
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.DEBUG)  # as a program might that uses this package
    warnings.simplefilter("always")
    logging.captureWarnings(True)

    outcomes: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.dcm"
        planted.film(film, np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE)).astype(np.uint8), 1)
        whole = film.read_bytes()
        for _ in range(options.files):
            film.write_bytes(damaged(whole, chance))
            header = read_header(film)
            outcomes[f"header: {header.problem or 'read'}"] += 1
            try:
                read_film(film)
                said = ""
                outcomes["film: read"] += 1
            except ImageError as error:
                said = "".join(traceback.format_exception(error))
                outcomes["film: " + error.message.replace(str(film), "FILM").partition(", at ")[0]] += 1
            except Exception as error:  # noqa: BLE001 - is counted
                said = "".join(traceback.format_exception(error))
                outcomes[f"film: {type(error).__name__}, which no user can fix"] += 1
            if planted.found_in((said + header.problem + log.getvalue()).encode(errors="replace")):
                outcomes["A VALUE OF THE HEADER WAS FOUND"] += 1
            log.seek(0)
            log.truncate()
    for outcome, times in outcomes.most_common():
        print(f"{times:7d}  {outcome}")
    return int(any("FOUND" in outcome or "no user" in outcome for outcome in outcomes))


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """The file with a few other bytes in its header; of every third one, the end is missing."""
    data, header = bytearray(whole), len(whole) - _SIDE**2
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(132, header)] = chance.randrange(256)
    return bytes(data[: chance.randrange(200, len(data))] if chance.random() < 1 / 3 else data)


if __name__ == "__main__":
    sys.exit(main())
