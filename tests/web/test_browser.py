"""The page in a real browser, with mouse and films."""

import re
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from selenium.webdriver.support.ui import WebDriverWait

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.overlay import lay_heat
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor


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


def close(shown, expected):
    """Whether two pictures are the same, but for what scaling does."""
    small = [np.asarray(Image.fromarray(one).convert("RGB").resize((64, 64)), float) for one in (shown, expected)]
    return np.abs(small[0] - small[1]).mean() < 6


def test_a_dropped_film_is_predicted(page, server, film, outside):
    answer = open_predictor(server.workspace.run("simple-cnn")).predict(read_film(film))

    said = page.drop(film).split("\n")
    assert said[0] == "covid.png, predicted by simple-cnn"
    assert f"{answer.label} {answer.answer.confidence or ''}".strip() in said
    assert any(line.startswith(f"P(covid) {answer.probabilities['covid']:.1%}") for line in said)
    assert any(answer.label in line for line in page.all("figcaption")[1:])
    assert page.all("#list tbody td") == ["covid.png", f"{answer.probabilities['covid']:.1%}", answer.label]
    assert "Sensitivity" in page.wait_for("#known", "ROC AUC")
    assert page.rectangle("#panes figure:first-of-type")[1] == page.rectangle("#panes figure:last-of-type")[1]
    assert page.wait_for("#status", f"covid.png: {answer.label} by simple-cnn, P(covid) ")
    assert server.kept() == []
    assert page.loud() == []
    assert outside.asked == []


def test_the_recording_proxy_sees_requests_of_a_page(browser, outside):
    browser.get("data:text/html,<link rel=preconnect href=https://fonts.example.org><img src=http://img.example.org/x>")
    WebDriverWait(browser, 20, 0.05).until(lambda _: len(outside.asked) >= 2)

    assert {"fonts.example.org", "img.example.org"} <= set(re.findall(r"\w+\.example\.org", " ".join(outside.asked)))


def test_the_slider_blends_the_heat_map_without_a_request(page, server, film):
    pixels = read_film(film)
    answer = open_predictor(server.workspace.run("simple-cnn")).predict(pixels)
    page.drop(film)
    for percent in (0, 80):
        page.browser.execute_script(
            "const slider = document.querySelector('#opacity'); slider.value = arguments[0];"
            "slider.dispatchEvent(new Event('input'))",
            percent,
        )
        drawn = lay_heat(Image.fromarray(pixels), answer.cams[answer.label], alpha=percent / 100)
        assert close(page.film_in(1), np.asarray(drawn))
        assert page.find("#opacity-said").text == f"{percent}%"
    assert close(page.film_in(0), pixels)


def test_a_bad_film_is_an_error_and_the_next_film_is_predicted(page, film, tmp_path):
    (tmp_path / "notes.txt").write_text("no film")

    said = page.drop(tmp_path / "notes.txt")
    error = "notes.txt\nError: Expected a film. Received: notes.txt, which is not an image.\nGive a radiograph as "
    assert said.startswith(error)
    assert not page.find("#toolbar").is_displayed()
    assert page.drop(film).startswith("covid.png, predicted by simple-cnn")
    assert page.find("#toolbar").is_displayed()
    assert page.all("#list tbody td:last-child")[0] == "error"


@pytest.mark.parametrize("kind", ["16-bit TIFF", "DICOM without suffix"])
def test_films_in_formats_that_browsers_lack_are_predicted_and_shown(page, film, tmp_path, kind):
    pixels = read_film(film)
    path = tmp_path / ("deep.tif" if kind == "16-bit TIFF" else "IM0001")
    if path.suffix:
        Image.fromarray(pixels.astype(np.uint16) * 100).save(path)
    else:
        write_dicom(path, pixels)

    assert page.drop(path).startswith(f"{path.name}, predicted by simple-cnn")
    assert close(page.film_in(), read_film(path))
    assert page.find("#tags").is_displayed() == (not path.suffix)


def test_another_run_answers_for_the_films_that_are_here_and_shows_its_own_metrics(page, film):
    page.drop(film)
    page.select("#run", "second")

    assert page.wait_for("#answers", "predicted by second").startswith("covid.png, predicted by second")
    assert "cxr evaluate second" in page.wait_for("#known", "Not tested yet")


def test_a_run_is_compared_with_other_runs_only(page):
    names = "return [...document.querySelector(arguments[0]).options].map(option => option.value)"
    runs = page.browser.execute_script(names, "#run")
    page.select("#run", "second")
    page.select("#other", "simple-cnn")
    assert page.browser.execute_script(names, "#other") == ["", *(run for run in runs if run != "second")]
    page.select("#run", "simple-cnn")

    assert page.browser.execute_script(names, "#other") == ["", *(run for run in runs if run != "simple-cnn")]
    assert page.browser.execute_script("return document.querySelector('#other').value") == ""


def test_a_newly_trained_run_is_listed_after_a_reload(page, server):
    new = server.workspace.models / "meanwhile"
    shutil.copytree(server.workspace.run("second").root, new)
    try:
        page.browser.refresh()
        page.wait_for(".figures")
        page.select("#run", "meanwhile")
        assert "How meanwhile did" in page.wait_for("#known", "meanwhile")
    finally:
        shutil.rmtree(new)


def test_a_sample_is_predicted_and_a_phone_scrolls_to_the_result(phone):
    phone.find("#samples button:last-child").click()

    assert phone.wait_for("#answers", "predicted by simple-cnn").startswith("non_covid_3.png, ")
    phone.until("Math.abs(document.querySelector('.answer h2').getBoundingClientRect().top - 200) < 150")
    assert phone.rectangle("#panes figure:first-of-type")[1] < phone.rectangle("#panes figure:last-of-type")[1]


def test_the_disclaimer_is_always_visible_and_nothing_overflows(phone, film):
    phone.drop(film)
    look = """const box = document.querySelector('#notice').getBoundingClientRect();
        return [box.top >= 0 && box.bottom <= innerHeight, document.documentElement.scrollWidth <= innerWidth]"""

    assert phone.find("#notice").text == DISCLAIMER
    for place in ("0", "document.documentElement.scrollHeight / 2", "document.documentElement.scrollHeight"):
        phone.browser.execute_script(f"scrollTo({{top: {place}, behavior: 'instant'}})")
        assert phone.browser.execute_script(look) == [True, True]
