"""How often the audit of a dataset finds something where nothing separates the classes.

Each set has columns, file properties and features of films that are random, alike within a patient, and independent of
the class; the audit's own checks judge it. An interval below 0.5 was once worth a note.

    python benchmarks/simulate_audit.py --sets 100
"""

# ruff: noqa: T201, TID253
import argparse
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from cxr_cli.auditing import checks as audit_checks
from cxr_cli.auditing import probes
from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS, FilmArea
from cxr_cli.auditing.checks import SIGNIFICANT, check_shortcuts
from cxr_cli.auditing.files import FileProperties
from cxr_cli.auditing.film_features import FilmFeatures, LungFeatures
from cxr_cli.auditing.record import ShortcutCheck
from cxr_cli.dataset.manifest import Film
from cxr_cli.metrics.chance import Standing, standing

NETWORK = 100  # features of the frozen network; 1,280 in an audit

ORIGINALS = {name: getattr(audit_checks, name) for name in ("chance_of_words", "chance_of_scores")}


@dataclass(frozen=True)
class Design:
    """How many patients there are, how many films each has at most, and how many of them are positive."""

    name: str
    patients: int
    most_films: int
    share: float


DESIGNS = (
    Design("one film per patient, half positive", 80, 1, 0.5),
    Design("1 to 4 films per patient, half positive", 60, 4, 0.5),
    Design("1 to 4 films per patient, 80 % positive", 60, 4, 0.8),
)


def null_checks(design: Design, seed: int) -> list[ShortcutCheck]:
    """Draw a set without any shortcut, and check it."""
    rng = np.random.default_rng(seed)
    members = np.repeat(np.arange(design.patients), rng.integers(1, design.most_films + 1, design.patients))
    positive = rng.permutation(np.arange(design.patients) < design.share * design.patients)[members]

    def words(names: str) -> list[str]:
        """Mostly the patient's own word; some are missing."""
        own, film = (rng.choice([*names, ""], count) for count in (design.patients, len(members)))
        return [str(word) for word in np.where(rng.random(len(members)) < 0.7, own[members], film)]

    def values(width: int) -> np.ndarray:
        """Half the patient's, half the film's."""
        drawn = rng.normal(size=(design.patients, width))[members] + rng.normal(size=(len(members), width))
        return np.asarray(drawn, dtype=np.float32)

    columns = {name: words("abcde") for name in ("location", "view")} | {"source": words("ab"), "sex": words("FM")}
    ages = [word and str(20 + 20 * "abcd".index(word)) for word in words("abcd")]
    films = [
        Film(
            **{name: column[place] for name, column in columns.items()},
            path=f"{place}.png",
            label="covid" if positive[place] else "other",
            patient=f"p{member}" if rng.random() < 0.8 else "",
            group=f"p{member}",
            age=ages[place],
            split="train",
            finding="",
            sha256="",
            phash="",
            original="",
        )
        for place, member in enumerate(members)
    ]
    sizes = (500 + 40 * values(3)).astype(int)
    files = [
        FileProperties(*(int(value) for value in row), "PNG", mode)
        for row, mode in zip(sizes, rng.choice(["gray", "color"], len(members)), strict=True)
    ]
    return check_shortcuts(films, files, _features(values, len(members)), positive="covid", seed=seed).checks


def _features(values, count: int) -> list[FilmFeatures]:  # type: ignore[no-untyped-def]
    def of(area: FilmArea) -> np.ndarray:
        empty = np.zeros((320, 320), np.float32)
        return np.asarray(values(len(area.features(empty, empty))))

    lungs = zip(of(WITHOUT_LUNGS), values(NETWORK), values(NETWORK), strict=True)
    parts = zip(of(BORDER), of(CORNERS), of(DETAIL), lungs, strict=True)
    small = np.zeros((64, 64), np.uint8)
    return [FilmFeatures(border, corners, detail, small, LungFeatures(*own)) for border, corners, detail, own in parts]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=30)
    parser.add_argument("--trees", type=int, default=probes._TREES, help="of each fold; default: as in an audit")
    options = parser.parse_args()
    sets, probes._TREES = options.sets, options.trees
    print(f"{sets} sets each; of single checks, the share whose p is below 0.05\n")
    print(
        "| films | one column | one probe | one probe, rank test alone | an alarm | any finding | an interval < 0.5 |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for design in DESIGNS:
        words, scores = _recorded("chance_of_words"), _recorded("chance_of_scores")
        found = [null_checks(design, seed) for seed in range(sets)]
        alone = norm.sf(1.5 * norm.isf(scores))  # the correction of p for five folds, undone
        shares = [
            *(np.mean(np.array(chances) < SIGNIFICANT) for chances in (words, scores, alone)),
            np.mean([any(check.level == "alarm" for check in checks) for checks in found]),
            np.mean([any(check.level in ("alarm", "warning") for check in checks) for checks in found]),
            np.mean([any(standing(check.interval) is Standing.WORSE for check in checks) for checks in found]),
        ]
        print(f"| {design.name} | {' | '.join(f'{share:.3f}' for share in shares)} |", flush=True)


def _recorded(name: str) -> list[float]:
    """Keep every p value that a function of the audit gives, before the correction for the number of checks."""
    kept: list[float] = []
    measure = ORIGINALS[name]

    def recorded(*arguments, **options) -> float:  # type: ignore[no-untyped-def]
        kept.append(measure(*arguments, **options))
        return kept[-1]

    setattr(audit_checks, name, recorded)
    return kept


if __name__ == "__main__":
    main()
