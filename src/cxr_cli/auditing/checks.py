"""Checks of everything that could separate the classes without the disease, all measured in the same way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS
from cxr_cli.auditing.files import MEASURES, SIZES, FileProperties, measures
from cxr_cli.auditing.film_features import FilmFeatures, LungFeatures
from cxr_cli.auditing.probes import FOLDS, can_be_probed, feature_scores, frozen_scores, value_scores
from cxr_cli.auditing.record import AuditValue, ShortcutCheck
from cxr_cli.dataset.manifest import Film
from cxr_cli.metrics.chance import Standing, standing
from cxr_cli.metrics.holm import corrected
from cxr_cli.metrics.ranking_intervals import auc_interval
from cxr_cli.metrics.subgroups import UNKNOWN, age_band
from cxr_cli.progress import track
from cxr_cli.threads import CORES, in_threads

# From this AUC, something that is not the disease reveals as much as the films themselves: a model trained on the
# ieee8023 collection reaches 0.70 to 0.75 there, patients apart. See docs/explanation/audit.md.
ALARM_AUC = 0.75
_PERMUTATIONS = 2000
SIGNIFICANT = 0.05  # after correction for the number of checks
# With thousands of films even a value that 1% of one class lacks is beyond chance. An AUC of 0.556 is what Cohen calls
# a small effect (d = 0.2, Statistical Power Analysis 1988); what is below that is noted, not listed beside the alarms.
WARNING_AUC = 0.55
# A disease can change the heart's outline and the patient's position, and so what a film without its lungs shows. From
# this AUC that is no explanation any more: see docs/explanation/audit.md.
TOO_GOOD_AUC = 0.9
# Columns of the manifest, and those whose values can be missing.
CHECKED_COLUMNS: dict[str, Callable[[Film], str]] = {
    "source": lambda film: film.source,
    "location": lambda film: film.location,
    "view": lambda film: film.view,
    "sex": lambda film: film.sex,
    "age": lambda film: "" if age_band(film.age) == UNKNOWN else age_band(film.age),
}
_MAY_MISS = ("patient", "location", "view", "sex", "age")
_GIVEN, _MISSING = "given", "missing"
SIZE, FORMAT, FILES = "image size", "file format", "file properties"
FROZEN, FROZEN_WITHOUT = "whole film (frozen network)", "film without lungs (frozen network)"

# The AUC from which a check is an alarm, where that is not `ALARM_AUC`. The whole film shows the disease: only what is
# too good to be true is a warning, and nothing an alarm.
_ALARMS = {DETAIL.name: TOO_GOOD_AUC, WITHOUT_LUNGS.name: TOO_GOOD_AUC, FROZEN_WITHOUT: TOO_GOOD_AUC, FROZEN: np.inf}

LEVELS = ("alarm", "warning", "noted", "ok")


def alarm_auc(name: str) -> float:
    """The AUC from which the check of that name is an alarm, if it is beyond chance; infinite if it can't be one."""
    return _ALARMS.get(name, ALARM_AUC)


@dataclass(frozen=True)
class ShortcutChecks:
    """The results, and the features that the probes used."""

    checks: list[ShortcutCheck]  # alarms first, then by AUC
    importances: dict[str, np.ndarray]  # of the features of each probe; none where it could not be trained


@dataclass(frozen=True)
class _Check:
    """Something to check: a word per film, or features for a classifier."""

    name: str
    kind: str
    words: Sequence[str] = ()  # one per film; an empty one is unknown
    features: np.ndarray | None = None  # (K, F), of the known films
    known: np.ndarray | None = None  # (N,) bool; None where all films are, or words say it
    warning: float = WARNING_AUC  # the AUC from which there is a warning


@dataclass(frozen=True)
class _Measured:
    check: _Check
    known: np.ndarray  # (N,) bool
    scores: np.ndarray | None = None  # of the known films; None where the check is impossible
    importances: np.ndarray = field(default_factory=lambda: np.zeros(0))


def check_shortcuts(
    films: Sequence[Film],
    files: list[FileProperties],
    features: Sequence[FilmFeatures],
    *,
    positive: str,
    seed: int,
) -> ShortcutChecks:
    """Measure how well each thing separates the classes, out of fold, with patients and copies kept together.

    Args:
        films: of the manifest.
        files: their properties, in the same order.
        features: of their pixels, in the same order.
        positive: the positive class.
        seed: of folds and trees.
    """
    positives = np.array([film.label == positive for film in films])
    groups = np.array([film.group for film in films])
    all_checks = _all_checks(films, files, features)
    measuring = in_threads(lambda check: _measure(check, positives, groups, seed=seed), all_checks, threads=CORES)
    measured = list(track(measuring, "Looking for shortcuts", total=len(all_checks)))
    chances = [
        None if one.scores is None else _chance(one, positives[one.known], groups[one.known], seed=seed)
        for one in measured
    ]
    checks = [_judge(one, p, positives, groups, seed=seed) for one, p in zip(measured, corrected(chances), strict=True)]
    return ShortcutChecks(
        checks=sorted(checks, key=lambda check: (LEVELS.index(check.level), -(check.auc or 0))),
        importances={one.check.name: one.importances for one in measured if one.importances.size},
    )


def _all_checks(films: Sequence[Film], files: list[FileProperties], features: Sequence[FilmFeatures]) -> list[_Check]:
    of_files = measures(files)
    columns = {name: [read(film) for film in films] for name, read in CHECKED_COLUMNS.items()}
    may_miss = {**columns, "patient": [film.patient for film in films]}
    return [
        *(_Check(name, "column", words) for name, words in columns.items()),
        _Check(FORMAT, "column", [file.kind for file in files]),
        # Sizes are features too: those of one source may be similar without being equal.
        _Check(SIZE, "column", [file.size for file in files], of_files[:, [MEASURES.index(name) for name in SIZES]]),
        *(
            _Check(f"{name} missing", "missing", [_GIVEN if word else _MISSING for word in may_miss[name]])
            for name in _MAY_MISS
        ),
        _Check(FILES, "probe", features=of_files),
        _Check(BORDER.name, "probe", features=np.stack([film.border for film in features])),
        _Check(CORNERS.name, "probe", features=np.stack([film.corners for film in features])),
        _Check(DETAIL.name, "probe", features=np.stack([film.detail for film in features])),
        *_lung_checks([film.lungs for film in features]),
    ]


def _lung_checks(lungs: Sequence[LungFeatures | None]) -> list[_Check]:
    """The checks of films whose lungs were found."""
    known, found = np.array([one is not None for one in lungs]), [one for one in lungs if one]

    def stacked(of_one: Callable[[LungFeatures], np.ndarray]) -> np.ndarray:
        return np.stack([of_one(one) for one in found]) if found else np.zeros((0, 0), np.float32)

    without, frozen_without = stacked(lambda one: one.without_lungs), stacked(lambda one: one.frozen_without)
    frozen = stacked(lambda one: one.frozen)
    return [
        _Check(WITHOUT_LUNGS.name, "probe", features=without, known=known),
        _Check(FROZEN_WITHOUT, "network", features=frozen_without, known=known),
        _Check(FROZEN, "network", features=frozen, known=known, warning=TOO_GOOD_AUC),
    ]


def _measure(check: _Check, positives: np.ndarray, groups: np.ndarray, *, seed: int) -> _Measured:
    known = np.ones(len(positives), bool) if check.known is None else check.known
    if check.words:
        known = np.array([bool(word) for word in check.words])
    words, features = [word for word in check.words if word], check.features
    varies = len(set(words)) > 1 if features is None else bool(len(features) and (features != features[0]).any())
    if not varies or not can_be_probed(positives[known], groups[known]):
        return _Measured(check, known)
    if features is None:
        return _Measured(check, known, value_scores(words, positives[known], groups[known], seed=seed))
    if check.kind == "network":
        return _Measured(check, known, frozen_scores(features, positives[known], groups[known], seed=seed))
    return _Measured(check, known, *feature_scores(features, positives[known], groups[known], seed=seed))


def _chance(one: _Measured, positives: np.ndarray, groups: np.ndarray, *, seed: int) -> float:
    if one.check.features is None:
        return chance_of_words([word for word in one.check.words if word], positives, groups, seed=seed)
    assert one.scores is not None
    return chance_of_scores(one.scores, positives, groups)


def chance_of_words(words: Sequence[str], positives: np.ndarray, groups: np.ndarray, *, seed: int) -> float:
    """The p value of a permutation test: that chance makes the patients' classes differ so much between values.

    The statistic is Pearson's chi-squared, where each patient counts once, with the shares of its films.

    Args:
        words: one per film.
        positives: (N,) bool.
        groups: (N,), the patient of each film.
        seed: of the permutations.
    """
    _, members, films = np.unique(groups, return_inverse=True, return_counts=True)
    names, column = np.unique(np.array(words), return_inverse=True)
    shares = np.zeros((len(films), len(names)))
    np.add.at(shares, (members, column), 1 / films[members])
    positive, totals = np.bincount(members, weights=positives) / films, shares.sum(axis=0)

    def statistic(classes: np.ndarray) -> np.ndarray:
        """(R, patients) -> (R,), but for a factor that permutations don't change."""
        return np.asarray(((classes @ shares - totals * positive.mean()) ** 2 / totals).sum(axis=1))

    random, observed = np.random.default_rng(seed), statistic(positive[None])[0]
    drawn = [statistic(random.permuted(np.tile(positive, (100, 1)), axis=1)) for _ in range(_PERMUTATIONS // 100)]
    return float((1 + np.sum(np.concatenate(drawn) >= observed * (1 - 1e-9))) / (1 + _PERMUTATIONS))


def chance_of_scores(scores: np.ndarray, positives: np.ndarray, groups: np.ndarray) -> float:
    """The p value of a one-sided rank test of the patients' mean scores: that chance ranks positives so high.

    Every patient was scored by the others and helped to score them, so the scores are not independent, and the test
    alone finds something by chance in 7 to 13% instead of 5%. Its z is divided as Nadeau & Bengio 2003 (Mach Learn
    52:239) correct the variance of a cross-validated figure. See benchmarks/simulate_audit.py.
    """
    from scipy.stats import mannwhitneyu, norm

    sides = []
    for side in (True, False):
        there = positives == side
        _, members = np.unique(groups[there], return_inverse=True)
        sides.append(np.bincount(members, weights=scores[there]) / np.bincount(members))
    z = norm.isf(mannwhitneyu(*sides, alternative="greater").pvalue)
    return float(norm.sf(z / np.sqrt(1 + FOLDS / (FOLDS - 1))))


def _judge(one: _Measured, p: float | None, positives: np.ndarray, groups: np.ndarray, *, seed: int) -> ShortcutCheck:
    from scipy.stats.contingency import association
    from sklearn.metrics import roc_auc_score

    there, patients = positives[one.known], groups[one.known]
    counts = Counter(zip((word for word in one.check.words if word), there.tolist(), strict=False))
    totals = Counter(word for word in one.check.words if word)
    values = [
        AuditValue(value=word, negatives=counts[word, False], positives=counts[word, True])
        for word, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]
    auc = None if one.scores is None else float(roc_auc_score(there, one.scores))
    table = np.array([(value.negatives, value.positives) for value in values])
    around = None if one.scores is None else auc_interval(there, one.scores, patients)
    level = "ok"
    if auc is not None and p is not None and p < SIGNIFICANT and standing(around) is Standing.BETTER:
        # From a source of one class a model learns only the source, however few films it has.
        alone = one.check.name == "source" and len(lone_sources(values)) > 0
        alarm = auc >= alarm_auc(one.check.name) or alone
        level = "alarm" if alarm else "warning" if auc >= one.check.warning else "noted"
    return ShortcutCheck(
        name=one.check.name,
        kind=one.check.kind,
        level=level,
        films=len(there),
        patients=len(np.unique(patients)),
        auc=auc,
        interval=around,
        p=p,
        cramers_v=float(association(table, method="cramer")) if one.scores is not None and len(table) > 1 else None,
        values=values,
    )


def lone_sources(values: Sequence[AuditValue]) -> list[AuditValue]:
    """The values of one class."""
    return [value for value in values if not (value.negatives and value.positives)]
