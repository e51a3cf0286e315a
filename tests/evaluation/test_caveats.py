"""The caveats of an evaluation whose films, or those of the training, name no patient."""

import shutil

import msgspec
import pytest

from cxr_cli.dataset.record import FunnelStep
from cxr_cli.doubts import Weight, alarm, remark
from cxr_cli.evaluation.caveats import caveats
from cxr_cli.evaluation.evaluate import evaluate
from cxr_cli.evaluation.external_in_words import class_doubt
from cxr_cli.evaluation.record import External, Gap
from cxr_cli.films.in_words import TOO_NARROW
from cxr_cli.metrics.intervals import Interval
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


def of_finding(evaluation, finding, auc=0.351, **changed):
    """An evaluation on films from elsewhere with an AUC that is far below that of the run's own test."""
    gap = Gap(
        internal=0.928,
        internal_interval=None,
        external=auc,
        external_interval=None,
        gap=auc - 0.928,
        interval=Interval(low=auc - 0.988, high=auc - 0.868),
    )
    outside = External(metadata=[], folders="c", positive=finding, funnel=[], internal="then", gaps={"roc_auc": gap})
    changed = {
        "split": "clinic",
        "external": outside,
        "metrics": evaluation.metrics | {"roc_auc": auc},
        "intervals": evaluation.intervals | {"roc_auc": Interval(low=auc - 0.033, high=auc + 0.033)},
    } | changed
    return msgspec.structs.replace(evaluation, **changed)


def test_a_failed_external_test_is_the_loudest_doubt(evaluation):
    first, *others = caveats(of_finding(evaluation, "COVID-19"))

    assert first == alarm(
        "The external test on clinic failed: the AUC of 0.351 is worse than chance; its interval is 0.318 to 0.384, "
        "below 0.5. In the run's own test it is 0.928. On these films the scores point the wrong way.",
        "Check the labels, and what else differs between the classes.",
    )
    assert not [doubt for doubt in others if "chance" in doubt.sentence]
    assert caveats(of_finding(evaluation, "COVID-19", 0.7))[0] == alarm(
        "The external test on clinic failed: the AUC of 0.700 is 0.228 lower (0.168 to 0.288) than in the run's own "
        "test, 0.928."
    )


def test_an_external_test_of_another_finding_is_named_after_it(evaluation):
    record = of_finding(evaluation, "Pneumonia")

    assert (record.truth.negative, record.truth.positive) == ("not Pneumonia", "Pneumonia")
    assert class_doubt("Pneumonia", "covid") in caveats(record)
    alarms = [doubt for doubt in caveats(record) if doubt.weight is Weight.ALARM]
    assert alarms == [class_doubt("Pneumonia", "covid")]
    assert evaluation.truth.positive == of_finding(evaluation, "COVID-19").truth.positive == "covid"
    assert remark("All films are Pneumonia: only the sensitivity can be measured.") in caveats(
        of_finding(evaluation, "Pneumonia", negatives=0)
    )


def test_figures_of_films_used_in_training_need_no_such_caveat(evaluation):
    assert about_patients(evaluation, split="val", films_without_patient=evaluation.films) == []
