"""What speaks against a run on its validation films, and against its calibration, in exact words."""

import msgspec

from cxr_cli.doubts import alarm, remark, warning
from cxr_cli.recipe.predictions import VALIDATION, FilmPrediction
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.validation_doubts import made_worse, validation_doubts
from cxr_cli.workspace.records import read_record

BEFORE = {"log_loss": 0.697, "brier": 0.25, "ece": 0.05}


def of_scores(trained, tmp_path, scores, after=BEFORE):
    """The doubts about a run whose validation films have these scores, the positive ones first."""
    run = trained.run()
    record = read_record(run.record, RunRecord)
    calibration = msgspec.structs.replace(record.calibration, before=BEFORE, after=BEFORE | after)
    moved = type(run)(tmp_path / run.name)
    moved.root.mkdir()
    films = [
        FilmPrediction(
            image=f"{place}.png",
            group=str(place),
            truth="covid" if place < len(scores) / 2 else "non_covid",
            probability=score,
            raw_probability=score,
        )
        for place, score in enumerate(scores)
    ]
    VALIDATION.write(moved.validation, films)
    return list(validation_doubts(moved, msgspec.structs.replace(record, calibration=calibration, sha256={})))


def test_a_run_that_separates_its_validation_films_has_no_doubt(trained, tmp_path):
    assert of_scores(trained, tmp_path, [0.9] * 30 + [0.1] * 30) == []


def test_not_better_than_chance_and_worse_calibrated(trained, tmp_path):
    scores = [0.4, 0.6] * 20
    chance, calibration = of_scores(trained, tmp_path, scores, {"log_loss": 0.703, "ece": 0.061})

    assert chance.sentence.startswith(
        "On its validation films, simple-cnn is not shown to be better than chance: the AUC's interval, 0.3"
    )
    assert chance == alarm(chance.sentence)
    assert calibration == warning(
        "Calibration made the probabilities worse on the validation films. Log loss: 0.697 before, 0.703 after. "
        "Calibration error: 0.050 before, 0.061 after."
    )


def test_worse_than_chance(trained, tmp_path):
    (doubt,) = of_scores(trained, tmp_path, [0.1] * 30 + [0.9] * 30)

    assert doubt.sentence.startswith("On its validation films, simple-cnn is worse than chance: the AUC's interval, ")


def test_only_what_is_worse_as_shown_is_said():
    assert made_worse(BEFORE, {"log_loss": 0.6974, "brier": 0.2, "ece": 0.05}, "these films") is None
    assert made_worse({"log_loss": None}, {"log_loss": 0.7}, "these films") is None
    assert made_worse(BEFORE, BEFORE | {"ece": 0.08}, "these films") == remark(
        "Calibration made the probabilities worse on these films. Calibration error: 0.050 before, 0.080 after."
    )
