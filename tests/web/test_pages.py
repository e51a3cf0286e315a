"""The pages of reports, audits, cross-validations and galleries in a real browser, without a server."""

import base64
import io
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cxr_cli.auditing.checks import ShortcutChecks
from cxr_cli.auditing.files import read_properties
from cxr_cli.auditing.film_features import FilmFeatures
from cxr_cli.auditing.model_page import write_model_page
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.page import AuditMaterial, draw_films, write_audit_page
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.classes import Classes
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.evaluation.crossval.output import write_crossval_page
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.explanation.gallery import write_gallery_page
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.metrics.intervals import Interval
from cxr_cli.pages.render import write_page
from cxr_cli.prediction.answer import Answer
from cxr_cli.reporting.document import (
    Document,
    Figure,
    Figures,
    FilmRow,
    FilmTable,
    Pictures,
    Section,
    TableBlock,
    Text,
)
from cxr_cli.workspace.layout import CrossvalFolder, Workspace
from cxr_cli.workspace.records import decode_record, read_record

PAGES = ("report", "audit", "model-audit", "crossval", "gallery")
OLD = Path(__file__).parents[1] / "workspaces" / "0.1.0.zip"


def report_page(path: Path) -> None:
    film = Image.fromarray(np.full((96, 80), 90, np.uint8))
    pair = Image.new("RGB", (206, 120), "gray")
    rows = [
        FilmRow(
            name=f"film-{n:02}.png",
            patient=f"P{n // 2}",
            truth="covid",
            called="covid" if n % 3 else "non_covid",
            probability=n / 20,
            correct=n % 3 > 0,
            view=view,
            thumbnail=film,
            pair=pair,
        )
        for n, view in enumerate(["PA", "AP", ""] * 4, start=1)
    ]
    around = Figure(0.905, Interval(low=0.781, high=0.962))
    wide = TableBlock(["metric", *(f"figure {n}" for n in range(9))], [["sensitivity", *[around] * 9]], caption="Wide.")
    long = TableBlock(["item", "asks for"], [[str(n), "words " * 30] for n in range(40)], left=2, folded="All 40 items")
    tones = [Text(f"Heed this {tone}. See “Test films”.", tone) for tone in ("alarm", "warning", "ok", "note", "")]
    command = Text("Not tested: cxr evaluate --external --metadata FILE --name clinic --model mobilenetv2-again.")
    large = Figures([("ROC AUC", around, ""), ("Films", 77, "all")])
    digest = Text("Weights " + 64 * "e")
    sections = [
        Section("Performance", [*tones, large, wide, command, digest]),
        Section("Test films", [FilmTable("covid", rows)]),
        Section("Checklist", [long, Pictures([(film, "A film")], films=True)]),
    ]
    document = Document(title="cnn: a report", lead="Lead.", origin="Now.", sections=sections)
    write_page(path, "report.html", document=document)


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> dict[str, Path]:
    """One page of each kind, of films and records of an old workspace."""
    root = tmp_path_factory.mktemp("pages")
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(root / "workspace")
    workspace = Workspace(root / "workspace")
    made = {name: root / f"{name}.html" for name in PAGES}
    report_page(made["report"])
    dataset = workspace.dataset
    films = read_manifest(dataset)
    none, small = np.zeros(4, np.float32), np.full((64, 64), 90, np.uint8)
    record = workspace.audit.record
    newer = record.read_bytes().replace(b'"schema_version": 2', b'"schema_version": %d' % AuditRecord.VERSION)
    audit = decode_record(newer, AuditRecord, record)
    material = AuditMaterial(
        root=dataset.root,
        films=films,
        files=[read_properties(dataset.root / film.path) for film in films],
        features=[FilmFeatures(border=none, corners=none, detail=none, small=small) for _ in films],
        copies=[],
        classes=Classes(audit.negative, audit.positive),
        seed=audit.seed,
    )
    write_audit_page(made["audit"], audit, material, ShortcutChecks(audit.checks, {}), draw_films(material))
    write_model_page(made["model-audit"], read_record(workspace.model_audit("cnn").record, ModelAuditRecord), [])
    folds = CrossvalFolder(workspace.root / "crossval" / "folds")
    write_crossval_page(made["crossval"], read_record(folds.record, CrossvalRecord), roc=None)
    grades = read_record(workspace.heatmaps / "cnn-gradcam-test" / "grades.json", GradesRecord)
    thumbnail = io.BytesIO()
    Image.new("RGB", (64, 64), "gray").save(thumbnail, "JPEG")
    answer = Answer("covid", "covid", 0.7, 0.5, "youden")
    write_gallery_page(made["gallery"], grades, [(answer, thumbnail.getvalue())] * len(grades.films))
    return made


@pytest.fixture
def open_page(browser, pages):
    """Open a page in a window of some width, light or dark, with scripts or without."""

    def open_page(name, *, width=1280, dark=False, script=True):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
        browser.get(pages[name].as_uri())
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# Whatever is wider than the window, but for what is in a box that scrolls.
CUT_OFF = """
const out = [...document.querySelectorAll('body *')].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !one.closest('.scroll, .skip, .hidden');
});
return [document.documentElement.scrollWidth <= innerWidth, out.map((one) => one.outerHTML.slice(0, 80))];
"""


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_on_a_phone(open_page, name, outside):
    assert open_page(name, width=390).execute_script(CUT_OFF) == [True, []]
    assert open_page(name, width=1100).execute_script(CUT_OFF) == [True, []]
    assert outside.asked == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_that_wcag_asks_for(open_page, least_contrast, name, dark):
    ratio, text = least_contrast(open_page(name, dark=dark))

    assert ratio >= 4.5, text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_name_for_each_picture_headings_in_order_and_contents(open_page, name):
    page = open_page(name)

    assert page.execute_script("return [...document.images].filter((one) => !one.hasAttribute('alt')).length") == 0
    levels = [int(one.tag_name[1]) for one in page.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    links = page.find_elements(By.CSS_SELECTOR, ".contents.wide a")
    assert len(links) == (0 if name == "gallery" else levels.count(2))  # one heading needs no contents
    page.execute_script("scrollTo(0, document.body.scrollHeight)")
    assert all(link.is_displayed() for link in links)  # they stay in sight
    assert page.find_element(By.TAG_NAME, "body").text.count("For research and teaching only") == 2


def test_the_script_of_a_page_has_no_errors_and_needs_no_server(open_page):
    page = open_page("report")

    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def names(page):
    rows = page.find_elements(By.CSS_SELECTOR, ".sorts tbody tr")
    return [row.find_element(By.TAG_NAME, "th").text for row in rows if row.is_displayed()]


def test_films_are_sorted_by_a_column_and_filtered_by_words_and_choices(open_page):
    page = open_page("report")
    titles = {one.text: one for one in page.find_elements(By.CSS_SELECTOR, ".sorts thead button")}
    order = [f"film-{n:02}.png" for n in range(1, 13)]

    assert names(page) == order
    titles["P(covid)"].click()
    titles["P(covid)"].click()
    assert names(page) == order[::-1]
    assert page.find_element(By.CSS_SELECTOR, ".sorts [aria-sort=descending]").text == "P(covid)"
    titles["film"].click()
    words = page.find_element(By.CSS_SELECTOR, ".filters input")
    words.send_keys("P3 film")
    assert names(page) == ["film-06.png", "film-07.png"]
    result = page.find_element(By.CSS_SELECTOR, ".filters select[aria-label=result]")
    result.send_keys("wrong")
    assert names(page) == ["film-06.png"]
    assert page.find_element(By.CSS_SELECTOR, ".filters output").text == "1 of 12"


def test_a_film_opens_beside_its_heat_map_and_arrows_lead_to_the_next(open_page):
    page = open_page("report")

    page.find_element(By.CSS_SELECTOR, "a.film").click()
    dialog = page.find_element(By.TAG_NAME, "dialog")
    assert dialog.text.startswith("film-01.png: truth covid, called covid, P(covid) 0.050")
    assert dialog.find_element(By.TAG_NAME, "img").size["width"] > 600
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert dialog.text.startswith("film-02.png")
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()


def test_without_a_script_everything_is_there(open_page):
    page = open_page("report", script=False)

    assert page.find_elements(By.CSS_SELECTOR, ".filters, dialog") == []
    assert len(names(page)) == 12
    page.find_element(By.CSS_SELECTOR, "details.more summary").click()
    hidden = [one.text for one in page.find_elements(By.CSS_SELECTOR, "main details.more:not([open]) summary")]
    assert hidden == ["All 40 items"]
    page.find_element(By.CSS_SELECTOR, "a.film").click()
    assert page.current_url.endswith("#film-1")


def test_a_printed_page_has_numbers_and_what_is_folded(open_page):
    printed = open_page("report").execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    texts = [one.extract_text() for one in PdfReader(io.BytesIO(base64.b64decode(printed["data"]))).pages]

    assert len(texts) > 2
    for number, text in enumerate(texts, start=1):
        assert f"{number} / {len(texts)}" in text
        assert "For research and teaching only, never a diagnosis." in text
    whole = "\n".join(texts)
    assert whole.count("words words words") >= 40
    assert "Contents" not in whole


def test_a_command_breaks_between_words_and_is_copied_whole(open_page):
    page = open_page("report", width=390)
    (code,) = page.find_elements(By.TAG_NAME, "code")

    assert code.text.replace("\n", " ") == (
        "cxr evaluate --external --metadata FILE --name clinic --model mobilenetv2-again"
    )
    assert all(word.size["height"] < 30 for word in code.find_elements(By.TAG_NAME, "span"))
    assert code.value_of_css_property("user-select") == "all"
