"""What speaks against a run on its validation films, and against its calibration."""

from collections.abc import Iterator, Mapping

import numpy as np

from cxr_cli.doubts import Doubt, alarm, remark, warning
from cxr_cli.metrics.calibration import CALIBRATION_FIGURES
from cxr_cli.metrics.chance import Standing, run_standing_in_words, standing
from cxr_cli.metrics.ranking_intervals import auc_interval
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import RunFolder


def validation_doubts(run: RunFolder, record: RunRecord) -> Iterator[Doubt]:
    """Compare a run with chance on its validation films, and its calibrated probabilities with those before.

    Args:
        run: its folder, with the predictions for its validation films.
        record: its record.

    Raises:
        WorkspaceError: the predictions are missing or damaged.
    """
    films = read_validation(run, record)
    around = auc_interval(
        np.array([film.truth == record.classes.positive for film in films]),
        np.array([film.raw_probability for film in films]),
        np.array([film.group for film in films]),
    )
    if standing(around) is not Standing.BETTER:
        yield alarm(run_standing_in_words(run.name, "validation", around))
    calibration = record.calibration
    worse = made_worse(calibration.before, calibration.after, "the validation films") if calibration else None
    if worse:
        yield worse


def made_worse(before: Mapping[str, float | None], after: Mapping[str, float | None], films: str) -> Doubt | None:
    """Say which figures calibration made worse, of those that are smaller where it is better; None if it made none.

    Args:
        before: by the names of `CALIBRATION_FIGURES`, of the probabilities as the network, or its trees, give them.
        after: the same of the calibrated ones.
        films: which ones, as the sentence goes on: ``these films``.
    """
    worse = {}
    for name in ("log_loss", "brier", "ece"):
        first, second = before.get(name), after.get(name)
        if first is not None and second is not None and round(second, 3) > round(first, 3):
            worse[name] = f" {CALIBRATION_FIGURES[name][0]}: {first:.3f} before, {second:.3f} after."
    if not worse:
        return None
    sentence = f"Calibration made the probabilities worse on {films}.{''.join(worse.values())}"
    # The calibration error alone says little: it depends on bins, and on chance.
    return remark(sentence) if list(worse) == ["ece"] else warning(sentence)
