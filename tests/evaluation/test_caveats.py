"""The caveats of an evaluation whose films, or those of the training, name no patient."""

import shutil

import msgspec
import pytest

from cxr_cli.dataset.record import FunnelStep
from cxr_cli.evaluation.caveats import caveats
from cxr_cli.evaluation.evaluate import evaluate
from cxr_cli.evaluation.record import External
from cxr_cli.films.in_words import TOO_NARROW
from cxr_cli.workspace.layout import Workspace

APART = "a patient may be both in training and in test, which would make the figures too good."
OWN = f"Each of these films counts as a patient of its own. {TOO_NARROW}"


@pytest.fixture(scope="module")
def evaluation(trained, tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluated") / "workspace"
    shutil.copytree(trained.root, root)
    return evaluate(Workspace(root)).record


def about_patients(evaluation, **changed):
    doubts = caveats(msgspec.structs.replace(evaluation, **changed))
    return [doubt.sentence for doubt in doubts if "patient" in doubt.sentence]


def test_a_dataset_whose_patients_are_known_has_no_caveat_on_them(evaluation):
    assert (evaluation.films_without_patient, evaluation.trained_without_patient) == (0, 0)
    assert about_patients(evaluation) == []
    assert about_patients(evaluation, films_without_patient=None, trained_without_patient=None) == []


def test_unknown_patients_may_be_in_training_and_in_test(evaluation):
    films = evaluation.films

    assert about_patients(evaluation, films_without_patient=films) == [f"No film names its patient: {APART} {OWN}"]
    assert about_patients(evaluation, films_without_patient=2) == [f"2 films name no patient: {APART} {OWN}"]
    assert about_patients(evaluation, trained_without_patient=7) == [
        "Of the films of training and validation, 7 name no patient: their patients may be in test too, which would "
        "make the figures too good."
    ]


def test_unknown_patients_elsewhere_only_make_intervals_too_narrow(evaluation):
    step = FunnelStep(rule="image can be read", removed=0, left=evaluation.films)
    outside = External(metadata=[], folders="clinic", positive="covid", funnel=[step], internal=None, gaps={})

    told = about_patients(evaluation, split="clinic", external=outside, films_without_patient=1)
    assert told == [f"1 film names no patient: each counts as a patient of its own. {TOO_NARROW}"]
    assert about_patients(evaluation, split="clinic", external=outside, trained_without_patient=7) == []


def test_figures_of_films_used_in_training_need_no_such_caveat(evaluation):
    assert about_patients(evaluation, split="val", films_without_patient=evaluation.films) == []
