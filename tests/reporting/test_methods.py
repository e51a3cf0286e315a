"""The methods section: each sentence follows from a record, and each reference from a sentence."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from cxr_cli.dataset.record import Leak
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.lungs.framing import Framing
from cxr_cli.metrics.partial_auc import PartialAuc
from cxr_cli.recipe.architectures import CLASSIFIERS
from cxr_cli.recipe.record import Boosting, RunRecord
from cxr_cli.reporting.data_sections import films_section
from cxr_cli.reporting.document import Text
from cxr_cli.reporting.gather import gather
from cxr_cli.reporting.methods import describe_methods
from cxr_cli.reporting.references import REFERENCES, Citations, cited
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@pytest.fixture(scope="module")
def material(reported):
    """What the report was made from; tests change copies."""
    return gather(reported, None)


@pytest.fixture
def describe(material):
    """The paragraphs, after fields of some records were replaced."""

    def described(held=(), **changes):
        changed = {name: msgspec.structs.replace(getattr(material, name), **fields) for name, fields in changes.items()}
        return describe_methods(replace(material, **changed), held)

    return described


def test_the_text_has_the_numbers_of_the_records(reported):
    text = reported.report("simple-cnn").methods.read_text()
    run = read_record(reported.run().record, RunRecord)
    test = read_record(reported.evaluation("simple-cnn", "test").record, EvaluationRecord)

    assert f"{run.parameters:,} parameters, of which {run.trainable_parameters:,} were trained" in text
    assert f"resized to {run.input_size} × {run.input_size} pixels" in text
    assert f"The threshold of {run.operating_point.threshold:.3f} was chosen on" in text
    assert f"tested on {test.counted()}" in text
    assert test.interval_method in text
    for name, number in run.versions.items():
        assert f"{name} {number}" in text
    assert "All weights started from random values." in text
    assert "All films of a patient are in one part." in text


def test_references_are_numbered_as_they_are_cited(reported):
    text, listed = reported.report("simple-cnn").methods.read_text().split("## References")
    numbers = [int(number) for cited in re.findall(r" \[([\d, ]+)\]", text) for number in cited.split(", ")]
    lines = re.findall(r"^(\d+)\. (.*)$", listed, flags=re.MULTILINE)

    assert list(dict.fromkeys(numbers)) == list(range(1, len(lines) + 1)) == [int(number) for number, _ in lines]
    assert {line for _, line in lines} < {str(reference) for reference in REFERENCES.values()}
    assert "ImageNet" not in listed  # simple-cnn starts from random weights
    assert "XGBoost" not in listed


def test_the_command_prints_the_text(cxr, reported, tmp_path):
    shutil.copytree(reported.root, tmp_path / "own")  # the command writes the report again
    own = Workspace(tmp_path / "own")
    made = cxr("report", "--methods", "-w", own.root)
    text = own.report("simple-cnn").methods.read_text()

    assert made.exit_code == 0
    assert made.stdout == text
    assert text.endswith("For research and teaching only, never a diagnosis.\n")
    told = json.loads(cxr("report", "--methods", "--json", "-w", own.root).stdout)
    assert [f"**{title}.** {words}" for title, words in told["paragraphs"].items()] == text.split("\n\n")[1:-3]


def test_patients_are_not_said_to_be_apart_where_they_are_not_known(describe):
    text = describe(made={"films_without_patient": 3}).paragraphs["Data"]

    assert "The patient of 3 of 40 films is not known" in text
    assert "All films of a patient are in one part" not in text
    leak = Leak(earlier="train", later="test", films=2, patients=1, copies=0)
    text = describe(made={"given_parts": ["train", "val", "test"], "leaks": [leak]}).paragraphs["Data"]
    assert "The training, validation and test parts came with the data." in text
    assert "2 test films share a patient or are copies of films of the training part." in text
    assert "seed" not in text
    assert "in one part" not in text


def test_patients_of_both_classes_are_counted_also_for_a_dataset_that_was_prepared_before_they_were(material):
    film = material.films[0]
    other = next(label for label in material.made.classes if label != film.label)
    both = replace(material, films=[replace(film, label=other), *material.films])

    said = "1 patient has films of both classes and counts once in each."
    assert said in describe_methods(both, ()).paragraphs["Data"]
    assert said not in describe_methods(material, ()).paragraphs["Data"]
    notes = [block.text for block in films_section(both, Path("flow.png")).blocks if isinstance(block, Text)]
    assert notes[-1] == said


def test_a_run_of_another_dataset_claims_nothing_of_its_films(describe):
    text = describe(test={"same_dataset": False}).paragraphs["Data"]

    assert text.startswith("The model was trained on another dataset or split than the one described here")


def test_weights_and_defaults_are_those_of_the_run(describe, material):
    text = describe(run={"weights": {"source": "imagenet", "file": "f", "sha256": "0"}, "arch": "mobilenetv2"})

    assert "MobileNetV2 [1]" in text.paragraphs["Model"]
    assert "trained on ImageNet [2]" in text.paragraphs["Model"]
    given = {"source": "file", "file": "own.weights.h5", "sha256": "0123456789abcdef"}
    for share, words in (
        (1.0, "All layers of the backbone were frozen in training."),
        (0.67, "The first 67% of the backbone's layers, and batch normalization in all, were frozen in training."),
        (0.0, "No layer of the backbone was frozen, except batch normalization, in training."),
    ):
        options = material.run.options | {"freeze": share}
        model = describe(run={"weights": given, "options": options, "epochs": 1}).paragraphs["Model"]
        assert f"The backbone started from the weights of own.weights.h5 (SHA-256 0123456789ab…). {words}" in model
    older = describe(run={"versions": {"cxr-cli": "0.0.1"}}).paragraphs["Training"]
    assert "a learning rate of cxr-cli 0.0.1's choice for simple-cnn" in older


def test_what_a_run_has_beyond_the_usual_is_described(describe, material):
    boosting = Boosting(trees=40, features=96, val_loss=0.5)
    framing = Framing(kind="crop", method="unet", margin=0.08)
    made = {"options": {**material.made.options, "hold_out": ["clinic"], "folders": "films", "positive": "covid"}}
    text = describe(run={"boosting": boosting, "framing": framing}, made=made)

    assert "Films were reduced to films cropped to the lungs with a margin of 8%, found by unet [1]." in str(text)
    assert "with 40 trees on 96 features of the trained network." in text.paragraphs["Model"]
    assert "Films of clinic were validated and tested on, but not trained on." in text.paragraphs["Data"]
    assert "files in the folders" in text.paragraphs["Data"]
    assert "if it was in the class folder covid" in text.paragraphs["Data"]
    given = msgspec.structs.replace(material.run.operating_point, rule="threshold=0.3", threshold=0.3)
    decided = describe(run={"operating_point": given}).paragraphs["Threshold and calibration"]
    assert decided.endswith("A film was called positive from a probability of 0.300, as given.")


def test_tests_are_described_only_where_they_were_made(describe):
    assert "permuting patients" not in describe().paragraphs["Evaluation"]
    text = describe(held={"failure analysis", "fairness gaps"}).paragraphs["Evaluation"]
    assert "permuting patients" in text
    assert "Sexes and age bands were compared" in text


def test_curves_are_described_only_where_there_are_any(describe, material):
    text = describe().paragraphs["Evaluation"]
    share = material.test.positives / material.test.films
    assert "Net benefit was measured against treating all and treating none [" in text
    assert f"from 0.01 to 0.99 and at a prevalence of {share:.3g} in these films." in text
    assert "risk-coverage curve [" in text
    assert "partial AUC" not in text

    stated = msgspec.structs.replace(material.test.decision, prevalence=0.05, stated=True)
    area = PartialAuc(max_fpr=0.1, value=0.8, interval=None)
    text = describe(test={"decision": stated, "partial_auc": area}).paragraphs["Evaluation"]
    assert "at a prevalence of 0.05, as stated, to which the probabilities were shifted." in text
    assert "up to a 1 - specificity of 0.1, standardized" in text

    older = describe(test={"decision": None, "risk_coverage": None}).paragraphs["Evaluation"]
    assert "Net benefit" not in older
    assert "risk-coverage" not in older


def test_architectures_of_others_have_a_reference():
    assert set(CLASSIFIERS) - set(REFERENCES) == {"simple-cnn", "cnn-xgboost"}


def test_a_citation_keeps_its_number():
    cite = Citations()

    assert [cite("holm"), cite("adam", "holm"), cite("adam")] == [" [1]", " [1, 2]", " [2]"]
    assert cite.listed()[0].startswith("Holm S.")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("wilson", "Wilson 1927, doi 10.1080/01621459.1927.10502953"),
        ("mover", "Zou & Donner 2008, doi 10.1002/sim.3095"),
        ("convnext-tiny", "Liu et al. 2022, doi 10.1109/CVPR52688.2022.01167"),
        ("holm", "Holm 1979"),
        ("mobilenet", "Howard et al. 2017, doi 10.48550/arXiv.1704.04861"),
    ],
)
def test_a_sentence_cites_names_and_year(key, text):
    assert cited(key) == text


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)
def test_a_reference_is_complete(reference):
    assert reference.authors
    assert 1900 < reference.year <= 2026
    assert re.fullmatch(r"(10\.\d{4,5}/\S+)?", reference.doi)
