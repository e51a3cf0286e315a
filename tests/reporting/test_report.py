"""`cxr report`: one document about a run, with the numbers of its records."""

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import PurePath

import msgspec
import numpy as np
import pytest
from PIL import Image

from cxr_cli.dataset.record import DatasetRecord, Leak
from cxr_cli.evaluation.predicted import read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.explanation.ranking import margin
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.intervals import METHOD, Interval
from cxr_cli.metrics.table import METRICS
from cxr_cli.numbers import figure, spread
from cxr_cli.recipe.record import RunRecord
from cxr_cli.reporting.checklists import AUTHOR, CHECKLISTS, rows
from cxr_cli.reporting.data_sections import training_section
from cxr_cli.reporting.document import Document, Figure, Pictures, Section, TableBlock, Text, to_builtins, to_markdown
from cxr_cli.reporting.each_film import each_film_section
from cxr_cli.reporting.gather import gather
from cxr_cli.reporting.guidelines.claim import CLAIM
from cxr_cli.reporting.report import compose
from cxr_cli.reporting.result_sections import performance_section
from cxr_cli.reporting.results import RESULTS
from cxr_cli.workspace.folders import ReportFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


class Tables(HTMLParser):
    """The cells of a page's tables, by the heading above each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self.sources: list[str] = []
        self._heading, self._in = "", ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag in ("h1", "h2", "th", "td"):
            self._in = tag
            if tag == "h2":
                self._heading = ""
            if tag in ("th", "td"):
                self.rows[self._heading][-1].append("")
        elif tag == "tr":
            self.rows.setdefault(self._heading, []).append([])
        self.sources += [value for name, value in attributes if name in ("src", "href") and value[:1] != "#"]

    def handle_endtag(self, tag):
        if tag == self._in:
            self._in = ""

    def handle_data(self, text):
        if self._in == "h2":
            self._heading += text
        elif self._in in ("th", "td"):
            self.rows[self._heading][-1][-1] += text


def test_the_command_writes_the_report_and_the_card(cxr, own_audited):
    made = cxr("report", "simple-cnn", "-w", own_audited.root)

    folder, run = own_audited.report("simple-cnn"), own_audited.run()
    assert made.exit_code == 0
    assert "simple-cnn has no evaluation on these test films: testing it first" in made.stderr
    assert f"Report    : {folder.page}" in made.stdout
    assert "simple-cnn was trained to separate covid from non_covid on chest radiographs. On " in made.stdout
    for path in (folder.page, folder.markdown, folder.numbers, run.model_card):
        assert path.stat().st_size > 1000, path


def test_metrics_on_the_page_match_the_evaluation(reported):
    test = read_record(reported.evaluation("simple-cnn", "test").record, EvaluationRecord)
    tables = Tables(reported.report("simple-cnn").page.read_text())

    told = {row[0]: row[2] for row in tables.rows["Performance"] if len(row) == 3}
    for name, value in test.metrics.items():
        around = spread(test.intervals[name])
        assert told[METRICS[name].title] == (f"{figure(value)} {around}" if around else figure(value)), name
    cells = test.confusion_matrix
    assert ["covid", str(cells["false_negative"]), str(cells["true_positive"])] in tables.rows["Performance"]
    assert METHOD in reported.report("simple-cnn").page.read_text().replace("&#39;", "'")


def test_films_and_training_match_the_records(reported):
    made = read_record(reported.dataset.record, DatasetRecord)
    run = read_record(reported.run().record, RunRecord)
    tables = Tables(reported.report("simple-cnn").page.read_text())

    films = tables.rows["Films"]
    for part, counts in made.films.items():
        assert [part, *(str(count) for count in counts.values()), str(made.patients[part])] in films
    for step in made.funnel:
        assert [step.rule, str(step.removed), str(step.left), str(step.patients)] in films
    training = dict(row[:2] for row in tables.rows["Model and training"])
    assert training["operating point"] == run.options["operating_point"]
    assert training["kept"].startswith(f"epoch {run.best_epoch},")
    assert ["tensorflow", run.versions["tensorflow"]] in tables.rows["Environment"]


def test_markdown_has_the_content_of_the_page(reported):
    tables = Tables(reported.report("simple-cnn").page.read_text())
    markdown = reported.report("simple-cnn").markdown.read_text()

    found, heading = {}, ""
    for line in markdown.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("| ") and not line.startswith("| ---"):
            cells = unescape(re.sub(r"\\(?=[^\w\s|])", "", line)).strip("|").split("|")  # without what Markdown needs
            found.setdefault(heading, []).append([cell.strip() for cell in cells])
    plain = {
        heading: [[re.sub(r"[()\s]", "", cell) for cell in row] for row in rows] for heading, rows in found.items()
    }
    shown = {
        heading: [[re.sub(r"[()\s]", "", cell) for cell in row] for row in rows]
        for heading, rows in tables.rows.items()
    }
    assert plain == shown
    assert "**For research and teaching only, never a diagnosis.**" in markdown


def test_json_holds_unrounded_numbers(reported):
    test = read_record(reported.evaluation("simple-cnn", "test").record, EvaluationRecord)
    document = json.loads(reported.report("simple-cnn").numbers.read_text())

    (performance,) = (section for section in document["sections"] if section["title"] == "Performance")
    table = next(block for block in performance["blocks"] if block["type"] == "table")
    told = {row[0]: row[-1]["value"] for row in table["rows"]}
    assert told == {METRICS[name].title: value for name, value in test.metrics.items()}


def test_each_doubt_names_the_section_with_its_evidence(reported):
    page = reported.report("simple-cnn").page.read_text()
    document = json.loads(reported.report("simple-cnn").numbers.read_text())

    assert document["doubts"]
    assert set(document["evidence"].values()) <= {section["title"] for section in document["sections"]}
    for doubt in document["doubts"]:
        text = f"{doubt['sentence']} {doubt['hint']}".rstrip()
        assert text in document["evidence"] or "See “" in doubt["hint"]
    found = re.findall(r'<div class="finding (?:alarm|warning)">.*?</div>', page, re.DOTALL)[: len(document["doubts"])]
    assert all(re.search(r'See “<a href="#[a-z-]+">', one) for one in found)


def test_the_report_page_is_self_contained(reported):
    page = reported.report("simple-cnn").page.read_text()

    assert page.count("<script") == 1
    sources = Tables(page).sources
    assert sources
    assert page.count('<svg role="img" aria-label="') >= 6
    assert all(source.startswith("data:image/") for source in sources)


def test_each_test_film_is_listed_the_most_confidently_wrong_first(reported):
    page = reported.report("simple-cnn").page.read_text()
    folder = reported.evaluation("simple-cnn", "test")
    test = read_record(folder.record, EvaluationRecord)
    films = {PurePath(film.original).name: film for film in read_predictions(folder, test)}
    wrong = test.confusion_matrix["false_positive"] + test.confusion_matrix["false_negative"]

    header, *rows = Tables(page).rows["Test films"]
    assert header == ["film", "patient", "truth", "called", "P(covid)", "result", "view"]
    assert len(rows) == test.films
    for row in rows:
        film = films[row[0]]
        result = "right" if film.correct else "wrong"
        assert row[1:] == [film.patient, film.truth, film.class_, figure(film.probability), result, film.view]
    assert [row[5] for row in rows] == ["wrong"] * wrong + ["right"] * (test.films - wrong)
    margins = [margin(films[row[0]].probability, test.threshold) for row in rows]
    assert margins == sorted(margins[:wrong], reverse=True) + sorted(margins[wrong:])


def test_each_test_film_opens_beside_its_heat_map(material):
    section = each_film_section(material)
    rows = section.blocks[-1].rows

    for row in rows:
        (film,) = (one for one in material.predictions if PurePath(one.original).name == row.name)
        pixels = Image.fromarray(read_film(material.dataset.root / film.image))
        assert row.thumbnail.width / row.thumbnail.height == pytest.approx(pixels.width / pixels.height, rel=0.02)
        side = (row.pair.width - 6) // 2
        assert side / row.pair.height == pytest.approx(pixels.width / pixels.height, rel=0.02)
        plain = row.pair.crop((0, 0, side, row.pair.height))
        small = pixels.resize(plain.size)
        assert np.abs(np.asarray(plain.convert("L"), float) - np.asarray(small, float)).mean() < 3


def test_a_film_that_is_gone_is_listed_without_a_picture(material):
    first = material.predictions[0]
    gone = replace(material, predictions=[replace(first, image="split/test/covid/gone.png")])

    with pytest.raises(FileNotFoundError):
        (material.dataset.root / "split/test/covid/gone.png").stat()
    (row,) = each_film_section(gone).blocks[-1].rows
    assert (row.name, row.thumbnail, row.pair) == (PurePath(first.original).name, None, None)


def test_options_that_depend_on_the_architecture_have_their_value(material):
    table = next(block for block in training_section(material).blocks if getattr(block, "folded", ""))
    options = dict(table.rows)

    assert options["learning rate"] == "0.002 (default of simple-cnn)"
    assert options["freeze"] == "0 (default of simple-cnn)"
    assert (options["batch size"], options["image size"], options["epochs"]) == ("8", "64", "2")
    assert options["augmentation: flip"] in ("yes", "no")
    assert table.folded == f"All {len(options)} options of training"


def test_the_model_card_states_the_limits_of_use(reported):
    card = reported.run().model_card.read_text()

    assert card.startswith("# Model card: simple-cnn\n")
    assert "**Not intended: any diagnosis, triage or decision about a person.**" in card
    test = read_record(reported.evaluation("simple-cnn", "test").record, EvaluationRecord)
    assert f"| ROC AUC | {figure(test.metrics['roc_auc'])} (" in card


def test_json_has_the_whole_document(cxr, reported, tmp_path):
    shutil.copytree(reported.root, tmp_path / "own")  # the command writes the report again
    own = Workspace(tmp_path / "own")

    made = cxr("report", "-w", own.root, "--json")

    assert json.loads(made.stdout) == json.loads(own.report("simple-cnn").numbers.read_text())


def test_missing_results_are_reported_as_missing(reported):
    text = reported.report("simple-cnn").markdown.read_text()

    for command in ("cxr evaluate --external", "cxr crossval --folds 5"):
        assert command in text


def test_external_tests_folds_and_map_grades_are_reported(cxr, own_audited, tmp_path):
    from cxr_cli.rendering.render import write_phantoms

    cxr(
        "evaluate",
        "--external",
        "--metadata",
        write_phantoms(tmp_path / "clinic", films=24, seed=9),
        "-w",
        own_audited.root,
    )
    cxr("gradcam", "--split", "test", "-w", own_audited.root, "--curves")
    old = own_audited.evaluation("simple-cnn", "older").record
    old.parent.mkdir(parents=True)
    old.write_text('{"schema_version": 1}')

    made = cxr("report", "-w", own_audited.root)

    assert made.exit_code == 0
    assert f"Left out of the report: Expected version {EvaluationRecord.VERSION} of the record" in made.stderr
    tables = Tables(own_audited.report("simple-cnn").page.read_text()).rows
    report = read_record(own_audited.evaluation("simple-cnn", "clinic").record, EvaluationRecord)
    told = {row[0]: row[1:] for row in tables["Other hospitals"]}
    for name, gap in report.external.gaps.items():
        assert told[METRICS[name].title][2].startswith(figure(gap.gap)), name
    assert any(row[0] == "deletion: gain over random" for row in tables["Heat maps"])


def test_a_test_elsewhere_at_another_operating_point_is_left_out_with_the_command(cxr, own_audited, tmp_path):
    from cxr_cli.rendering.render import write_phantoms

    films = write_phantoms(tmp_path / "clinic", films=24, seed=9)
    cxr("evaluate", "--external", "--metadata", films, "-w", own_audited.root)
    cxr("calibrate", "--operating-point", "threshold=0.123", "-w", own_audited.root)

    made = cxr("report", "-w", own_audited.root)

    text = own_audited.report("simple-cnn").markdown.read_text()
    assert made.exit_code == 0
    assert (
        "clinic is left out, because the operating point of simple-cnn was changed since. Test it again: "
        "cxr evaluate --external --name clinic"
    ) in text
    assert "clinic: 24 films" not in text


def test_a_report_without_a_run_is_an_error(cxr, prepared):
    failed = cxr("report", "-w", prepared.root)

    assert failed.exit_code == 1
    assert "Expected a trained run" in failed.stderr


@pytest.mark.parametrize(
    ("title", "count"), [("CLAIM 2024", 44), ("TRIPOD+AI", 52), ("STARD-AI 2025", 48), ("PROBAST+AI", 34)]
)
def test_checklists_are_complete(title, count):
    items = CHECKLISTS[title]

    assert len({item.number for item in items}) == len(items) == count
    assert {result for item in items for result in item.results} <= set(RESULTS)


def test_checklists_point_to_a_section_only_for_a_result_that_it_holds(reported):
    document = json.loads(reported.report("simple-cnn").numbers.read_text())
    told = {
        section["title"]: {row[0]: row[2] for row in section["blocks"][1]["rows"]}
        for section in document["sections"]
        if section["title"] in CHECKLISTS
    }

    assert set(told) == set(CHECKLISTS)
    assert told["CLAIM 2024"]["30"].startswith("See “Shortcuts of the model”. For the author.")
    assert told["CLAIM 2024"]["31"] == RESULTS["graded heat maps"]
    assert told["CLAIM 2024"]["33"] == told["STARD-AI 2025"]["29"].removesuffix(" For the author. How they differ.")
    assert told["CLAIM 2024"]["33"] == RESULTS["external test"]
    assert told["TRIPOD+AI"]["12d"] == told["TRIPOD+AI"]["23b"] == RESULTS["left-out sources"]
    assert told["TRIPOD+AI"]["12e"] == "See “Performance” and “Operating point and calibration”."
    assert told["TRIPOD+AI"]["12f"] == told["TRIPOD+AI"]["24"] == RESULTS["updating"]
    assert told["TRIPOD+AI"]["12g"] == told["TRIPOD+AI"]["27a"] == "See “How a film is predicted”."
    assert told["PROBAST+AI"]["E 4.6"] == RESULTS["cross-validation"]
    holds = {result for section in document["sections"] for result in section["holds"]}
    assert "performance" in holds <= set(RESULTS)


def test_a_run_of_another_dataset_has_no_internal_test(material, tmp_path):
    own = performance_section(material)
    other = performance_section(replace(material, test=msgspec.structs.replace(material.test, same_dataset=False)))

    assert ("internal test" in own.holds, "internal test" in other.holds) == (True, False)
    assert {number: where for number, _, where in rows(CLAIM, [other])}["32"] == RESULTS["internal test"]


def test_weights_that_no_epoch_trained_are_not_called_an_epoch(material):
    def kept(**changed):
        run = msgspec.structs.replace(material.run, **changed)
        return {row[0]: row[1] for row in training_section(replace(material, run=run)).blocks[0].rows}["kept"]

    assert kept(epochs=0, best_epoch=0) == "the start of the head; no epoch was trained"
    assert kept(epochs=3, best_epoch=0) == "the start of the head, with the lowest validation loss"
    assert kept(epochs=3, best_epoch=2) == "epoch 2, with the lowest validation loss"


@pytest.fixture(scope="module")
def material(reported):
    return gather(reported, None)


@pytest.fixture
def compose_with(material, tmp_path):
    """Compose the report, as text and by checklist, where the dataset has other fields."""
    return lambda **changed: compose_changed(material, ReportFolder(tmp_path), changed)


def compose_changed(material, folder, changed):
    made = msgspec.structs.replace(material.made, **changed)
    unnamed = min(made.films_without_patient, material.test.films)
    test = msgspec.structs.replace(material.test, films_without_patient=unnamed)
    audit = msgspec.structs.replace(material.model_audit, films_without_patient=unnamed)
    document, _ = compose(replace(material, made=made, test=test, model_audit=audit), folder)
    told = {
        section.title: {row[0]: row[2] for row in section.blocks[1].rows}
        for section in document.sections
        if section.title in CHECKLISTS
    }
    return to_markdown(document), told


def test_known_patients_are_counted_and_their_parts_disjoint(material, compose_with):
    text, told = compose_with()

    assert f"On {material.test.films} test films of {material.test.patients} patients it is" in text
    assert "Patients are known from metadata; no patient is in two parts." in text
    assert told["CLAIM 2024"]["20"] == told["CLAIM 2024"]["35"] == "See “Films”."


def test_unknown_patients_are_not_reported_as_facts(material, compose_with):
    films = len(material.films)
    text, told = compose_with(films_without_patient=films, patients_listed=None)

    assert f"On {material.test.films} test films of unknown patients it is" in text
    assert "No film names its patient: a patient may be both in training and in test" in text
    assert "No film names its patient, so a patient with several films may be in several parts" in text
    assert "no patient is in two parts" not in text
    assert f"{material.test.films} test films of {material.test.patients} patients" not in text
    assert told["CLAIM 2024"]["20"] == RESULTS["patients apart"]
    assert told["CLAIM 2024"]["35"] == told["TRIPOD+AI"]["20a"] == f"See “Films”. {RESULTS['patient counts']}"
    assert told["PROBAST+AI"]["E 4.5"] == f"See “Films”. {RESULTS['patients apart']}"


def test_partly_known_patients_are_counted_as_a_limit(material, compose_with):
    text, told = compose_with(films_without_patient=3)

    assert f"test films of at most {material.test.patients} patients (3 films name no patient) it is" in text
    assert "Patients are known from metadata, except for 3 films" in text
    assert told["CLAIM 2024"]["20"] == RESULTS["patients apart"]


def test_a_split_that_leaks_has_no_disjoint_patients(compose_with):
    leak = Leak(earlier="train", later="test", films=1, patients=1, copies=0)
    text, told = compose_with(leaks=[leak], given_parts=["train", "val", "test"])

    assert "Patients are known from metadata; some of them, or copies of a film, are in two parts." in text
    assert told["CLAIM 2024"]["20"] == RESULTS["patients apart"]


def test_without_sections_a_checklist_points_nowhere():
    for items in CHECKLISTS.values():
        table = rows(items, [])
        assert all(told for _, _, told in table)
        assert any(told == AUTHOR for _, _, told in table)
        assert not any("See" in told for _, _, told in table)


def test_markdown_escapes_table_cells():
    document = Document(
        title="T",
        lead="L",
        origin="O",
        sections=[
            Section(
                "S",
                [
                    Text("a < b", "alarm"),
                    TableBlock(["a|b", "c"], [["x|y", Figure(0.12345, Interval(low=0.1, high=0.2))], [None, 1234]]),
                    Pictures([(b"", "caption")]),
                ],
            )
        ],
    )

    assert to_markdown(document) == (
        "# T\n\nL\n\n**For research and teaching only, never a diagnosis.**\n\n## S\n\n**a &lt; b**\n\n"
        "| a\\|b | c |\n| --- | ---: |\n| x\\|y | 0.123 (0.100 to 0.200) |\n| – | 1,234 |\n\n- caption\n\nO\n"
    )
    assert to_builtins(document)["sections"][0]["blocks"][1]["rows"][0][1]["value"] == 0.12345
