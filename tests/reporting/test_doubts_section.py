"""How a report and a model card begin: the lead says no more than the doubts allow, and the loudest doubt is first."""

import re
from dataclasses import replace

import msgspec
import pytest

from cxr_cli.auditing.model_record import LungHeat, ModelAuditRecord, ViewResult
from cxr_cli.auditing.record import AuditFinding
from cxr_cli.doubts import alarm, warning
from cxr_cli.evaluation.record import External, Gap
from cxr_cli.metrics.intervals import Interval
from cxr_cli.pages.render import write_page
from cxr_cli.reporting.card import model_card
from cxr_cli.reporting.document import Text, to_markdown
from cxr_cli.reporting.doubts_section import lead, report_doubts
from cxr_cli.reporting.gather import gather
from cxr_cli.reporting.report import compose
from cxr_cli.workspace.folders import ReportFolder

BORDER = AuditFinding(
    level="alarm",
    about="outer border",
    found="The outer border alone reveals the class.",
    numbers="AUC 0.842 (0.801 to 0.877), mostly by the upper side.",
    why="",
    next="",
)
CHANCE = "Not shown to be better than chance: the AUC's interval, 0.448 to 0.728, includes 0.5."


@pytest.fixture(scope="module")
def material(reported):
    """What the report was made from."""
    return gather(reported, None)


def of_auc(material, auc, low, high, **changed):
    test = msgspec.structs.replace(
        material.test,
        run="simple-cnn",
        films=105,
        patients=90,
        positives=55,
        negatives=50,
        metrics=material.test.metrics | {"roc_auc": auc, "sensitivity": 0.75, "specificity": 0.875},
        intervals=material.test.intervals | {"roc_auc": Interval(low=low, high=high)},
        **changed,
    )
    audit = msgspec.structs.replace(material.audit, level="ok", findings=[])
    return replace(material, test=test, audit=audit, model_audit=None)


@pytest.mark.parametrize(
    ("auc", "low", "high", "stands"),
    [
        (0.928, 0.888, 0.96, "it is better than chance: ROC AUC 0.928 (95% interval 0.888 to 0.960)"),
        (0.594, 0.448, 0.728, "it is not shown to be better than chance: ROC AUC 0.594 (95% interval 0.448 to 0.728)"),
        (0.351, 0.318, 0.384, "it is worse than chance: ROC AUC 0.351 (95% interval 0.318 to 0.384)"),
    ],
)
def test_the_lead_says_how_the_run_stands_to_chance(material, auc, low, high, stands):
    assert lead("simple-cnn", "simple-cnn", of_auc(material, auc, low, high).test) == (
        "simple-cnn was trained to separate covid from non_covid on chest radiographs. On 105 test films of 90 "
        f"patients {stands}, sensitivity 0.750 and specificity 0.875 at the operating point."
    )


def test_the_lead_of_films_of_one_class_claims_no_auc(material):
    test = of_auc(material, 0.9, 0.8, 0.95).test
    metrics, intervals = test.metrics | {"roc_auc": None}, test.intervals | {"roc_auc": None}
    text = lead("seed1", "xception", msgspec.structs.replace(test, metrics=metrics, intervals=intervals))

    assert text.startswith(
        "seed1 (xception) was trained to separate covid from non_covid on chest radiographs. On 105 "
    )
    assert "patients, all of one class, its AUC can't be measured: sensitivity 0.750" in text


def test_the_loudest_doubt_is_first_in_page_text_and_card(material, tmp_path):
    document, _ = compose(of_auc(material, 0.594, 0.448, 0.728), ReportFolder(tmp_path))
    write_page(tmp_path / "report.html", "report.html", document=document)
    page = re.sub(r"\s+", " ", (tmp_path / "report.html").read_text()).replace("&#39;", "'")
    page = page[page.index("</h1>") :]

    assert document.headline == alarm(CHANCE)
    assert page.index(f'<div class="finding alarm"><p><span class="badge alarm">Alarm</span> {CHANCE}') < page.index(
        "simple-cnn was trained to separate"
    )
    assert page.count(CHANCE) == 1
    card = to_markdown(model_card(material, document))
    for text in (to_markdown(document), card):
        assert text.index(f"**Alarm: {CHANCE}**") < text.index("simple-cnn was trained to separate")
        assert text.count(CHANCE) == 1
    assert "it is not shown to be better than chance" in card


def test_a_run_without_an_alarm_begins_with_its_lead(material, tmp_path):
    document, _ = compose(of_auc(material, 0.928, 0.888, 0.96), ReportFolder(tmp_path))

    assert document.headline is None
    assert to_markdown(document).startswith("# simple-cnn: a report\n\nsimple-cnn was trained to separate covid")
    (caveats,) = (section for section in document.sections if section.title == "Caveats")
    texts = [block for block in caveats.blocks if isinstance(block, Text)]
    assert (
        Text("The run was not tested on films from elsewhere. Test it on some: cxr evaluate --external", "warning")
        in texts
    )


def test_a_failed_external_test_makes_the_list_longer(material):
    tested = of_auc(material, 0.928, 0.888, 0.96)
    gap = Gap(
        internal=0.928,
        internal_interval=None,
        external=0.351,
        external_interval=None,
        gap=-0.577,
        interval=Interval(low=-0.65, high=-0.5),
    )
    outside = External(metadata=[], folders="c", positive="COVID-19", funnel=[], internal="", gaps={"roc_auc": gap})
    failed = of_auc(material, 0.351, 0.318, 0.384, split="clinic", external=outside).test
    before, after = report_doubts(tested), report_doubts(replace(tested, external=[failed]))

    assert after[0] == alarm(
        "The external test on clinic failed: the AUC of 0.351 is worse than chance; its interval is 0.318 to 0.384, "
        "below 0.5. In the run's own test it is 0.928. On these films the scores point the wrong way.",
        "Check the labels, and what else differs between the classes.",
    )
    untested = warning("The run was not tested on films from elsewhere.", "Test it on some: cxr evaluate --external")
    assert set(before) - set(after) == {untested}


def test_an_alarm_of_the_audit_stands_beside_the_model(material):
    tested = of_auc(material, 0.928, 0.888, 0.96)
    audit = msgspec.structs.replace(material.audit, level="alarm", findings=[BORDER, BORDER])

    assert report_doubts(replace(tested, audit=audit))[0] == alarm(
        "The audit of the films that simple-cnn was trained on sounded an alarm: the outer border alone reveals the "
        "class, AUC 0.842 (0.801 to 0.877). simple-cnn itself has an AUC of 0.928 on its "
        "test films. There is 1 more alarm.",
        "See “Shortcuts”.",
    )


def test_warnings_of_the_audits_are_named_and_a_model_without_a_verdict_has_its_figures(material):
    """“No verdict” alone, or “but see the warnings”, tells a reader of the report nothing."""
    tested = of_auc(material, 0.928, 0.888, 0.96)
    view, age = (
        msgspec.structs.replace(BORDER, level="warning", found=f"{what} reveals the class.", about=about)
        for what, about in (("The view", "view"), ("A missing age", "age missing"))
    )
    data = msgspec.structs.replace(material.audit, level="warning", findings=[view, age])
    uncertain = msgspec.structs.replace(view, found="It is not certain that the model works.", about="whole")
    views = [
        ViewResult(view=name, auc=auc, interval=None, difference=0, difference_interval=None, kept=None)
        for name, auc in (("whole", 0.717), ("lungs_only", 0.519), ("lungs_black", 0.701))
    ]
    model = model_audit(level="warning", findings=[uncertain], views=views)
    sentences = [doubt.sentence for doubt in report_doubts(replace(tested, audit=data, model_audit=model))]

    assert (
        "The audit of the films that simple-cnn was trained on gave two warnings: the view reveals the class; a "
        "missing age reveals the class."
    ) in sentences
    assert (
        "The audit of the model simple-cnn gave no verdict: it is not certain that the model works. Its AUC is 0.72 on "
        "the films as they are, 0.52 with the lungs alone and 0.70 with black lungs."
    ) in sentences


def model_audit(**given):
    record = {
        "schema_version": ModelAuditRecord.VERSION,
        "created": "",
        "versions": {},
        "run": "simple-cnn",
        "run_created": "",
        "weights_sha256": None,
        "dataset_fingerprint": "",
        "same_dataset": True,
        "split": "test",
        "masks": "fcm",
        "seed": 0,
        "positive": "covid",
        "negative": "non_covid",
        "films": {"non_covid": 20, "covid": 20},
        "patients": 30,
        "without_mask": 0,
        "seen": None,
        "verdict": "",
        "alarms": 0,
        "warnings": 1,
        "heat": LungHeat(films=0, blank=0, energy=None, area=None, gain=None, gain_interval=None),
        "notes": [],
    }
    return ModelAuditRecord(**record | given)
