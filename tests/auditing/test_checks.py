"""Checks on simulated films: shortcuts are found, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import fisher_exact, mannwhitneyu, norm

from cxr_cli.auditing import checks, probes
from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS
from cxr_cli.auditing.files import FileProperties
from cxr_cli.auditing.film_features import FilmFeatures, LungFeatures
from cxr_cli.dataset.manifest import Film

RNG = np.random.default_rng(0)
COUNT = 80


def films_of(positives, **columns):
    """Make films, two per patient, whose other values are constant or random."""
    given = {name: list(values) for name, values in columns.items()}
    fixed = {"split": "train", "source": "A", "view": "PA", "finding": "", "sha256": "", "phash": "", "original": ""}
    return [
        Film(
            **fixed
            | {"path": f"{i}.png", "label": "covid" if positive else "other", "patient": f"p{i // 2}"}
            | {"group": f"p{i // 2}", "sex": "", "age": "", "location": ""}
            | {name: values[i] for name, values in given.items()}
        )
        for i, positive in enumerate(positives)
    ]


EMPTY = np.zeros((320, 320), np.float32)
SIZES = [len(area.features(EMPTY, EMPTY)) for area in (BORDER, CORNERS, DETAIL, WITHOUT_LUNGS)]
NETWORK = 40  # features of the frozen network


def noise(rng, count=COUNT):
    """Features of films that say nothing."""
    return features_of(lambda size: rng.normal(size=size).astype(np.float32), count)


def features_of(draw, count=1):
    """Features of films, from a function of their number."""
    return [
        FilmFeatures(*(draw(size) for size in SIZES[:3]), None, LungFeatures(*map(draw, (SIZES[3], NETWORK, NETWORK))))
        for _ in range(count)
    ]


@pytest.fixture
def check(monkeypatch):
    """Check films whose files and pixels are equal except for what is given."""
    monkeypatch.setattr(probes, "_REPEATS", 1)
    monkeypatch.setattr(probes, "_TREES", 30)

    def check(positives, files=None, features=None, **columns):
        alike = FileProperties(width=512, height=400, bytes=90_000, format="PNG", mode="gray")
        flat = features_of(lambda size: np.zeros(size, np.float32))
        found = checks.check_shortcuts(
            films_of(positives, **columns),
            files or [alike] * len(positives),
            features or flat * len(positives),
            positive="covid",
            seed=0,
        )
        return {one.name: one for one in found.checks}

    return check


PATIENTS = np.arange(COUNT) // 2
POSITIVES = PATIENTS % 2 == 0


def test_constant_columns_do_not_separate_the_classes(check):
    found = check(POSITIVES)

    assert len(found) == 19
    assert {one.auc for one in found.values()} == {None}
    assert {one.level for one in found.values()} == {"ok"}


@pytest.mark.parametrize("column", ["source", "location", "view", "sex", "age"])
def test_a_column_equal_to_the_label_raises_an_alarm(check, column):
    words = [("30", "70") if column == "age" else ("M", "F")][0]
    found = check(POSITIVES, **{column: np.where(POSITIVES, *words)})

    assert [name for name, one in found.items() if one.level == "alarm"] == [column]
    assert found[column].auc == 1
    assert found[column].interval.low > 0.8
    assert found[column].cramers_v > 0.95
    assert {(value.negatives, value.positives) for value in found[column].values} == {(0, 40), (40, 0)}


@pytest.mark.parametrize("column", ["patient", "location", "view", "sex", "age"])
def test_values_missing_in_one_class_raise_an_alarm(check, column):
    found = check(POSITIVES, **{column: np.where(POSITIVES, "", "50")})
    missing = found[f"{column} missing"]

    assert [name for name, one in found.items() if one.level == "alarm"] == [missing.name]
    assert {value.value: (value.negatives, value.positives) for value in missing.values} == {
        "given": (40, 0),
        "missing": (0, 40),
    }


def test_sizes_formats_and_bytes_that_follow_the_label_raise_an_alarm(check):
    rng = np.random.default_rng(1)
    files = [
        FileProperties(
            width=int(rng.integers(500, 600) + 200 * positive),
            height=500,
            bytes=80_000,
            format="JPEG" if positive else "PNG",
            mode="gray",
        )
        for positive in POSITIVES
    ]
    found = check(POSITIVES, files=files)

    assert {name for name, one in found.items() if one.level == "alarm"} == {
        "image size",
        "file format",
        "file properties",
    }


def test_a_small_source_of_one_class_raises_an_alarm(check):
    small = PATIENTS >= 30
    positives = np.where(small, False, POSITIVES)
    sources = np.where(small, "B", "A")
    found = check(positives, source=sources, view=np.where(small, "AP", "PA"))

    assert found["source"].auc < checks.ALARM_AUC
    assert found["source"].level == "alarm"
    assert found["view"].level == "warning"


def test_chance_raises_no_alarm(check, monkeypatch):
    monkeypatch.setattr(probes, "_REPEATS", 1)  # which gives chance more room
    levels = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        words = {name: rng.choice(["a", "b", "c"], COUNT) for name in ("source", "location", "view")}
        files = [
            FileProperties(int(w), int(h), int(b), "PNG", "gray") for w, h, b in rng.integers(300, 600, (COUNT, 3))
        ]
        found = check(
            rng.permutation(POSITIVES),
            files=files,
            features=noise(rng),
            **words,
        )
        levels += [one.level for one in found.values() if one.auc is not None]

    assert len(levels) >= 4 * 11
    assert set(levels) == {"ok"}


@pytest.mark.parametrize(
    ("of_network", "levels"),
    [
        (1, {"whole film (frozen network)": "warning"}),
        (0, {"film without lungs (frozen network)": "alarm"}),
    ],
)
def test_a_network_that_separates_the_classes_too_well(check, of_network, levels):
    """A whole film shows the disease, so its classes may be separated; that without lungs shows little of it."""
    features = []
    for positive in POSITIVES:
        shown = [np.full(NETWORK, positive, np.float32) * (place == of_network) for place in (1, 0)]
        (flat,) = features_of(lambda size: np.zeros(size, np.float32))
        features.append(replace(flat, lungs=LungFeatures(flat.lungs.without_lungs, *shown)))
    found = check(POSITIVES, features=features)

    assert {name: one.level for name, one in found.items() if one.level != "ok"} == levels


def test_films_without_known_lungs_are_left_out_of_their_checks(check):
    rng = np.random.default_rng(0)
    features = noise(rng)
    features[:10] = [replace(one, lungs=None) for one in features[:10]]
    found = check(POSITIVES, features=features)

    assert {name: one.films for name, one in found.items() if one.films < COUNT and one.auc is not None} == {
        "film without lungs": 70,
        "film without lungs (frozen network)": 70,
        "whole film (frozen network)": 70,
    }


def test_what_looks_at_films_without_lungs_is_named(check):
    found = check(POSITIVES)

    assert found["film without lungs"].title == "film without lungs (forest)"
    assert found["film without lungs (frozen network)"].title == "film without lungs (frozen network)"
    assert (found["view"].title, found["view missing"].title) == ("view", "view missing")


def test_a_tiny_difference_is_only_noted_however_small_its_p(check):
    """A value that 8 % of one class lacks: an AUC of 0.54 whose p is far below 0.05."""
    count = 6000
    positives = np.arange(count) // 2 % 2 == 0
    found = check(positives, sex=np.where(positives & (np.arange(count) % 50 < 4), "", "F"))["sex missing"]

    assert found.p < 0.001
    assert 0.53 < found.interval.low < found.auc < checks.WARNING_AUC
    assert found.level == "noted"


def test_films_of_one_patient_count_as_one(check):
    """Twenty copies of each of four patients: a difference between patients is not one between classes."""
    groups = np.arange(COUNT) // 20
    positives = groups % 2 == 0
    found = check(positives, group=[f"g{group}" for group in groups], view=np.where(positives, "PA", "AP"))

    assert found["view"].auc is None  # fewer than five patients per class


def test_p_of_a_column_is_that_of_fishers_test_where_patients_have_one_film():
    positives, groups = np.arange(40) < 20, np.arange(40)
    words = np.where(np.isin(groups, [0, 1, 2, 3, 4, 5, 6, 20]), "AP", "PA")
    expected = fisher_exact([[7, 13], [1, 19]]).pvalue

    assert checks.chance_of_words(words, positives, groups, seed=0) == pytest.approx(expected, abs=0.01)


def test_p_of_scores_is_that_of_a_rank_test_on_patient_means():
    rng = np.random.default_rng(3)
    views = np.where(rng.uniform(size=COUNT) < 0.75, POSITIVES, ~POSITIVES)
    groups = np.array([f"p{patient}" for patient in PATIENTS])
    scores = probes.value_scores(np.where(views, "PA", "AP"), POSITIVES, groups, seed=0)
    means = scores.reshape(-1, 2).mean(axis=1)
    z = norm.isf(mannwhitneyu(means[::2], means[1::2], alternative="greater").pvalue)

    # Five folds: each tests on a quarter of what it is trained on.
    assert checks.chance_of_scores(scores, POSITIVES, groups) == pytest.approx(norm.sf(z / 1.5))


@pytest.mark.parametrize("kind", ["words", "network"])
def test_chance_is_found_in_five_percent_at_most(kind, monkeypatch):
    """A rank test alone finds it in 7 to 13 % of such sets, because each patient helps to score the others."""
    monkeypatch.setattr(probes, "_REPEATS", 1)
    found, groups = [], np.arange(60)
    for seed in range(80):
        rng = np.random.default_rng(seed)
        positives = rng.permutation(60) < 30
        if kind == "words":
            found.append(checks.chance_of_words(rng.choice(["a", "b"], 60), positives, groups, seed=seed))
        else:
            scores = probes.frozen_scores(rng.normal(size=(60, 40)), positives, groups, seed=seed)
            found.append(checks.chance_of_scores(scores, positives, groups))

    assert np.mean(np.array(found) < 0.05) <= 0.05


def test_scores_use_only_other_patients():
    """A value that only one patient has gives no information."""
    own = [f"only {patient}" for patient in PATIENTS]

    assert set(probes.value_scores(own, POSITIVES, PATIENTS, seed=0)) == {0.5}


def test_the_score_of_a_value_is_the_rank_of_its_positive_share():
    """Three values, which are 10 %, 50 % and 90 % positive among other patients."""
    rng = np.random.default_rng(0)
    words = rng.choice(["low", "middle", "high"], 900)
    share = {"low": 0.1, "middle": 0.5, "high": 0.9}
    positives = rng.uniform(size=900) < np.array([share[word] for word in words])
    scores = probes.value_scores(words, positives, np.arange(900), seed=0)

    assert {word: set(scores[words == word].round(9)) for word in share} == {
        "low": {round(1 / 6, 9)},
        "middle": {0.5},
        "high": {round(5 / 6, 9)},
    }
