"""The viewer: window, zoom and pan in linked panes, the list, two runs, files to save, and a server that stops."""

import csv
import json
import re
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import pydicom
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from cxr_cli.films.reader import read_film


@pytest.fixture
def dicom(film, tmp_path):
    """A DICOM film of 12 bits whose lowest value is white, with a window."""
    gray = read_film(film).astype(np.uint16)
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = (
        pydicom.uid.DigitalXRayImageStorageForPresentation,
        pydicom.uid.generate_uid(),
    )
    data.Modality, data.PhotometricInterpretation, data.SamplesPerPixel = "DX", "MONOCHROME1", 1
    data.PatientName = "Doe^Jane"
    data.Rows, data.Columns = gray.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.WindowCenter, data.WindowWidth = 2050, 3900
    data.PixelData = ((255 - gray) * 16).tobytes()
    path = tmp_path / "IM0001"
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path


@pytest.fixture
def films(film, phantoms, tmp_path):
    """A film of each class, a picture without a class, and a text."""
    Image.fromarray(255 - read_film(film)).save(tmp_path / "inverted.png")
    (tmp_path / "notes.txt").write_text("no film")
    return [film, phantoms.parent / "non_covid.png", tmp_path / "inverted.png", tmp_path / "notes.txt"]


def number(page, words):
    """The number after `words` below the panes, once they are drawn."""
    page.pane()
    return float(re.search(rf"{words} (-?[\d.]+)", page.find("#readout").text)[1])


def drag(page, canvas, x, y):
    ActionChains(page.browser).move_to_element(canvas).click_and_hold().move_by_offset(x, y).release().perform()


def apart(one, other):
    return float(np.abs(one.astype(float) - other).mean())


def test_window_zoom_and_pan_move_all_panes_by_mouse_and_keys(page, dicom):
    page.drop(dicom)
    film, heat = page.browser.find_elements("css selector", "#panes canvas")
    opened = page.pane(0)
    whole = page.film_in(0)
    assert apart(whole[..., 0], np.asarray(Image.fromarray(read_film(dicom)).resize(whole.shape[1::-1]))) < 3
    assert number(page, "center") == pytest.approx(2050, rel=0.02)
    assert number(page, "width") == pytest.approx(3900, rel=0.02)

    drag(page, film, 100, 0)
    assert number(page, "width") == pytest.approx(3900 * np.exp(1 / 3), rel=0.03)
    heated = page.pane(1)
    drag(page, heat, 0, -60)  # up: brighter
    assert page.pane(0).mean() > opened.mean() + 10
    assert page.pane(1).mean() > heated.mean() + 10
    assert page.find("#preset").get_attribute("value") == "own"
    film.send_keys(Keys.SHIFT, Keys.ARROW_LEFT)
    assert number(page, "width") < 3900 * np.exp(1 / 3)

    page.press("r")
    assert apart(page.pane(0), opened) == 0
    page.press("i")
    shown = opened.max(axis=2) > 0
    assert apart(page.pane(0)[shown], 255 - opened[shown].astype(float)) < 3
    page.press("i")

    fitted = number(page, "zoom")
    origin = ScrollOrigin.from_element(heat)
    ActionChains(page.browser).scroll_from_origin(origin, 0, -400).perform()
    assert number(page, "zoom") == pytest.approx(fitted * np.exp(0.6), rel=0.05)
    zoomed = page.pane(0)
    page.press("p")
    drag(page, film, 60, 40)
    moved = page.pane(0)
    assert apart(moved[80:200, 100:300], zoomed[40:160, 40:240]) < 3
    page.press("1")
    assert number(page, "zoom") == 100
    page.press("f")
    assert apart(page.pane(0), opened) == 0
    page.select("#preset", "lungs")
    assert page.pane(0).mean() > opened.mean()
    page.press("h")
    assert apart(page.pane(0), page.pane(1)) < 2  # without heat, both are the film
    assert page.find("#opacity-said").text == "0%"
    assert page.loud() == []


def test_every_stored_value_of_a_dicom_film_can_be_read_and_its_tags_name_nobody(page, dicom):
    page.drop(dicom)
    stored = pydicom.dcmread(dicom).pixel_array
    canvas = page.find("#panes canvas")
    ActionChains(page.browser).move_to_element_with_offset(canvas, 31, 17).perform()

    said = page.wait_for("#readout", "value")
    value, x, y = map(float, re.search(r"value (\d+) at (\d+), (\d+)", said).groups())
    assert value == stored[int(y), int(x)]
    assert f"{stored.shape[1]} × {stored.shape[0]} pixels" in said
    page.find("#tags summary").click()
    assert "photometric\nMONOCHROME1\nbits stored\n12" in page.find("#tags").text
    assert "Doe" not in page.find("body").text


def test_films_are_sorted_and_filtered_and_keys_go_through_them(page, films):
    page.drop(*films)
    page.wait_for("#status", "Done. 4 films:")
    names = [path.name for path in films]
    kinds = dict(zip(page.all("#list .open"), page.all("#list td:last-child"), strict=True))
    assert list(kinds) == names
    assert (kinds["inverted.png"], kinds["notes.txt"]) == ("no class", "error")

    page.find("[data-sort=p]").click()
    values = [float(text.rstrip("%")) for text in page.all("#list td:nth-child(2)") if text]
    assert len(values) == 2
    assert values == sorted(values)
    assert page.find("#p-head").find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    page.find("[data-sort=p]").click()
    assert [float(text.rstrip("%")) for text in page.all("#list td:nth-child(2)") if text] == values[::-1]
    page.find("[data-sort=p]").click()
    assert page.all("#list .open") == names
    page.select("#filter", "no class: 1")
    assert page.all("#list .open") == ["inverted.png"]
    page.select("#filter", "all 4")
    page.find("#search").send_keys("NON_")
    assert page.all("#list .open") == ["non_covid.png"]
    page.find("#search").clear()
    page.find("#search").send_keys("e", Keys.BACKSPACE)

    page.find("#list .open").click()
    page.press("jj")
    assert "inverted.png, not predicted by simple-cnn" in page.wait_for("#answers", "inverted.png")
    assert "no class\nthe film is inverted: what should be dark is bright." in page.find("#answers").text
    page.find("#list .current .open").send_keys(Keys.ARROW_UP)
    assert "non_covid.png" in page.wait_for("#answers", "non_covid.png")
    page.press("?")
    assert "the next film, the one before" in page.find("#keys").text
    page.find("#letters").click()
    page.find("#keys form button").click()
    page.press("j")
    assert "non_covid.png" in page.find("#answers").text  # keys of one letter are off


def test_a_folder_is_dropped_or_chosen_without_its_hidden_files(page, film, tmp_path):
    folder = tmp_path / "archive"
    (folder / "2020").mkdir(parents=True)
    for name in ("film10.png", "film9.png", "2020/film.png", ".hidden"):
        (folder / name).write_bytes(film.read_bytes())
    names = ["archive/2020/film.png", "archive/film9.png", "archive/film10.png"]

    drop = {"x": 200, "y": 200, "data": {"items": [], "files": [str(folder)], "dragOperationsMask": 1}}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.browser.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, **drop})
    page.wait_for("#status", "Done. 3 films:")
    assert page.all("#list .open") == names
    page.find("#clear").click()
    assert page.all("#list .open") == []
    assert not page.find("#view").is_displayed()
    page.find("#folder").send_keys(str(folder))
    page.wait_for("#list .open")
    assert page.all("#list .open") == names


def test_two_runs_answer_side_by_side_without_dropping_again(page, film, tmp_path):
    page.drop(film)
    page.select("#other", "second")
    page.until("document.querySelectorAll('#panes canvas').length === 3")

    first, second = page.browser.find_elements("css selector", ".answer")
    assert first.text.startswith("covid.png, predicted by simple-cnn\n")
    assert second.text.startswith("covid.png, predicted by second\n")
    assert first.rect["y"] == second.rect["y"]
    assert "second has not been tested" in second.text
    assert page.find("#two").text == "Above: simple-cnn. Below: second."
    assert len(page.all("#list .axis")) == 2
    assert len(page.all(".figures")) == 2

    (tmp_path / "notes.txt").write_text("no film")
    assert page.drop(tmp_path / "notes.txt").count("notes.txt, which is not an image") == 1  # for both runs


def test_the_table_and_the_picture_can_be_saved(page, server, cxr, films, tmp_path):
    saved = tmp_path / "saved"
    page.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(saved)})
    page.drop(*films)
    page.wait_for("#status", "Done. 4 films:")
    for button in ("#save-csv", "#save-json", "#save-png"):
        page.find(button).click()
    names = ("predictions.csv", "predictions.json", "covid-heat.png")
    deadline = time.monotonic() + 20
    while not all((saved / name).is_file() for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    output = cxr("predict", *films, "--csv", tmp_path / "own.csv", "--json", "-w", server.workspace.root)
    own = [row | {"image": path.name} for row, path in zip(json.loads(output.stdout), films, strict=True)]
    shown = json.loads((saved / "predictions.json").read_text())
    assert shown[:3] == own[:3]
    assert shown[3] == own[3] | {"error": "Expected a film. Received: notes.txt, which is not an image."}
    with (saved / "predictions.csv").open(newline="") as file, (tmp_path / "own.csv").open(newline="") as other:
        rows, expected = list(csv.DictReader(file)), list(csv.DictReader(other))
    assert list(rows[0]) == list(expected[0])
    assert rows[0] == expected[0] | {"image": "covid.png"}
    with Image.open(saved / "covid-heat.png") as picture:
        assert picture.width == 2 * read_film(films[0]).shape[1]


@contextmanager
def hurried(browser):
    """What a page that is opened here does every few seconds, it does ten times as often."""
    often = "const every = setInterval; setInterval = (run, wait) => every(run, wait / 10);"
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": often})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_a_bar_says_that_the_server_has_stopped_and_the_page_goes_on_when_it_is_back(
    start_server, open_viewer, chromium, two_runs, film, phantoms, tmp_path
):
    server = start_server(two_runs, tmp_path)
    with hurried(chromium):
        page = open_viewer(server)
    page.drop(film)
    server.stop()
    said = page.wait_for("#stopped", "The server has stopped.")
    assert "cxr serve" in said
    page.browser.execute_script("scrollTo(0, document.body.scrollHeight)")
    assert page.find("#stopped").rect["y"] > page.find("#notice").rect["y"] + 30  # both are in sight
    assert page.find("#stopped").get_attribute("role") == "alert"
    page.choose(phantoms.parent / "non_covid.png")
    assert page.all("#list .open") == ["covid.png", "non_covid.png"]
    assert page.all("#list td:last-child")[1] == "…"

    again = start_server(two_runs, tmp_path, port=urlsplit(server.address).port)
    page.wait_for("#answers", "non_covid.png, predicted by simple-cnn")
    assert not page.find("#stopped").is_displayed()
    page.until("document.querySelector('#panes').getAttribute('aria-busy') === 'false'")
    again.stop()


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_the_contrast_that_wcag_asks_for_and_all_has_names(open_viewer, server, least_contrast, films, dark):
    page = open_viewer(server, dark=dark)
    page.drop(*films)
    page.wait_for("#status", "Done. 4 films:")
    unnamed = """return [...document.querySelectorAll('button, input:not([hidden]), select, canvas[role], a')]
        .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length || one.closest('[hidden]')))
        .length"""

    for name in (".open", "tr:last-child .open"):
        page.find(f"#list tbody {name}").click()
        ratio, text = least_contrast(page.browser)
        assert ratio >= 4.5, text
    assert page.browser.execute_script(unnamed) == 0


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_nothing_is_wider_than_the_window(open_viewer, server, film, width):
    page = open_viewer(server, width=width)
    page.drop(film)
    page.select("#other", "second")
    page.until("document.querySelectorAll('#panes canvas').length === 3")

    assert page.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
