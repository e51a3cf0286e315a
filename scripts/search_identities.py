"""Search for identities where none may be: films have a distinct value in each identifying attribute of DICOM.

`errors` damages the header of a film at random, and searches every error, warning and log line. `commands` prepares a
folder of such films, runs the commands on it, and searches every file that they write and every line that they print.

    python scripts/search_identities.py errors --files 20000
    python scripts/search_identities.py commands
"""
# ruff: noqa: T201

import argparse
import collections
import importlib.util
import io
import logging
import random
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.dataset.headers import read_header
from cxr_cli.errors import ImageError
from cxr_cli.films.reader import read_film
from cxr_cli.rendering.render import write_phantoms

_CONFTEST = Path(__file__).parents[1] / "tests" / "cli" / "conftest.py"
_SIDE = 64
_SMALL = ("--arch", "simple-cnn", "--image-size", "64", "--epochs", "1")
_COMMANDS = (
    ("prepare", "--dicom", "ARCHIVE", "--findings", "FINDINGS"),
    ("audit",),
    ("train", *_SMALL, "--name", "one"),
    ("train", *_SMALL, "--name", "two", "--seed", "1"),
    ("evaluate", "one"),
    ("evaluate", "two"),
    ("calibrate", "one", "--operating-point", "sensitivity=0.9"),
    ("compare", "one", "two"),
    ("audit", "one"),
    ("report", "one"),
    ("export", "one", "--format", "h5"),
    ("crossval", "--folds", "2", *_SMALL),
    ("predict", "WORKSPACE/dataset/split", "--csv", "OUT/predictions.csv", "--json", "--force"),
    ("gradcam", "--split", "test", "--model", "one", "--force"),
    ("segment",),
    ("predict", "FILM", "--csv", "OUT/film.csv", "--json", "--force"),
    ("gradcam", "FILM", "-o", "OUT/heat.png", "--force"),
    ("segment", "FILM", "--output", "OUT/lungs"),
    ("prepare", "--dicom", "ARCHIVE", "--findings", "FINDINGS", "--crop", "lungs", "--json"),
)


def main() -> int:
    """Print what happened, and fail if a value was found or an error is none that a user can fix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["errors", "commands"])
    parser.add_argument("--files", type=int, default=5000, help="of errors: damaged files to read")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location("planting", _CONFTEST)
    assert spec
    assert spec.loader
    planting = importlib.util.module_from_spec(spec)
    sys.modules["planting"] = planting
    spec.loader.exec_module(planting)
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "commands":
            return search_commands(planting.Planted(), Path(folder))
        return search_errors(planting.Planted(), Path(folder), options.files, random.Random(options.seed))


def search_commands(planted: Any, folder: Path) -> int:
    """Run the commands on a folder of films."""
    findings = planted.archive(write_phantoms(folder / "phantoms", films=60), folder / "archive", films=60)
    planted.film(folder / "film.dcm", read_film(folder / "phantoms" / "covid.png"), 99)
    workspace, out = folder / "workspace", folder / "out"
    places = {"ARCHIVE": folder / "archive", "FINDINGS": findings, "FILM": folder / "film.dcm", "OUT": out}
    failed = False
    for words in _COMMANDS:
        line = " ".join(words).replace("WORKSPACE", str(workspace))
        for name, place in places.items():
            line = line.replace(name, str(place))
        done = subprocess.run(
            [sys.executable, "-m", "cxr_cli", *line.split(), "-w", str(workspace)], capture_output=True, check=False
        )
        leaks = planted.found_in(done.stdout + done.stderr)
        failed = failed or bool(leaks or done.returncode not in {0, 3})
        print(f"exit {done.returncode}, {len(leaks)} values printed: cxr {' '.join(words)}", *sorted(leaks), sep="\n  ")
        if done.returncode not in {0, 3}:
            print(done.stderr.decode())
    files = [path for place in (workspace, out) for path in place.rglob("*") if path.is_file()]
    found = {**planted.found_below(workspace), **planted.found_below(out)}
    print(f"{len(planted.values)} values, {len(files)} files written, {len(found)} of them with a value")
    for path, values in found.items():
        print(f"  {path}: {', '.join(sorted(values)[:5])}")
    return int(failed or bool(found))


def search_errors(planted: Any, folder: Path, files: int, chance: random.Random) -> int:
    """Read damaged films."""
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.DEBUG)  # as a program might that uses this package
    warnings.simplefilter("always")
    logging.captureWarnings(True)
    outcomes: collections.Counter[str] = collections.Counter()
    film = folder / "film.dcm"
    planted.film(film, np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE)).astype(np.uint8), 1)
    whole = film.read_bytes()
    for _ in range(files):
        film.write_bytes(damaged(whole, chance))
        header = read_header(film)
        outcomes[f"header: {header.problem or 'read'}"] += 1
        said = ""
        try:
            read_film(film)
            outcomes["film: read"] += 1
        except ImageError as error:
            said = "".join(traceback.format_exception(error))
            outcomes["film: " + error.message.replace(str(film), "FILM").partition(", at ")[0].rstrip(".")] += 1
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
