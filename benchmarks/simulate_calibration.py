"""Are probabilities calibrated by slope and intercept, and do the intervals of their calibration hold?

    python benchmarks/simulate_calibration.py
    python benchmarks/simulate_calibration.py --data DATA --weights mobilenetv2_1.0_notop.weights.h5

Without DATA, three tables of simulations. A learner with class weights, on correlated films: calibration-in-the-large,
log loss and calibration error without calibration, with one temperature, and with slope and intercept. Then how often
the intervals of slope and calibration-in-the-large hold the truth; and how often perfect probabilities have larger
gaps than the limit given for them. With DATA, which holds the folder covid-chestxray with its metadata.csv, the first
table for real films: a class-weighted logistic head on frozen MobileNetV2 features, out of fold. About three minutes on
one core.
"""
# ruff: noqa: T201

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cxr_cli.metrics.calibration import fit_scaling, log_loss_of_share, logit, sigmoid
from cxr_cli.metrics.calibration_figures import GAPS, calibration_figures, gaps_at_best

METHODS = ("none", "temperature", "slope and intercept")
FIGURES = ("in_the_large", "calibration_slope", "log_loss", "ece")
_DIMENSIONS = 10
# Patients, share of positives, distance of the classes, slope and intercept of the logit, films of a patient.
DESIGNS = (
    ("46 patients, 80 % positive", 46, 0.8, 1.5, 1.0, 0.0, 1.6),
    ("46 patients, 80 % positive, class weights", 46, 0.8, 1.5, 1.0, 1.4, 1.6),
    ("100 patients, 10 % positive, overconfident", 100, 0.1, 1.5, 0.5, -1.0, 2.0),
    ("300 patients, 30 % positive, overconfident", 300, 0.3, 1.2, 0.7, 0.5, 3.0),
    ("40 patients, AUC 0.96, 4 films each, some 15", 40, 0.5, 2.5, 1.0, 0.0, 4.0),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=400, help="simulated sets of each design; default 400")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    if options.data:
        real_films(options.data, options.weights)
        return
    learners(generator, options.sets)
    coverages(generator, options.sets)
    limits(generator, options.sets)


def learners(generator: np.random.Generator, sets: int) -> None:
    """A logistic regression with class weights: 300 patients to train on, 80 to calibrate on, and a population."""
    from sklearn.linear_model import LogisticRegression

    for prevalence in (0.8, 0.2):
        rows = {method: [] for method in METHODS}
        for _ in range(sets):
            truth, features, _ = draw_features(generator, 300, prevalence)
            head = LogisticRegression(C=0.1, class_weight="balanced").fit(features, truth)
            truth, features, _ = draw_features(generator, 80, prevalence)
            raw = sigmoid(head.decision_function(features))
            population, features, patients = draw_features(generator, 3000, prevalence)
            tested = sigmoid(head.decision_function(features))
            for method in METHODS:
                values = calibration_figures(population, calibrate(method, truth, raw)(tested), patients).values
                rows[method].append([values[name] for name in FIGURES])
        print(
            f"\n{prevalence:.0%} positive; the share as every film's P has log loss {log_loss_of_share(prevalence):.3f}"
        )
        show(["calibration", *FIGURES], [[method, *np.mean(rows[method], axis=0)] for method in METHODS])


def coverages(generator: np.random.Generator, sets: int) -> None:
    """How often the intervals hold the true slope and calibration-in-the-large."""
    rows = []
    for name, *design in DESIGNS:
        slope, large = true_figures(*design)
        held = []
        for _ in range(sets):
            positives, probabilities, patients = draw_scores(generator, *design)
            if len(np.unique(patients[positives])) < 2 or len(np.unique(patients[~positives])) < 2:
                continue
            over_patients = calibration_figures(positives, probabilities, patients)
            over_films = calibration_figures(positives, probabilities, np.arange(len(patients)))
            if over_patients.values["calibration_slope"] is not None:
                held.append(
                    [
                        measured.intervals[figure].low <= true <= measured.intervals[figure].high
                        for measured in (over_patients, over_films)
                        for figure, true in (("calibration_slope", slope), ("in_the_large", large))
                    ]
                )
        rows.append([name, len(held), *np.mean(held, axis=0)])
    print("\nCoverage of the 95 % intervals")
    header = ["design", "sets", "slope", "in the large", "slope, over films", "in the large, over films"]
    show(header, rows)


def limits(generator: np.random.Generator, sets: int) -> None:
    """How often perfect probabilities have larger gaps than `gaps_at_best` says: 5 % is right."""
    rows = []
    for name, patients, prevalence, distance, _, _, films in (DESIGNS[0], *DESIGNS[2:]):
        over = []
        for _ in range(sets // 2):
            drawn = draw_scores(generator, patients, prevalence, distance, 1.0, 0.0, films)
            values, most = calibration_figures(*drawn).values, gaps_at_best(*drawn[1:])
            if values["e50"] is not None:
                over.append([values[gap] > most[gap] for gap in GAPS])
        rows.append([name.removesuffix(", overconfident"), len(over), *np.mean(over, axis=0)])
    print("\nShare of sets of films with perfect probabilities whose gap is above the limit")
    show(["design", "sets", *GAPS], rows)


def real_films(data: Path, weights: Path) -> None:
    """Five folds by patient, four times: of the other patients, three quarters train a head, a quarter calibrates."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    truth, features, patients = read_features(data, weights)
    out = {method: np.zeros((4, len(truth))) for method in METHODS}
    for seed in range(4):
        for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(features, truth, patients):
            inner = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
            fit, val = next(inner.split(features[train], truth[train], patients[train]))
            fit, val = train[fit], train[val]
            center, spread = features[fit].mean(axis=0), features[fit].std(axis=0) + 1e-4
            head = LogisticRegression(C=1e-4, class_weight="balanced", max_iter=1000)
            head.fit((features[fit] - center) / spread, truth[fit])
            raw = sigmoid(head.decision_function((features - center) / spread))
            for method in METHODS:
                out[method][seed, test] = calibrate(method, truth[val], raw[val])(raw[test])
    share = truth.mean()
    print(f"\n{len(truth)} films of {len(set(patients))} patients, {share:.3f} positive; four times five folds")
    print(f"The share as every film's P has log loss {log_loss_of_share(share):.3f}")
    rows = []
    for method in METHODS:
        values = [calibration_figures(truth, one, patients).values for one in out[method]]
        rows.append([method, out[method].mean(), *np.mean([[one[name] for name in FIGURES] for one in values], axis=0)])
    show(["calibration", "mean P", *FIGURES], rows)


def calibrate(method: str, positives: np.ndarray, raw: np.ndarray):
    """Fit one of `METHODS` on validation films; returns what it does to probabilities."""
    if method == "none":
        return lambda probabilities: probabilities
    if method == "temperature":
        slope, intercept = 1 / fit_temperature(positives, raw), 0.0
    else:
        slope, intercept = fit_scaling(positives, raw)
    return lambda probabilities: sigmoid(slope * logit(probabilities) + intercept)


def fit_temperature(positives: np.ndarray, probabilities: np.ndarray) -> float:
    """Guo et al. 2017 (arXiv 1706.04599), with Platt's targets: what cxr did before it had an intercept."""
    from scipy.optimize import minimize_scalar

    logits, count = logit(probabilities), positives.sum()
    targets = np.where(positives, (count + 1) / (count + 2), 1 / (len(positives) - count + 2))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - targets * scaled))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def draw_patients(
    generator: np.random.Generator, patients: int, prevalence: float, films: float
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the truth and the patient of each film; patients have `films` films on average, a few have many."""
    groups = np.repeat(np.arange(patients), generator.geometric(1 / films, patients))
    return (generator.random(patients) < prevalence)[groups], groups


def draw_features(
    generator: np.random.Generator, patients: int, prevalence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth, (N, D) features and the patients of films."""
    truth, groups = draw_patients(generator, patients, prevalence, 1.7)
    own = generator.normal(size=(patients, _DIMENSIONS))[groups]
    features = np.sqrt(0.7) * own + np.sqrt(0.3) * generator.normal(size=(len(groups), _DIMENSIONS))
    features[:, :3] += 0.8 * truth[:, None]
    return truth, features, groups


def draw_scores(
    generator: np.random.Generator,
    patients: int,
    prevalence: float,
    distance: float,
    slope: float,
    intercept: float,
    films: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth, P and the patients of films whose true P is sigmoid(slope * logit(P) + intercept)."""
    truth, groups = draw_patients(generator, patients, prevalence, films)
    own, others = generator.normal(size=patients)[groups], generator.normal(size=len(groups))
    true = _true_logit(np.sqrt(0.7) * own + np.sqrt(0.3) * others + distance * truth, prevalence, distance)
    return truth, sigmoid((true - intercept) / slope), groups


def true_figures(
    patients: int, prevalence: float, distance: float, slope: float, intercept: float, films: float
) -> tuple[float, float]:
    """The slope and the calibration-in-the-large of a large population of such films."""
    del patients, films
    generator = np.random.default_rng(1)
    truth = generator.random(1_000_000) < prevalence
    true = _true_logit(generator.normal(size=len(truth)) + distance * truth, prevalence, distance)
    given, wanted, large = (true - intercept) / slope, sigmoid(true), 0.0
    for _ in range(30):
        shifted = sigmoid(given + large)
        large += float(np.sum(wanted - shifted) / np.sum(shifted * (1 - shifted)))
    return slope, large


def _true_logit(score: np.ndarray, prevalence: float, distance: float) -> np.ndarray:
    return np.log(prevalence / (1 - prevalence)) + distance * score - distance**2 / 2


def read_features(data: Path, weights: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth, the features by a frozen MobileNetV2 and the patients of the films of covid-chestxray."""
    from ai_edge_litert.interpreter import Interpreter
    from leave_source_out import SIZE, build_backbone

    from cxr_cli.dataset.metadata import select_films
    from cxr_cli.films.reader import read_film
    from cxr_cli.films.transforms import resize

    selection = select_films([data / "covid-chestxray" / "metadata.csv"])
    with TemporaryDirectory() as folder:
        runner = Interpreter(str(build_backbone(weights, Path(folder) / "features.tflite")), num_threads=1)
        runner = runner.get_signature_runner()
        features = []
        for film in selection.kept:
            shown = resize(read_film(film.image), SIZE)
            features.append(runner(film=np.repeat(shown[None, ..., None], 3, axis=-1))["features"][0])
    truth = np.array([film.label == selection.positive for film in selection.kept])
    return truth, np.array(features), np.array([film.patient or film.image.name for film in selection.kept])


def show(header: list[str], rows: list[list[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n| {' | '.join(header)} |\n{'| --- ' * len(header)}|")
    for row in rows:
        print(f"| {' | '.join(f'{cell:.3f}' if isinstance(cell, float) else str(cell) for cell in row)} |", flush=True)


if __name__ == "__main__":
    main()
