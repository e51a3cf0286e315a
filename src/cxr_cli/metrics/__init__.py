"""Arrays in, numbers and pictures out: metrics, intervals, calibration, prediction sets, paired tests.

What is most useful from Python can be used as ``cxr_cli.metrics.NAME``; it is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cxr_cli.metrics.calibration import fit_calibration, measure_calibration
    from cxr_cli.metrics.conformal import fit_sets, measure_sets
    from cxr_cli.metrics.intervals import proportion_interval
    from cxr_cli.metrics.operating_points import choose_threshold, parse_rule
    from cxr_cli.metrics.paired_tests import delong, mcnemar
    from cxr_cli.metrics.ranking_intervals import auc_interval

__all__ = [
    "auc_interval",
    "choose_threshold",
    "delong",
    "fit_calibration",
    "fit_sets",
    "mcnemar",
    "measure_calibration",
    "measure_sets",
    "parse_rule",
    "proportion_interval",
]
_PLACES = {
    "auc_interval": "ranking_intervals",
    "choose_threshold": "operating_points",
    "delong": "paired_tests",
    "fit_calibration": "calibration",
    "fit_sets": "conformal",
    "mcnemar": "paired_tests",
    "measure_calibration": "calibration",
    "measure_sets": "conformal",
    "parse_rule": "operating_points",
    "proportion_interval": "intervals",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
