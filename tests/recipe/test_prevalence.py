"""Probabilities shifted to another prevalence: they hold there, and no film changes its class."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.metrics.calibration import fit_calibration
from cxr_cli.metrics.calibration_figures import calibration_figures
from cxr_cli.recipe.prevalence import shift_in_words, shifted_to
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.layout import bundled_run
from cxr_cli.workspace.records import decode_record, read_record

SHIPPED = Path(__file__).parents[1] / "corpus" / "records" / "shipped_run.json"  # of version 3, with a temperature


@pytest.fixture(scope="module")
def bundled() -> RunRecord:
    return read_record(bundled_run().record, RunRecord)


def drawn(generator, films, *, prevalence):
    positives = generator.random(films) < prevalence
    return positives, 1 / (1 + np.exp(-(generator.normal(size=films) + 1.2 * positives)))


@pytest.mark.parametrize("prevalence", [0.02, 0.3, 0.9])
def test_shifted_probabilities_hold_at_the_prevalence(bundled, prevalence):
    generator = np.random.default_rng(0)
    run = msgspec.structs.replace(bundled, calibration=fit_calibration(*drawn(generator, 20_000, prevalence=0.5)))
    positives, raw = drawn(generator, 20_000, prevalence=prevalence)

    shifted = calibration_figures(positives, shifted_to(run, prevalence).calibrated(raw), np.arange(20_000))

    assert shifted.values["in_the_large"] == pytest.approx(0, abs=0.12)
    assert shifted.values["calibration_slope"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("prevalence", [1e-6, 0.05, 0.999])
def test_no_film_changes_its_class(bundled, prevalence):
    shifted, raw = shifted_to(bundled, prevalence), np.linspace(0, 1, 10_001)

    called = bundled.calibrated(raw) >= bundled.threshold
    assert 0 < called.mean() < 1
    np.testing.assert_array_equal(shifted.calibrated(raw) >= shifted.threshold, called)


def test_the_own_prevalence_changes_nothing(bundled):
    shifted = shifted_to(bundled, bundled.calibration.prevalence)

    assert shifted.calibration == bundled.calibration
    assert shifted.threshold == pytest.approx(bundled.threshold)
    assert "from a prevalence of 0.372, the share of covid among" in shift_in_words(shifted, 0.372)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, float("nan")])
def test_what_is_no_prevalence_is_refused(bundled, prevalence):
    with pytest.raises(UsageError, match="Expected a prevalence between 0 and 1"):
        shifted_to(bundled, prevalence)


def test_probabilities_of_a_temperature_can_not_be_shifted():
    older = decode_record(SHIPPED.read_bytes(), RunRecord, SHIPPED)

    for run, how in ((older, "with a temperature alone"), (msgspec.structs.replace(older, calibration=None), "not ")):
        with pytest.raises(WorkspaceError, match=how) as caught:
            shifted_to(run, 0.1)
        assert caught.value.hint == "Calibrate the run again: cxr calibrate RUN"


def test_a_run_with_a_temperature_predicts_as_before():
    fields = json.loads(SHIPPED.read_text())
    run, raw = decode_record(SHIPPED.read_bytes(), RunRecord, SHIPPED), np.linspace(0.001, 0.999, 2001)

    before = 1 / (1 + np.exp(-np.log(raw / (1 - raw)) / fields["calibration"]["temperature"]))

    np.testing.assert_allclose(run.calibrated(raw), before, rtol=1e-13)
    np.testing.assert_array_equal(run.calibrated(raw) >= run.threshold, before >= fields["threshold"])
