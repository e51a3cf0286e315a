"""Put a trained run into the package, as the model that predicts where a workspace has no run of its own.

    python scripts/pack_bundled_model.py RUN MODEL --version 1.1 --date 2026-11-30

RUN is the folder of the run, MODEL its LiteRT file in float16, as `cxr export --precision float16` writes it.
Of the run only what answering needs is taken: no names of films, no patients, no paths, no times. The same run gives
the same bytes. `MODEL_CARD.md` in the target is written by hand and stays.
"""
# ruff: noqa: D103, T201

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from cxr_cli.bundled import files
from cxr_cli.dataset.seen import read_seen, write_fingerprints
from cxr_cli.recipe.predictions import VALIDATION, read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.digests import digests_of
from cxr_cli.workspace.files import write_text
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.records import read_record, write_record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--version", required=True)
    parser.add_argument("--date", required=True, help="of this version: year-month-day")
    parser.add_argument("--output", type=Path, default=files.MODEL, help="default: the package's folder")
    options = parser.parse_args()
    pack(RunFolder(options.run), options.model, RunFolder(options.output), version=options.version, date=options.date)
    for path in sorted(options.output.iterdir()):
        print(f"{path.stat().st_size:10,}  {path}")


def pack(run: RunFolder, model: Path, target: RunFolder, *, version: str, date: str) -> None:
    """Write the parts of `run` that ship with the package into the folder of `target`."""
    target.root.mkdir(parents=True, exist_ok=True)
    target.record.unlink(missing_ok=True)  # written last: the model is complete
    shutil.copyfile(model, target.litert_model)
    shutil.copyfile(run.class_indices, target.class_indices)
    reference = run.root / "reference.npz"  # how features of its training films are distributed
    if reference.is_file():
        shutil.copyfile(reference, target.root / reference.name)
    write_fingerprints(target.fingerprints, read_seen(run) or ())
    # Whoever calibrates on these films needs to know which of them are of one patient, but not of which.
    films = read_validation(run, read_record(run.record, RunRecord))
    patients = {group: f"{number}" for number, group in enumerate(dict.fromkeys(film.group for film in films), 1)}
    VALIDATION.write(
        target.validation,
        [replace(film, image=f"{number}", group=patients[film.group]) for number, film in enumerate(films, 1)],
    )
    write_text(target.version_file, f"{version}\n")
    write_record(target.record, _stripped(read_record(run.record, RunRecord), target, date=date))


def _stripped(record: RunRecord, target: RunFolder, *, date: str) -> RunRecord:
    options = dict(record.options, weights=record.weights.get("file", record.options["weights"]))
    stripped = msgspec.structs.replace(
        record,
        created=f"{date}T00:00:00+00:00",
        options=options,
        seconds={},
        profile=None,
        reproduction=None,
        sha256=digests_of(target.read_files),
    )
    if paths := [text for text in _texts(msgspec.to_builtins(stripped)) if Path(text).is_absolute()]:
        raise SystemExit(f"Expected a record without paths of this machine. Received: {', '.join(paths)}.")
    return stripped


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


if __name__ == "__main__":
    main()
