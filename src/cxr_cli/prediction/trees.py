"""CNN + XGBoost: the trees predict from the features of the network, without TensorFlow and without XGBoost.

XGBoost's JSON is a documented format (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html), and to
import XGBoost takes several times as long as the rest of an answer.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.recipe.record import RunRecord

_OBJECTIVE = "binary:logistic"


def open_booster(path: Path, *, features: int) -> Callable[[np.ndarray], np.ndarray]:
    """Load the trees.

    Args:
        path: the run's `xgboost.json`.
        features: how many features of a film they predict from.

    Returns:
        A function of the features of films, (N, C) float32, NaN where one is missing, that gives P(positive), (N,)
        float32 in [0, 1].

    Raises:
        WorkspaceError: the file is missing or damaged.
    """
    try:
        learner = msgspec.json.decode(path.read_bytes(), type=_File).learner
        _check(learner, features)
        return _joined(learner.gradient_booster.model.trees, _margin(learner.learner_model_param.base_score))
    except (msgspec.DecodeError, RecursionError, ValueError, OSError) as error:
        raise WorkspaceError(
            f"Expected XGBoost's trees in {path}. Received: {str(error).splitlines()[-1][:200]}.",
            hint=f"Make it again: {RunRecord.MADE_BY.replace('mobilenetv2', 'cnn-xgboost')}",
        ) from error


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_type: list[int]
    split_conditions: list[float]  # of a leaf: its weight
    default_left: list[int | bool]


class _Trees(msgspec.Struct):
    trees: list[_Tree]


class _Model(msgspec.Struct):
    model: _Trees


class _Parameters(msgspec.Struct):
    num_feature: str
    base_score: str  # "5E-1"; from XGBoost 3.1 on a list, "[5E-1]"


class _Objective(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    gradient_booster: _Model
    learner_model_param: _Parameters
    objective: _Objective


class _File(msgspec.Struct):
    learner: _Learner


def _check(learner: _Learner, features: int) -> None:
    """Follow every branch once: a wrong one leads beyond its tree, or never ends."""
    if learner.objective.name != _OBJECTIVE:
        raise ValueError(f"trees for {learner.objective.name[:40]}, not {_OBJECTIVE}")
    if learner.learner_model_param.num_feature != str(features):
        raise ValueError(f"trees on {learner.learner_model_param.num_feature[:20]} features, not {features}")
    for number, tree in enumerate(learner.gradient_booster.model.trees):
        nodes = len(tree.left_children)
        if not 0 < nodes == len(tree.split_conditions) == len(tree.default_left):
            raise ValueError(f"tree {number} lacks conditions")
        if max(map(abs, tree.split_conditions)) > float(np.finfo(np.float32).max):
            raise ValueError(f"tree {number} has a condition beyond float32")
        branches = zip(tree.left_children, tree.right_children, tree.split_indices, tree.split_type, strict=True)
        for node, (left, right, feature, kind) in enumerate(branches):
            leaf = left == right == -1
            # A child is always written after its parent, so that no branch leads back.
            if not (leaf or (node < left < nodes and node < right < nodes)) or not 0 <= feature < features or kind:
                raise ValueError(f"node {node} of tree {number} leads nowhere")


def _margin(base_score: str) -> np.float32:
    """What the trees' weights are added to: the logit of the share that is positive before any tree."""
    share = np.float32(base_score.removeprefix("[").removesuffix("]"))
    if not 0 < share < 1:
        raise ValueError(f"a base score of {base_score[:20]}")
    return np.float32(-np.log(1 / share - 1))


def _joined(trees: list[_Tree], margin: np.float32) -> Callable[[np.ndarray], np.ndarray]:
    """Put the nodes of all trees into one table: a film goes down all of them at once.

    Args:
        trees: as they were checked.
        margin: what their weights are added to.

    Returns:
        As `open_booster`.
    """
    sizes = [len(tree.left_children) for tree in trees]
    roots = np.cumsum([0, *sizes])[:-1]
    first = np.repeat(roots, sizes)
    own = np.arange(len(first))

    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([value for tree in trees for value in getattr(tree, name)], dtype)

    left, right = column("left_children", np.int64), column("right_children", np.int64)
    leaf = left < 0
    # A leaf leads to itself, so that a film waits there until it has come down all trees.
    left, right = np.where(leaf, own, left + first), np.where(leaf, own, right + first)
    feature, default_left = column("split_indices", np.int64), column("default_left", bool)
    condition = column("split_conditions", np.float32)

    def probabilities(features: np.ndarray) -> np.ndarray:
        films = np.arange(len(features))[:, None]
        node = np.tile(roots, (len(features), 1))
        while not leaf[node].all():
            value = features[films, feature[node]]
            goes_left = np.where(np.isnan(value), default_left[node], value < condition[node])
            node = np.where(goes_left, left[node], right[node])
        # Tree by tree in float32, as XGBoost adds them up.
        weights = np.insert(condition[node], 0, margin, axis=1)
        logit = np.cumsum(weights, axis=1, dtype=np.float32)[:, -1]
        return 1 / (1 + np.exp(np.minimum(-logit, np.float32(88.7))))

    return probabilities
