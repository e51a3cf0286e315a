"""What `cxr` says of films that name no patient, simulated: intervals too narrow, and figures too good."""

import numpy as np

from cxr_cli.dataset.split import complete_split, group_films
from cxr_cli.metrics.intervals import proportion_interval

PATIENTS, EACH = 40, 3  # and films of each


def coverage(groups: np.ndarray, *, sets: int = 300) -> float:
    """How often the interval of a sensitivity of 0.8 holds it; of a patient's films, two in three are alike."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(sets):
        own = rng.random((PATIENTS, 1)) < 0.8
        right = np.where(rng.random((PATIENTS, EACH)) < 0.8, own, rng.random((PATIENTS, EACH)) < 0.8).ravel()
        interval = proportion_interval(right, groups)
        held += interval.low <= 0.8 <= interval.high
    return held / sets


def test_intervals_are_too_narrow_where_films_count_as_patients():
    assert coverage(np.repeat(np.arange(PATIENTS), EACH)) > 0.92
    assert coverage(np.arange(PATIENTS * EACH)) < 0.88


def mean_auc(*, known: bool) -> float:
    """The AUC of a test where looks say nothing of the label, but the nearest film in training may be the patient's."""
    rng, aucs = np.random.default_rng(0), []
    patients = np.repeat(np.arange(80), EACH)
    digests = [f"{film:03d}" for film in range(len(patients))]
    groups = group_films([str(patient) for patient in patients] if known else [""] * len(patients), digests)
    for seed in range(20):
        positives = np.repeat(rng.permutation(80) < 40, EACH)
        looks = np.repeat(rng.normal(size=(80, 8)), EACH, axis=0) + 0.3 * rng.normal(size=(len(patients), 8))
        parts = np.array(
            complete_split([""] * len(patients), groups, positives, given_parts=[], shares=(70, 15, 15), seed=seed)
        )
        train, test = parts == "train", parts == "test"
        apart = np.linalg.norm(looks[test][:, None] - looks[train][None], axis=2)
        scores = np.where(positives[train], -apart, -np.inf).max(1) - np.where(positives[train], -np.inf, -apart).max(1)
        same = scores[positives[test]][:, None] - scores[~positives[test]][None]
        aucs.append(np.mean((same > 0) + 0.5 * (same == 0)))
    return float(np.mean(aucs))


def test_figures_are_too_good_where_patients_are_in_two_parts():
    assert 0.4 < mean_auc(known=True) < 0.6
    assert mean_auc(known=False) > 0.85
