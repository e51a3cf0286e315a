"""Modules that are imported beside other work."""

import sys

import pytest

from cxr_cli.threads import importing


def test_modules_are_there_after_the_block(tmp_path, monkeypatch):
    (tmp_path / "imported_beside.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with importing("imported_beside"):
        pass

    assert sys.modules.pop("imported_beside").VALUE == 1


def test_a_module_that_is_missing_is_an_error_after_the_block():
    done = []
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), importing("no_such_module"):
        done.append(1)

    assert done == [1]
