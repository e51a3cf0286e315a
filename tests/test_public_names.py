"""One name for one idea: no public function or class is defined in two modules, except deliberately."""

import ast
from collections import defaultdict
from pathlib import Path

import cxr_cli
from cxr_cli.errors import COMMANDS

SOURCES = Path(cxr_cli.__file__).parent
# The API's `read_manifest` gives a list with `to_pandas`; `console.note` prints what `progress.note` is told.
DELIBERATE = {"note", "read_manifest"}


def public_names():
    """Each public function and class of the package, with the modules that define it."""
    modules = defaultdict(set)
    for path in SOURCES.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(path.relative_to(SOURCES).as_posix())
    return modules


def test_no_public_name_is_defined_in_two_modules():
    shared = {name: sorted(modules) for name, modules in public_names().items() if len(modules) > 1}

    # A command, its function in the Python API, and what does the work share the name of the command.
    assert {name: modules for name, modules in shared.items() if name not in {*COMMANDS, *DELIBERATE}} == {}
    assert shared.keys() >= DELIBERATE
