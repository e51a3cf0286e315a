"""CNN + XGBoost: boosted trees on the features of the exported network."""

from pathlib import Path

import numpy as np
import xgboost

from cxr_cli.recipe.record import Boosting
from cxr_cli.workspace.files import write_bytes

_ROUNDS = 500  # maximum number
_PATIENCE = 30  # rounds without a lower validation loss
# Shallow and slow: a few hundred films, and a network that has seen them before.
_PARAMETERS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8}


def fit_booster(
    path: Path,
    features: dict[str, np.ndarray],
    positives: dict[str, np.ndarray],
    *,
    class_weight: dict[int, float] | None,
    seed: int,
) -> tuple[Boosting, np.ndarray]:
    """Fit the trees on train, stop where validation gets no better, and save those up to the best round as JSON.

    Args:
        path: the file to write, in XGBoost's own format; no pickle.
        features: by part, "train" and "val": (N, C) float32.
        positives: by part: (N,) float32, 1 for the positive class.
        class_weight: weights of the classes 0 and 1. Defaults to 1 each.
        seed: random seed of the rows and columns that each tree uses.

    Returns:
        What was fitted, and P(positive) of each validation film, (N,) float32, predicted with the saved file.
    """
    weights = class_weight or {0: 1.0, 1: 1.0}
    tables = {
        part: xgboost.DMatrix(
            features[part], positives[part], weight=np.where(positives[part] > 0, weights[1], weights[0])
        )
        for part in ("train", "val")
    }
    booster = xgboost.train(
        {**_PARAMETERS, "seed": seed},
        tables["train"],
        num_boost_round=_ROUNDS,
        evals=[(tables["val"], "val")],
        early_stopping_rounds=_PATIENCE,
        verbose_eval=False,
    )
    best = booster.best_iteration
    write_bytes(path, bytes(booster[: best + 1].save_raw("json")))
    saved = xgboost.Booster(model_file=path)
    facts = Boosting(trees=best + 1, features=features["train"].shape[1], val_loss=float(booster.best_score))
    return facts, saved.predict(tables["val"])
