"""Audits of models that are known to read one thing: the border, the lungs, their outline, or nothing."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cxr_cli.auditing import model_films
from cxr_cli.auditing.model_films import LungMasks, ask_about_films
from cxr_cli.auditing.model_findings import model_findings, model_verdict
from cxr_cli.auditing.model_scores import measure_heat, measure_views
from cxr_cli.explanation.gallery_films import GalleryFilm, GalleryFilms
from cxr_cli.lungs.framing import Framing
from cxr_cli.prediction import side_by_side

SIDE, COUNT = 64, 40
LUNGS = np.zeros((SIDE, SIDE), bool)
LUNGS[16:48, 14:28] = LUNGS[16:48, 36:50] = True
MIDDLE = np.zeros((SIDE, SIDE), bool)
MIDDLE[16:48, 30:34] = True
POSITIVES = np.arange(COUNT) % 2 == 0


def reads(region):
    """A model of films of 64 pixels a side whose P(positive) is the mean gray of a region, and so is its map."""

    def answers(films):
        return films[:, region].mean(axis=1) / 255, np.repeat(region[None].astype(np.float32), len(films), axis=0)

    model = SimpleNamespace(input_size=SIDE, answers=answers, record=SimpleNamespace(framing=None))
    model.run = model
    return model


BORDER = np.ones((SIDE, SIDE), bool)
BORDER[6:-6, 6:-6] = False


@pytest.fixture
def films(tmp_path):
    """Films whose lungs, border and mediastinum are brighter where they are positive; and their masks."""
    rng, listed = np.random.default_rng(0), []
    for place, positive in enumerate(POSITIVES):
        pixels = rng.integers(90, 110, (SIDE, SIDE)).astype(np.uint8)
        for region in (LUNGS, BORDER, MIDDLE):
            pixels[region] += np.uint8(20 * positive + rng.integers(0, 30))
        path = tmp_path / f"{place}.png"
        Image.fromarray(pixels).save(path)
        mask = tmp_path / "masks" / f"{place}.png.png"
        mask.parent.mkdir(exist_ok=True)
        Image.fromarray(LUNGS).save(mask)
        truth = "covid" if positive else "other"
        listed.append(GalleryFilm(path.name, path, path, truth, group=f"p{place // 2 * 2 + positive}"))
    return GalleryFilms(listed, split="test")


@pytest.fixture(autouse=True)
def models_that_are_no_files(monkeypatch):
    """A model is its own run: every thread that opens it gets it as it is."""
    monkeypatch.setattr(side_by_side, "open_predictor", lambda run, threads: run)


def audited(model, films, tmp_path):
    asked, without = ask_about_films(model, films, LungMasks("fcm", tmp_path / "masks"))
    assert without == 0
    groups = np.array([one.film.group for one in asked])
    views = measure_views(np.stack([one.raw for one in asked]), POSITIVES, groups)
    heat = measure_heat(asked)
    findings = model_findings(views, heat)
    return (
        {one.view: one for one in views},
        heat,
        {one.about: one.level for one in findings},
        model_verdict(findings, views),
    )


def test_a_model_that_reads_the_lungs_is_clean(films, tmp_path):
    views, heat, levels, verdict = audited(reads(LUNGS), films, tmp_path)

    assert levels == {}
    assert verdict.startswith("Clean: without the lungs its AUC falls to 0.")
    assert views["lungs_only"].auc == views["whole"].auc > 0.8
    assert views["border_only"].auc == 0.5
    assert heat.energy > 0.9
    assert heat.area == pytest.approx(LUNGS.mean())
    assert heat.gain_interval.low > 0.5


def test_a_model_that_reads_the_border_raises_alarms(films, tmp_path):
    views, heat, levels, verdict = audited(reads(BORDER), films, tmp_path)

    assert levels["border_only"] == levels["box_gray"] == "alarm"
    assert levels["lungs_only"] == levels["heat"] == "warning"
    assert verdict == "The model still works where no lung is left on the film: it reads something else."
    assert views["border_only"].auc == views["whole"].auc
    assert views["border_only"].kept == 1
    assert heat.gain_interval.high < 0


def test_what_lies_between_the_lungs_is_a_warning_only(films, tmp_path):
    views, _, levels, verdict = audited(reads(MIDDLE), films, tmp_path)

    assert "alarm" not in levels.values()
    assert {"lungs_black", "lungs_filled"} & set(levels)
    assert re.fullmatch(
        r"\w+ warnings?: the model works almost as well when the lungs are taken out along their outline(; .*)?\. "
        r"Without the lungs its AUC falls to 0\.\d\d or less\.",
        verdict,
    )
    assert views["lungs_filled"].auc == pytest.approx(views["whole"].auc, abs=0.05)


def test_nothing_is_said_about_a_model_that_does_not_separate_the_classes(films, tmp_path):
    corner = np.zeros((SIDE, SIDE), bool)
    corner[8:12, 8:12] = True

    _, _, levels, verdict = audited(reads(corner), films, tmp_path)

    assert levels == {"whole": "warning"}
    assert verdict == "No verdict: it is not certain that the model separates the classes of these films."


def test_a_model_worse_than_chance_is_called_that(films, tmp_path):
    brighter = reads(LUNGS)
    answers = brighter.answers
    brighter.answers = lambda shown: (1 - answers(shown)[0], answers(shown)[1])

    _, _, levels, verdict = audited(brighter, films, tmp_path)

    assert levels == {"whole": "warning"}
    assert verdict == "No verdict: the model is worse than chance on these films; its scores point the wrong way."


def found_as(mask, located=True):
    """Lungs that are found in every film."""
    return lambda film, method: SimpleNamespace(mask=mask, ok=located, located=located)


def test_a_mask_of_the_run_follows_the_lungs_of_the_film_as_it_is(films, tmp_path, monkeypatch):
    monkeypatch.setattr(model_films, "segment_lungs", found_as(LUNGS))
    model = reads(LUNGS)
    model.record.framing = Framing(kind="mask", method="unet")

    views, heat, levels, _ = audited(model, films, tmp_path)

    assert levels == {}
    assert views["lungs_only"].auc == views["whole"].auc
    assert views["lungs_black"].auc == views["border_only"].auc == 0.5
    assert heat.area == LUNGS.mean()


def test_the_crop_of_a_run_follows_the_lungs_of_the_film_as_it_is(films, tmp_path, monkeypatch):
    monkeypatch.setattr(model_films, "segment_lungs", found_as(LUNGS))
    everywhere = np.ones((SIDE, SIDE), bool)
    model = reads(everywhere)
    model.record.framing = Framing(kind="crop", method="unet")

    views, heat, levels, _ = audited(model, films, tmp_path)

    assert "alarm" not in levels.values()
    assert views["border_only"].auc == views["box_gray"].auc == 0.5  # the crop shows nothing of it
    assert heat.area == pytest.approx(2 * 14 / 36, abs=0.02)


def test_a_film_that_the_run_cannot_crop_is_shown_whole(films, tmp_path, monkeypatch):
    monkeypatch.setattr(model_films, "segment_lungs", found_as(LUNGS, located=False))
    model = reads(BORDER)
    model.record.framing = Framing(kind="crop", method="unet")

    views, _, _, _ = audited(model, films, tmp_path)

    assert views["border_only"].auc == views["whole"].auc > 0.8


def test_films_without_a_mask_are_left_out(films, tmp_path):
    (tmp_path / "masks" / "3.png.png").unlink()

    asked, without = ask_about_films(reads(LUNGS), films, LungMasks("fcm", tmp_path / "masks"))

    assert (len(asked), without) == (COUNT - 1, 1)
    assert all(one.film.name != "3.png" for one in asked)


def test_equal_views_have_no_difference():
    rng = np.random.default_rng(1)
    raw = np.repeat((rng.normal(size=(COUNT, 1)) + POSITIVES[:, None]), 11, axis=1)

    views = measure_views(raw, POSITIVES, np.arange(COUNT))

    assert len({one.auc for one in views}) == 1
    assert views[0].difference_interval is None
    for one in views[1:]:
        assert (one.difference, one.difference_interval.low, one.difference_interval.high) == (0, 0, 0)
