"""A finished cross-validation is not overwritten by one of other options or another dataset."""

import json
from dataclasses import asdict

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.crossval.naming import study_name
from cxr_cli.recipe.options import TrainingOptions, change_options
from cxr_cli.workspace.layout import Workspace

NAME = "simple-cnn-2-folds"
OPTIONS = change_options(TrainingOptions(), {"arch": "simple-cnn"})


@pytest.fixture
def workspace(tmp_path):
    """A workspace with a finished study."""
    workspace = Workspace(tmp_path)
    record = workspace.crossval(NAME).record
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"options": asdict(OPTIONS), "dataset_fingerprint": "a"}))
    return workspace


def named(workspace, options=OPTIONS, fingerprint="a", *, asked=False, replace_study=False):
    return study_name(workspace, NAME, options, fingerprint, asked=asked, replace_study=replace_study)


def test_the_same_study_keeps_its_name(workspace):
    assert named(workspace) == named(workspace, asked=True) == NAME


def test_a_study_of_other_options_or_another_dataset_gets_a_number(workspace):
    shorter = change_options(OPTIONS, {"epochs": 1})

    assert named(workspace, shorter) == f"{NAME}-2"
    assert named(workspace, fingerprint="b") == f"{NAME}-2"
    assert named(workspace, shorter, replace_study=True) == NAME


def test_a_chosen_name_is_refused_with_the_ways_out(workspace):
    with pytest.raises(WorkspaceError, match=r"not taken\. Received: simple-cnn-2-folds, which is finished") as refused:
        named(workspace, fingerprint="b", asked=True)

    assert (
        refused.value.hint == "To replace it: --replace. To keep it: another --name, or no --name, which adds a number"
    )


def test_a_study_that_was_stopped_continues_and_a_damaged_one_stays(workspace):
    workspace.crossval(NAME).record.write_text("{")
    assert named(workspace) == f"{NAME}-2"
    workspace.crossval(NAME).record.unlink()
    assert named(workspace) == NAME
