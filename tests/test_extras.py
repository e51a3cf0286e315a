"""Every package that is imported is declared: by the base installation, or by the extra that `extras.py` names."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from cxr_cli.errors import ClusterError, CxrError
from cxr_cli.extras import EXTRA_OF, EXTRAS, require_modules, version_of

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Modules that are not called as the packages that bring them.
PACKAGES = {
    "PIL": "pillow",
    "ai_edge_litert": "ai-edge-litert",
    "dicomweb_client": "dicomweb-client",
    "markupsafe": "jinja2",  # which is built on it
    "skfuzzy": "scikit-fuzzy",
    "sklearn": "scikit-learn",
}


def named(lines):
    return {re.match(r"[a-z0-9-]+", line)[0] for line in lines}


def imported():
    """The modules of other projects that the package imports, at the top or in functions."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"cxr_cli", "_typeshed"}


def test_every_import_is_declared():
    base = named(PROJECT["dependencies"])

    for module in imported():
        package = PACKAGES.get(module, module)
        if module not in EXTRA_OF:
            assert package in base, module
        else:
            assert package not in base, module
            assert package in named(PROJECT["optional-dependencies"][EXTRA_OF[module]]), module


def test_every_module_of_an_extra_is_imported_or_looked_for():
    assert set(EXTRA_OF.values()) == set(EXTRAS)
    assert set(EXTRA_OF) - imported() <= {"dask", "onnx"}  # needed by distributed and tf2onnx


def test_the_base_installation_is_light_and_only_what_trains_brings_tensorflow():
    extras = PROJECT["optional-dependencies"]
    heavy = {"tensorflow", "tensorflow-cpu", "keras", "xgboost"}
    trains = {name for name, lines in extras.items() if heavy & named(lines) or "cxr-cli[train]" in lines}

    assert not heavy & named(PROJECT["dependencies"])
    assert trains == {"train", "train-gpu", "onnx"}
    assert "train," in extras["dev"][0]


def test_one_tensorflow_is_installed_on_each_machine():
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in PROJECT["optional-dependencies"]["train"]]
    for system, machine, name in (
        ("linux", "x86_64", "tensorflow-cpu"),
        ("linux", "aarch64", "tensorflow"),
        ("win32", "AMD64", "tensorflow-cpu"),
        ("darwin", "arm64", "tensorflow"),
    ):
        place = {"sys_platform": system, "platform_machine": machine}
        there = [one.name for one in wanted if not one.marker or one.marker.evaluate(place)]
        assert sorted(there) == sorted(["keras", name, "xgboost"])


def test_the_refusal_names_what_is_missing_and_its_extras(monkeypatch):
    require_modules("numpy", "tensorflow", needed_by="training")
    for name in ("tensorflow", "tf2onnx"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(CxrError) as refused:
        require_modules("tensorflow", "keras", needed_by="training")
    assert refused.value.message == "Expected the package tensorflow for training. Received: it is not installed."
    assert refused.value.hint == 'Install it: pip install "cxr-cli[train]"'
    with pytest.raises(ClusterError) as refused:
        require_modules("tensorflow", "tf2onnx", needed_by="this format", error=ClusterError)
    assert refused.value.message == (
        "Expected the packages tensorflow and tf2onnx for this format. Received: they are not installed."
    )
    assert refused.value.hint == 'Install them: pip install "cxr-cli[train,onnx]"'


def test_a_version_is_found_under_either_name_of_a_distribution(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    def only_for_cpus(name):
        if name == "tensorflow":
            raise PackageNotFoundError(name)
        return "2.21.0"

    monkeypatch.setattr("cxr_cli.extras.version", only_for_cpus)
    assert version_of("tensorflow") == "2.21.0"
    monkeypatch.undo()
    assert version_of("no-such-package") is None
