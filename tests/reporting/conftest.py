"""Fixtures of the tests of reports."""

import shutil

import pytest

from cxr_cli.reporting.report import report
from cxr_cli.workspace.layout import Workspace


@pytest.fixture(scope="session")
def reported(trained, tmp_path_factory):
    """A workspace whose run has a report. Tests must not change it."""
    root = tmp_path_factory.mktemp("reported") / "workspace"
    shutil.copytree(trained.root, root)
    workspace = Workspace(root)
    report(workspace)
    return workspace
