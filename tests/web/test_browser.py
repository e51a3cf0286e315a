"""The page in a real browser, with mouse and films."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.overlay import lay_heat
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor


class Page:
    """What a user sees and does on the page."""

    def __init__(self, browser, server, *, width=1280, height=900) -> None:
        self.browser = browser
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(server.address)
        self.wait_for(".cxr-figures")

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def wait_for(self, selector, text=""):
        """Wait until the element `selector` contains `text`, and return its text."""

        def there(_):
            found = self.browser.find_elements(By.CSS_SELECTOR, selector)
            return found and text in found[0].text and found[0].text

        return WebDriverWait(self.browser, 60, ignored_exceptions=[StaleElementReferenceException]).until(there)

    def drop(self, film):
        """Drop a film, and return what the page shows."""
        self.find("#cxr-drop input[type=file]").send_keys(str(film))
        return self.wait_for("#cxr-shown", film.name)

    def choose(self, run):
        self.find("#cxr-runs input").click()
        self.wait_for(f"[role=option][aria-label='{run}']")
        self.find(f"[role=option][aria-label='{run}']").click()

    def rectangle(self, selector):
        box = self.find(selector).rect
        return box["x"], box["y"], box["width"], box["height"]

    def loud(self):
        """Return the errors in the browser's console."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(browser, server) -> Page:
    return Page(browser, server)


@pytest.fixture
def phone(browser, server) -> Page:
    return Page(browser, server, width=390, height=844)


def write_dicom(path: Path, film: np.ndarray) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation, data.SamplesPerPixel = "DX", "MONOCHROME1", 1
    data.Rows, data.Columns = film.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = ((255 - film.astype(np.uint16)) * 16).tobytes()  # in MONOCHROME1, 0 is white
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def test_a_dropped_film_is_predicted(page, server, film, outside):
    answer = open_predictor(server.workspace.run("simple-cnn")).predict(read_film(film))

    said = page.drop(film).split("\n")
    assert said[:2] == ["covid.png, predicted by simple-cnn", f"{answer.label} {answer.confidence:.1%}"]
    assert f"{answer.probabilities['covid']:.1%}" in said
    assert any(answer.label in line for line in said if line.startswith(("Grad-CAM of simple-cnn", "Nowhere in")))
    assert "Sensitivity" in page.wait_for("#cxr-known", "ROC AUC")
    assert page.rectangle("figure:first-of-type")[1] == page.rectangle("figure:last-of-type")[1]
    assert server.kept() == []
    assert page.loud() == []
    assert outside.asked == []


def test_the_recording_proxy_sees_requests_of_a_page(browser, outside):
    browser.get("data:text/html,<link rel=preconnect href=https://fonts.example.org><img src=http://img.example.org/x>")
    WebDriverWait(browser, 20).until(lambda _: len(outside.asked) >= 2)

    assert {"fonts.example.org", "img.example.org"} <= set(re.findall(r"\w+\.example\.org", " ".join(outside.asked)))


@pytest.mark.parametrize("percent", [0, 80])
def test_the_slider_blends_the_heat_map_without_a_request(page, server, film, percent):
    predictor = open_predictor(server.workspace.run("simple-cnn"))
    pixels = read_film(film)
    answer = predictor.predict(pixels)
    page.drop(film)
    number = page.find("#cxr-opacity input[type=number]")
    number.send_keys(Keys.CONTROL, "a")
    number.send_keys(str(percent), Keys.TAB)
    heat = page.find(".cxr-heat")
    WebDriverWait(page.browser, 20).until(lambda _: heat.value_of_css_property("opacity") == f"{percent / 100:g}")

    shown = Image.open(io.BytesIO(base64.b64decode(page.find("figure:last-of-type .cxr-film").screenshot_as_base64)))
    drawn = lay_heat(Image.fromarray(pixels), answer.cams[answer.label], alpha=percent / 100).resize((100, 100))
    difference = np.abs(np.asarray(shown.convert("RGB").resize((100, 100)), float) - np.asarray(drawn, float))
    assert difference.mean() < 4


def test_a_bad_film_is_an_error_and_the_next_film_is_predicted(page, film, tmp_path):
    (tmp_path / "notes.txt").write_text("no film")

    said = page.drop(tmp_path / "notes.txt")
    assert said.startswith("Error: Expected a film. Received: notes.txt is not an image.\nGive a radiograph as ")
    assert not page.find("#cxr-opacity").is_displayed()
    assert page.drop(film).startswith("covid.png, predicted by simple-cnn")
    assert page.find("#cxr-opacity").is_displayed()


@pytest.mark.parametrize("kind", ["16-bit TIFF", "DICOM without suffix"])
def test_films_in_formats_that_browsers_lack_are_predicted_and_shown(page, film, tmp_path, kind):
    pixels = read_film(film)
    path = tmp_path / ("deep.tif" if kind == "16-bit TIFF" else "IM0001")
    if path.suffix:
        Image.fromarray(pixels.astype(np.uint16) * 100).save(path)
    else:
        write_dicom(path, pixels)

    assert page.drop(path).startswith(f"{path.name}, predicted by simple-cnn")
    shown = Image.open(io.BytesIO(base64.b64decode(page.find("figure .cxr-film").screenshot_as_base64))).convert("L")
    expected = Image.fromarray(read_film(path)).resize(shown.size)
    assert np.abs(np.asarray(shown, float) - np.asarray(expected, float)).mean() < 4


def test_another_run_clears_the_prediction_and_shows_its_own_metrics(page, film):
    page.drop(film)
    page.choose("second")

    assert page.wait_for("#cxr-shown", "The prediction appears here.")
    assert "cxr evaluate second" in page.wait_for("#cxr-known", "Not tested yet")
    assert page.drop(film).startswith("covid.png, predicted by second")


def test_a_newly_trained_run_is_listed_after_a_reload(page, server):
    new = server.workspace.models / "meanwhile"
    shutil.copytree(server.workspace.run("second").root, new)
    try:
        page.browser.refresh()
        page.wait_for(".cxr-figures")
        page.choose("meanwhile")
        assert "How meanwhile did" in page.wait_for("#cxr-known", "meanwhile")
    finally:
        shutil.rmtree(new)


def test_a_sample_is_predicted_and_a_phone_scrolls_to_the_result(phone):
    phone.find("#cxr-samples button:last-child").click()

    assert phone.wait_for("#cxr-shown", "predicted by simple-cnn").startswith("non_covid_3.png, ")
    top = "return document.querySelector('.cxr-prediction h2').getBoundingClientRect().top"
    WebDriverWait(phone.browser, 20).until(lambda browser: 0 < browser.execute_script(top) < 300)
    assert phone.rectangle("figure:first-of-type")[1] < phone.rectangle("figure:last-of-type")[1]


def test_the_disclaimer_is_always_visible_and_nothing_overflows(phone, film):
    phone.drop(film)
    look = """const box = document.querySelector('#cxr-header p').getBoundingClientRect();
        return [box.top >= 0 && box.bottom <= innerHeight, document.documentElement.scrollWidth <= innerWidth]"""

    assert DISCLAIMER in phone.find("#cxr-header").text
    for place in ("0", "document.documentElement.scrollHeight / 2", "document.documentElement.scrollHeight"):
        phone.browser.execute_script(f"scrollTo({{top: {place}, behavior: 'instant'}})")
        assert phone.browser.execute_script(look) == [True, True]
