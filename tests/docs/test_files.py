"""docs/reference/files.md lists every file of the workspace, and the columns and fields that the code declares."""

import ast
import importlib
import inspect
import os
import re
import textwrap
import tokenize
from dataclasses import fields
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec

import cxr_cli
from cxr_cli.workspace import folders, layout
from cxr_cli.workspace.records import Record
from cxr_cli.workspace.tables import CsvTable

SOURCES = Path(cxr_cli.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "files.md"
WRITE = "CXR_WRITE_GOLDEN=1 pytest -n0 tests/docs/test_files.py"
HEAD = """# Files that cxr writes

Written by `tests/docs/test_files.py` from the code, so that it is complete. A file that is *written last* says that
everything beside it is complete. [What stays stable](stability.md) says which names may change, and when.

Tables are CSV in UTF-8 with a header; an empty cell is unknown. Records are JSON with a `schema_version`. Probabilities
are between 0 and 1, and are P(positive) unless the column is called `confidence`. A chart is a PNG of 300 dots per
inch, for print; beside it is the same chart as SVG, of the same name, for screens and to edit.

"""


def modules_with(text: str) -> list[Any]:
    """The modules whose source has `text`."""
    paths = [path for path in sorted(SOURCES.rglob("*.py")) if text in path.read_text(encoding="utf-8")]
    names = [".".join(("cxr_cli", *path.relative_to(SOURCES).with_suffix("").parts)) for path in paths]
    return [importlib.import_module(name) for name in names]


def comments(kind: type) -> dict[str, str]:
    """What the code says behind each field of a class."""
    source = textwrap.dedent(inspect.getsource(kind))
    behind = {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    body = ast.parse(source).body[0].body  # type: ignore[attr-defined]
    return {
        line.target.id: behind.get(line.end_lineno or 0, "")
        for line in body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def all_comments(kind: type) -> dict[str, str]:
    """The same, of the class and those that it extends."""
    bases = [base for base in reversed(kind.__mro__) if base.__module__.startswith("cxr_cli")]
    return {name: text for base in bases for name, text in comments(base).items()}


def summary(thing: Any) -> str:
    """The first sentence of a docstring, on one line."""
    text = inspect.getdoc(thing) or ""
    return " ".join(text.split("\n\n")[0].split())


def heading(kind: type) -> str:
    """What a class holds, short enough for a heading."""
    return re.split(r", or the folder|\. |: nothing|\.$", summary(kind))[0]


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [head, ("---", "---"), *((f"`{name}`", text.replace("|", "\\|")) for name, text in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def folder_section(kind: type) -> str:
    """The files of one folder of the workspace."""
    folder, rows = kind(Path("FOLDER")), []
    for name, member in vars(kind).items():
        if isinstance(member, property) and member.fget and inspect.signature(member.fget).return_annotation is Path:
            rows.append((getattr(folder, name).relative_to("FOLDER").as_posix(), summary(member)))
        elif inspect.isfunction(member) and inspect.signature(member).return_annotation is Path and name[0] != "_":
            _, *parameters = inspect.signature(member).parameters.values()
            arguments = [1 if parameter.annotation is int else "NAME" for parameter in parameters]
            rows.append((member(folder, *arguments).relative_to("FOLDER").as_posix(), summary(member)))
    return f"### {heading(kind)}\n\n" + table(("file", "what"), rows) if rows else ""


def record_kinds() -> dict[str, type[Record]]:
    kinds = [value for module in modules_with("(Record,") for value in vars(module).values()]
    found = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record]
    return {kind.__name__: kind for kind in found}


def csv_tables() -> dict[str, CsvTable[Any]]:
    values = [value for module in modules_with("CsvTable(") for value in vars(module).values()]
    found = [value for value in values if isinstance(value, CsvTable)]
    return {table.row.__name__: table for table in found if table.row.__name__[0] != "_"}


def page() -> str:
    kinds = [kind for module in (folders, layout) for kind in vars(module).values() if isinstance(kind, type)]
    text = HEAD + "## The folders\n\n"
    text += "".join(dict.fromkeys(map(folder_section, (kind for kind in kinds if kind.__name__.endswith("Folder")))))
    text += "## The columns of the tables\n\n"
    for each in csv_tables().values():
        said = all_comments(each.row)
        rows = [(field.name.removesuffix("_"), said.get(field.name, "")) for field in fields(each.row)]
        text += f"### {heading(each.row)}\n\nWritten by `{each.made_by}`.\n\n" + table(("column", "what"), rows)
    text += "## The fields of the records\n\n"
    for kind in record_kinds().values():
        said = all_comments(kind)
        rows = [(field.name, said.get(field.name, "")) for field in msgspec.structs.fields(kind)]
        text += f"### {heading(kind)}\n\nVersion {kind.VERSION}, written by `{kind.MADE_BY}`.\n\n"
        text += table(("field", "what"), rows)
    return text.rstrip() + "\n"


def test_the_page_lists_what_the_code_declares():
    if os.environ.get("CXR_WRITE_GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page(), f"If the change is meant: {WRITE}"
