"""CNN + XGBoost: the trees predict from the features of the network, without TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.recipe.record import RunRecord


def open_booster(path: Path) -> Callable[[np.ndarray], float]:
    """Load the trees.

    Args:
        path: the run's `xgboost.json`.

    Returns:
        A function of one film's features, (1, C) float32, that gives P(positive).

    Raises:
        WorkspaceError: the file is missing or damaged.
    """
    import xgboost

    try:
        booster = xgboost.Booster({"nthread": 1}, model_file=path)
    except (xgboost.core.XGBoostError, ValueError, OSError) as error:
        raise WorkspaceError(
            f"Expected XGBoost's trees in {path}. Received: {str(error).splitlines()[-1][:200]}.",
            hint=f"Make it again: {RunRecord.MADE_BY.replace('mobilenetv2', 'cnn-xgboost')}",
        ) from error

    def probability(features: np.ndarray) -> float:
        return float(booster.inplace_predict(features)[0])

    return probability
