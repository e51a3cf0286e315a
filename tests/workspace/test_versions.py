"""A record's fields, the metrics it holds and the columns of the tables beside it belong to its version."""

import importlib
import json
import os
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import cxr_cli
from cxr_cli.errors import WorkspaceError
from cxr_cli.metrics.table import METRICS, metrics_in
from cxr_cli.workspace.records import Record, RecordPart, read_record
from cxr_cli.workspace.tables import CsvTable

SOURCES = Path(cxr_cli.__file__).parent
SNAPSHOT = Path(__file__).parents[1] / "golden" / "versions.json"
WRITE = "CXR_WRITE_GOLDEN=1 python -m pytest -n0 tests/workspace/test_versions.py"
# RunRecord holds the validation metrics too, but nothing looks one up by name there except right after training.
HOLD_METRICS = ("EvaluationRecord", "CrossvalRecord")
# The record that is written with a table, and made again with it.
WRITTEN_WITH = {
    "EvaluatedFilm": "EvaluationRecord",
    "CrossValidatedFilm": "CrossvalRecord",
    "FilmPrediction": "RunRecord",
    "EpochRow": "RunRecord",
    "LungEpochRow": "LungRunRecord",
    "LungScoreRow": "LungRunRecord",
    "SeenFilm": "RunRecord",
    "Film": "DatasetRecord",
    "DuplicateRow": "DatasetRecord",
    "Exclusion": "DatasetRecord",
    "FramedRow": "DatasetRecord",
    "PredictionRow": "PredictionsRecord",
}


def modules_with(text: str) -> list[Any]:
    """The modules whose source has `text`."""
    paths = [path for path in sorted(SOURCES.rglob("*.py")) if text in path.read_text(encoding="utf-8")]
    names = [".".join(("cxr_cli", *path.relative_to(SOURCES).with_suffix("").parts)) for path in paths]
    return [importlib.import_module(name) for name in names]


def kinds_of_record() -> dict[str, type[Record]]:
    kinds = [value for module in modules_with("(Record,") for value in vars(module).values()]
    return {
        kind.__name__: kind
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
    }


def tables() -> dict[str, CsvTable[Any]]:
    values = [value for module in modules_with("CsvTable(") for value in vars(module).values()]
    found = [value for value in values if isinstance(value, CsvTable)]
    return {table.row.__name__: table for table in found if not table.row.__name__.startswith("_")}


def field_names(kind: type[RecordPart]) -> list[str]:
    """The names of all fields, those of nested parts with the path to them."""
    names = []
    for field in msgspec.structs.fields(kind):
        names.append(field.name)
        for part in parts_in(field.type):
            names += [f"{field.name}.{name}" for name in field_names(part)]
    return names


def parts_in(annotation: Any) -> list[type[RecordPart]]:
    if isinstance(annotation, type) and issubclass(annotation, RecordPart):
        return [annotation]
    return [part for argument in get_args(annotation) for part in parts_in(argument)]


def as_it_is() -> dict[str, dict[str, Any]]:
    kinds, entries = kinds_of_record(), {}
    for name, kind in kinds.items():
        entries[name] = {"version": kind.VERSION, "fields": field_names(kind)}
        if name in HOLD_METRICS:
            entries[name]["metrics"] = list(METRICS)
            entries[name]["metrics of subgroups"] = [metric.name for metric in metrics_in("subgroups")]
            entries[name]["metrics of gaps"] = [metric.name for metric in metrics_in("external")]
    for name, table in tables().items():
        assert name in WRITTEN_WITH, f"Say in WRITTEN_WITH which record is written with the table of {name}."
        entries[name] = {"version": kinds[WRITTEN_WITH[name]].VERSION, "columns": table.columns}
    return entries


def check(name: str, before: dict[str, Any] | None, now: dict[str, Any] | None) -> None:
    """Fail where something of a version changed and the version did not."""
    if before is None or now is None or before == now:
        return
    changed = [key for key in now if key != "version" and before.get(key) != now[key]]
    if changed and before["version"] == now["version"]:
        owner = WRITTEN_WITH.get(name) or name
        pytest.fail(
            f"The {' and '.join(changed)} of {name} changed, and {owner}.VERSION is still {now['version']}: files that "
            f"were written before would be read as if they had them. Raise {owner}.VERSION by one, make sure that "
            f"older files are made again or refused in words, then write the snapshot: {WRITE}"
        )


@pytest.fixture(scope="module")
def snapshot() -> dict[str, dict[str, Any]]:
    before: dict[str, dict[str, Any]] = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.is_file() else {}
    if os.environ.get("CXR_WRITE_GOLDEN"):
        now = as_it_is()
        for name in before.keys() & now.keys():
            check(name, before[name], now[name])
        SNAPSHOT.write_text(json.dumps(now, indent=2) + "\n")
        return now
    return before


def test_what_belongs_to_a_version_changes_with_it(snapshot):
    now = as_it_is()

    for name in snapshot.keys() & now.keys():
        check(name, snapshot[name], now[name])
    assert now == snapshot, f"Write the snapshot of versions: {WRITE}"


@pytest.mark.parametrize(
    ("name", "key"), [("EvaluationRecord", "metrics"), ("CrossvalRecord", "fields"), ("EvaluatedFilm", "columns")]
)
def test_a_change_without_a_new_version_says_what_to_do(name, key):
    now = as_it_is()[name]
    before = now | {key: now[key][1:]}
    owner = WRITTEN_WITH.get(name, name)

    with pytest.raises(pytest.fail.Exception, match=re.escape(f"Raise {owner}.VERSION by one")):
        check(name, before, now)
    check(name, before | {"version": now["version"] - 1}, now)


@pytest.mark.parametrize("kind", kinds_of_record().values(), ids=lambda kind: kind.__name__)
def test_a_record_of_a_version_that_is_too_old_is_refused_in_words(tmp_path, kind):
    path = tmp_path / "record.json"
    path.write_text(json.dumps({"schema_version": (kind.OLDEST or kind.VERSION) - 1, "metrics": {}}))

    with pytest.raises(WorkspaceError) as caught:
        read_record(path, kind)

    assert caught.value.message == (
        f"Expected version {kind.VERSION} of the record {path}. Received: version {(kind.OLDEST or kind.VERSION) - 1}."
    )
    assert caught.value.hint == f"Make it again: {kind.MADE_BY}"


@pytest.mark.parametrize("name", tables())
def test_a_table_with_other_columns_is_refused_in_words(tmp_path, name):
    table = tables()[name]
    path = tmp_path / "table.csv"
    path.write_text("image,answer\na.png,covid\n")

    with pytest.raises(WorkspaceError) as caught:
        table.read(path)

    assert caught.value.message == (
        f"Expected the columns {', '.join(table.columns)} in {path}. Received: image, answer."
    )
    assert caught.value.hint == f"Make it again: {table.made_by}"
