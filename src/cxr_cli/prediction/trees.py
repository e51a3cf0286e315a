"""CNN + XGBoost: the trees predict from the features of the network, without TensorFlow."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.recipe.record import RunRecord


def open_booster(path: Path, *, features: int) -> Callable[[np.ndarray], float]:
    """Load the trees.

    Args:
        path: the run's `xgboost.json`.
        features: how many features of a film they predict from.

    Returns:
        A function of one film's features, (1, C) float32, that gives P(positive).

    Raises:
        WorkspaceError: the file is missing or damaged.
    """
    import xgboost

    try:
        data = path.read_bytes()
        _check(data, features)
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(data))
    except (xgboost.core.XGBoostError, msgspec.DecodeError, RecursionError, ValueError, OSError) as error:
        raise WorkspaceError(
            f"Expected XGBoost's trees in {path}. Received: {str(error).splitlines()[-1][:200]}.",
            hint=f"Make it again: {RunRecord.MADE_BY.replace('mobilenetv2', 'cnn-xgboost')}",
        ) from error

    def probability(features: np.ndarray) -> float:
        return float(booster.inplace_predict(features)[0])

    return probability


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_type: list[int]
    split_conditions: list[float]
    default_left: list[int | bool]


class _Trees(msgspec.Struct):
    trees: list[_Tree]


class _Model(msgspec.Struct):
    model: _Trees


class _Parameters(msgspec.Struct):
    num_feature: str


class _Learner(msgspec.Struct):
    gradient_booster: _Model
    learner_model_param: _Parameters


class _File(msgspec.Struct):
    learner: _Learner


def _check(data: bytes, features: int) -> None:
    """Follow every branch once: XGBoost itself trusts them, and a wrong one reads beyond its arrays or never ends."""
    learner = msgspec.json.decode(data, type=_File).learner
    if learner.learner_model_param.num_feature != str(features):
        raise ValueError(f"trees on {learner.learner_model_param.num_feature[:20]} features, not {features}")
    for number, tree in enumerate(learner.gradient_booster.model.trees):
        nodes = len(tree.left_children)
        if not nodes == len(tree.split_conditions) == len(tree.default_left):
            raise ValueError(f"tree {number} lacks conditions")
        branches = zip(tree.left_children, tree.right_children, tree.split_indices, tree.split_type, strict=True)
        for node, (left, right, feature, kind) in enumerate(branches):
            leaf = left == right == -1
            # A child is always written after its parent, so that no branch leads back.
            if not (leaf or (node < left < nodes and node < right < nodes)) or not 0 <= feature < features or kind:
                raise ValueError(f"node {node} of tree {number} leads nowhere")
