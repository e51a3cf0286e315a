"""Boosted trees predict as XGBoost does, which is never imported for it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.prediction.trees import open_booster

FEATURES = 6


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    """Fit trees on features that often tie, and often lack; gives the file and XGBoost's own model."""
    import xgboost

    def fitted(**parameters):
        random = np.random.default_rng(1)
        features = random.normal(size=(300, FEATURES)).round(1).astype(np.float32)
        positives = features[:, 0] + random.normal(size=300) > 0.5
        features[random.random(features.shape) < 0.2] = np.nan
        parameters = {"objective": "binary:logistic", "nthread": 1, **parameters}
        booster = xgboost.train(parameters, xgboost.DMatrix(features, positives), num_boost_round=40)
        path = tmp_path_factory.mktemp("trees") / "xgboost.json"
        booster.save_model(path)
        return path, booster

    return fitted


def films_of(path):
    """Features at the trees' own thresholds, a hair beside them, anywhere, and missing."""
    trees = json.loads(path.read_text())["learner"]["gradient_booster"]["model"]["trees"]
    random = np.random.default_rng(2)
    at = random.choice([value for tree in trees for value in tree["split_conditions"]], size=(200, FEATURES))
    at = at.astype(np.float32)
    films = np.concatenate([at, np.nextafter(at, np.float32(-9)), random.normal(scale=3, size=(200, FEATURES))])
    films[random.random(films.shape) < 0.1] = np.nan
    films[0] = np.nan
    return films.astype(np.float32)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_depth": 3, "eta": 0.05},
        {"max_depth": 8, "eta": 1.0},
        {"max_depth": 3, "base_score": 0.1},
        {"max_depth": 3, "gamma": 1e9},  # one node per tree
        {"num_parallel_tree": 3, "subsample": 0.5},
    ],
    ids=str,
)
def test_the_trees_predict_as_xgboost_does(fit, parameters):
    path, booster = fit(**parameters)
    films = films_of(path)

    found = open_booster(path, features=FEATURES)(films)

    np.testing.assert_allclose(found, booster.inplace_predict(films), rtol=0, atol=1e-6)
    assert found.dtype == np.float32
    if "gamma" not in parameters:
        assert len(np.unique(found)) > 100


def test_the_base_score_of_other_versions_is_read(fit):
    path, _ = fit(max_depth=2, base_score=0.25)
    trees = json.loads(path.read_text())
    own = open_booster(path, features=FEATURES)(films_of(path))

    for written in ("2.5E-1", "[2.5E-1]", "0.25"):
        trees["learner"]["learner_model_param"]["base_score"] = written
        path.write_text(json.dumps(trees))
        np.testing.assert_array_equal(open_booster(path, features=FEATURES)(films_of(path)), own)


@pytest.mark.parametrize("written", ["0", "1E0", "nan", "[2E-1,3E-1]", "1E999", ""])
def test_a_base_score_that_is_no_probability_is_refused(fit, written):
    path, _ = fit(max_depth=2)
    trees = json.loads(path.read_text())
    trees["learner"]["learner_model_param"]["base_score"] = written
    path.write_text(json.dumps(trees))

    with pytest.raises(WorkspaceError, match=r"Expected XGBoost's trees in .*xgboost\.json"):
        open_booster(path, features=FEATURES)


def test_trees_for_another_task_are_refused(fit):
    path, _ = fit(objective="reg:squarederror")

    with pytest.raises(WorkspaceError, match="trees for reg:squarederror, not binary:logistic"):
        open_booster(path, features=FEATURES)


def test_no_trees_give_the_base_score(fit):
    path, _ = fit(max_depth=2, base_score=0.25)
    trees = json.loads(path.read_text())
    trees["learner"]["gradient_booster"]["model"]["trees"] = []
    path.write_text(json.dumps(trees))

    assert open_booster(path, features=FEATURES)(np.zeros((2, FEATURES), np.float32)) == pytest.approx([0.25, 0.25])


def test_xgboost_is_not_imported(fit):
    path, _ = fit(max_depth=2)
    code = (
        "import sys, pathlib, numpy as np; sys.modules['xgboost'] = None; "
        "from cxr_cli.prediction.trees import open_booster; "
        f"print(open_booster(pathlib.Path(sys.argv[1]), features={FEATURES})(np.zeros((1, {FEATURES}), 'f')).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("(1,)\n", "")
