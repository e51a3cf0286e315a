"""The files that ship with the package: what is in them, and what is not."""

import json
from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.dataset.seen import open_seen, read_seen
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.predictions import FilmPrediction, read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import DatasetFolder, RunFolder
from cxr_cli.workspace.records import read_record

PACKAGE = Path(str(resources("cxr_cli") / "bundled"))
LIMIT = 6_000_000  # bytes of all models together


@pytest.fixture
def shipped() -> RunFolder:
    run = RunFolder(PACKAGE / "model")
    if not run.record.is_file():
        pytest.skip("this checkout has no model in the package")
    return run


def validation_of(run: RunFolder) -> Sequence[FilmPrediction]:
    return read_validation(run, read_record(run.record, RunRecord))


def check_nothing_identifies_films(run: RunFolder) -> None:
    """Fail where a shipped file names a film, a patient or a folder of the machine it was made on."""
    text = run.record.read_text("utf-8")
    assert not [value for value in json.loads(text)["options"].values() if str(value).startswith("/")]
    assert not any(path.exists() for path in (run.seen, run.keras_model, run.history))
    for film in validation_of(run):
        assert film.image.isdigit()
        assert film.group.isdigit()
    rows = np.load(run.fingerprints)
    assert (rows.dtype, rows.shape[1]) == (np.uint64, 2)


def test_a_packed_run_answers_as_before_and_names_nobody(packed, trained):
    packed_run, run = RunFolder(packed), trained.run()
    check_nothing_identifies_films(packed_run)
    record = read_record(packed_run.record, RunRecord)

    assert packed_run.litert_model.read_bytes() == run.litert_model.read_bytes()
    assert (record.seconds, record.created) == ({}, "2026-11-30T00:00:00+00:00")
    assert record.threshold == read_record(run.record, RunRecord).threshold
    pairs = list(zip(validation_of(packed_run), validation_of(run), strict=True))
    assert [(new.truth, new.probability) for new, _ in pairs] == [(old.truth, old.probability) for _, old in pairs]
    assert len({new.group for new, _ in pairs}) == len({old.group for _, old in pairs})


def test_fingerprints_recognize_each_film_of_training(packed, trained):
    index = open_seen(RunFolder(packed), DatasetFolder(packed), trained_on="", digests={})
    seen = read_seen(trained.run())

    assert index is not None
    small = np.load(trained.dataset.small)
    assert {index._match(small[film.place], lambda film=film: film.sha256) for film in seen} == {"film"}
    assert {index._match(small[film.place], lambda: "0" * 64) for film in seen} == {"maybe copy"}


def test_the_shipped_files_are_small():
    assert sum(path.stat().st_size for path in PACKAGE.rglob("*.tflite")) < LIMIT


def test_the_shipped_model_is_whole_and_names_nobody(shipped):
    check_nothing_identifies_films(shipped)
    predictor = open_predictor(shipped)

    assert shipped.title == f"the bundled model {shipped.version}"
    assert shipped.fingerprints.stat().st_size < 400_000
    card = shipped.model_card.read_text("utf-8")
    assert f"bundled model {shipped.version}" in card
    prediction = predictor.predict(np.zeros((300, 300), np.uint8), force=True)
    assert prediction.evidence is not None
