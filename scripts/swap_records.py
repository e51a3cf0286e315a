"""Damage, empty and swap every record and table of a workspace, one at a time, and let the commands read it.

    python scripts/swap_records.py [--workspace ARCHIVE] [--only cnn/run.json] [--quick] [--damages 100]

The workspace is of version 0.1.0, whose runs don't record the hashes of their files: what reads a file meets the
damage. A command may give its result or a `CxrError`; any other exception is a finding. No command loads TensorFlow.
The counts of a quick run are in docs/explanation/reliability.md; a full one, of all commands, takes hours.
"""
# ruff: noqa: D103, T201

import argparse
import contextlib
import csv
import io
import json
import os
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cxr_cli as cxr
from cxr_cli.errors import CxrError

WORKSPACE = Path(__file__).parents[1] / "tests" / "workspaces" / "0.1.0.zip"
FILM = "workspace/dataset/split/test/covid/covid_2.png"
COMMANDS: dict[str, Callable[[], object]] = {
    "predict": lambda: cxr.predict(FILM, model="cnn", alpha=0.2, force=True),
    "predict with trees": lambda: cxr.predict(FILM, model="trees", force=True),
    "evaluate": lambda: cxr.evaluate(model="cnn"),
    "calibrate": lambda: cxr.calibrate(model="cnn"),
    "compare": cxr.compare,
    "gradcam": lambda: cxr.gradcam(FILM, model="trees", output="heat.png", force=True),
    "report": lambda: cxr.report("cnn"),
    "audit": cxr.audit,
    "read_manifest": cxr.read_manifest,
    "segment": lambda: cxr.segment(FILM, run="lungs"),
}
# What a quick run asks about a file, by the end of its path; the commands of a full run are all.
QUICK = {
    "models/cnn/run.json": ["predict", "calibrate"],
    "models/trees/run.json": ["predict with trees"],
    "models/cnn/class_indices.json": ["predict"],
    "models/trees/reference.npz": ["predict with trees"],
    "models/trees/xgboost.json": ["predict with trees"],
    "models/cnn/validation.csv": ["predict", "calibrate"],
    "models/cnn/seen.csv": ["predict"],
    "models/lungs/lungs.json": ["segment"],
    "dataset/dataset.json": ["read_manifest", "predict"],
    "dataset/manifest.csv": ["read_manifest"],
    "evaluations/cnn/test/report.json": ["report"],
    "evaluations/cnn/test/predictions.csv": ["report"],
    "folds/crossval.json": ["report"],
    "grades.json": ["report"],
    "audit/audit.json": ["report"],
    "audit/cnn/audit.json": ["report"],
}


Made = Callable[[], bytes | None]  # a damaged content; None where the file is removed


def damages(data: bytes, suffix: str, others: dict[str, bytes]) -> Iterator[tuple[str, Made]]:
    """Each way to damage a file: a name, and what makes its new content."""
    whole: dict[str, bytes | None] = {
        "missing": None,
        "empty": b"",
        "half": data[: len(data) // 2],
        "one byte less": data[:-1],
        "noise": random.Random(len(data)).randbytes(500),
        "another encoding": data.decode("latin-1").encode("utf-16"),
        **{f"in place of it {name}": content for name, content in others.items()},
    }
    for name, content in whole.items():
        yield name, partial(_same, content)
    yield from {".json": _json_damages, ".csv": _csv_damages}.get(suffix, _bit_flips)(data)


def _same(content: bytes | None) -> bytes | None:
    return content


def _bit_flips(data: bytes) -> Iterator[tuple[str, Made]]:
    for place in range(0, len(data), max(1, len(data) // 24)):
        flipped = data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
        yield f"bit {place}", partial(_same, flipped)


WRONG: tuple[Any, ...] = (None, True, -1, 10**30, 0.5, -1e308, "", "x", "\x1b[31m", [], {}, [[]], {"x": None})


def _json_damages(data: bytes) -> Iterator[tuple[str, Made]]:
    value = json.loads(data)
    for name, text in {
        "a list": "[]",
        "null": "null",
        "a number": "7",
        "no fields": "{}",
        "lists without end": "[" * 200_000,
        "objects without end": '{"a":' * 200_000,
        "fields without end in it": data.decode().rstrip()[:-1] + ', "more": ' + "[" * 100_000,
        "not a number": data.decode().replace(": 0.", ": NaN, 0."),
        "a huge number": data.decode().replace(": 0.", ": 1e999, 0."),
        "a field twice": data.decode().replace("{", '{"schema_version": 1, "class_indices": {"a": 1},', 1),
        "one field more": data.decode().replace("{", '{"unheard_of": 1,', 1),
    }.items():
        yield name, partial(_same, text.encode())
    for path in _paths(value):
        for wrong in WRONG:
            yield f"{'.'.join(map(str, path))} = {str(wrong)[:12]!r}", partial(_with, value, path, wrong)
        yield f"without {'.'.join(map(str, path))}", partial(_with, value, path, _ABSENT)


_ABSENT = object()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of a JSON value: all keys, and of a list the first item."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, part in items:
        yield from _paths(part, (*path, key))


def _with(value: Any, path: tuple[Any, ...], new: Any) -> bytes:
    copy = json.loads(json.dumps(value))
    *before, last = path
    here = copy
    for key in before:
        here = here[key]
    if new is _ABSENT:
        del here[last]
    else:
        here[last] = new
    return json.dumps(copy).encode()


CELLS = ("", "x", "-1", "1e999", "nan", "9" * 400, "\x1b[31m", "=1+1", "../../etc/passwd", "\x00", "f" * 64, "f" * 17)


def _csv_damages(data: bytes) -> Iterator[tuple[str, Made]]:
    header, *rows = list(csv.reader(io.StringIO(data.decode())))
    if not rows:
        return
    yield "no rows", partial(_csv, [header])
    yield "rows twice", partial(_csv, [header, *rows, *rows])
    yield "one row", partial(_csv, [header, rows[0]])
    yield "columns in another order", partial(_csv, [row[::-1] for row in (header, *rows)])
    yield "a column less", partial(_csv, [row[:-1] for row in (header, *rows)])
    yield "a cell more", partial(_csv, [header, [*rows[0], "x"], *rows[1:]])
    yield "an open quote", partial(_same, data + b'"')
    yield "a cell of 200 kB", partial(_csv, [header, ["x" * 200_000, *rows[0][1:]], *rows[1:]])
    for place, column in enumerate(header):
        for cell in CELLS:
            changed = [*rows[0][:place], cell, *rows[0][place + 1 :]]
            yield f"{column} = {cell[:12]!r}", partial(_csv, [header, changed, *rows[1:]])
        yield f"{column} all x", partial(_csv, [header, *([*row[:place], "x", *row[place + 1 :]] for row in rows)])


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def unpack(archive: Path, folder: Path) -> None:
    """Make `workspace` in `folder`, with the hashes that a run of today has in its record."""
    with zipfile.ZipFile(archive) as stored:
        stored.extractall(folder / "workspace")


def swap(archive: Path, *, only: str = "", quick: bool = False, most: int | None = None) -> Counter[str]:
    """Try all damages in the current folder, print what ended in another exception, and count the outcomes."""
    unpack(archive, Path())
    root = Path("workspace")
    files = [path for path in sorted(root.rglob("*")) if path.suffix in {".json", ".csv", ".npz", ".npy"}]
    counts: Counter[str] = Counter()
    for path in files:
        asked = next((commands for end, commands in QUICK.items() if path.as_posix().endswith(end)), [])
        commands = asked if quick else list(COMMANDS)
        if only not in path.as_posix() or not commands:
            continue
        data = path.read_bytes()
        others = {
            other.relative_to(root).as_posix(): other.read_bytes()
            for other in files
            if other != path and other.suffix == path.suffix and (other.name == path.name or not quick)
        }
        tried = list(damages(data, path.suffix, others))
        for name, make in random.Random(1).sample(tried, min(most or len(tried), len(tried))):
            for command in commands:
                outcome = _try(path, make(), command)
                counts[outcome if outcome in ("result", "refused") else "finding"] += 1
                if outcome not in ("result", "refused"):
                    print(f"{path}: {name}: {command}\n{outcome}", flush=True)
            _restore(archive, root)
        print(path, dict(counts), file=sys.stderr)
    return counts


def _try(path: Path, content: bytes | None, command: str) -> str:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            COMMANDS[command]()
    except CxrError as error:
        return "refused" if error.message.startswith("Expected") else f"not in words: {error.message}"
    except Exception:  # noqa: BLE001 - what this script looks for
        return traceback.format_exc()
    return "result"


def _restore(archive: Path, root: Path) -> None:
    """Put back what commands and damages changed, and remove what is new."""
    with zipfile.ZipFile(archive) as stored:
        names = set(stored.namelist())
        for name in names:
            place = root / name
            data = stored.read(name) if not place.is_file() or place.stat().st_mtime > 1 else None
            if data is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
                os.utime(place, (1, 1))
    for path in root.rglob("*"):
        if path.is_file() and path.relative_to(root).as_posix() not in names:
            path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=WORKSPACE)
    parser.add_argument("--only", default="", help="files whose path has this in it")
    parser.add_argument("--quick", action="store_true", help="the commands that read a file first, not all of them")
    parser.add_argument("--damages", type=int, help="of each file, drawn at random; default: all")
    options = parser.parse_args()
    archive, started = options.workspace.resolve(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["CXR_WORKSPACE"] = "workspace"
        counts = swap(archive, only=options.only, quick=options.quick, most=options.damages)
    print(f"{dict(counts)} in {time.monotonic() - started:.0f} s")
    sys.exit(bool(counts["finding"]))


if __name__ == "__main__":
    main()
