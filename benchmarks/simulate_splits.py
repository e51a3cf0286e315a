"""Where the largest patients go, and how near the parts are to their shares, over many seeds.

python benchmarks/simulate_splits.py --sets 500
"""

# ruff: noqa: T201
import argparse
from collections import Counter

import numpy as np

from cxr_cli.dataset.drawing import deal_by_group, split_by_group

PARTS, SHARES = ("train", "val", "test"), (70.0, 15.0, 15.0)
RULES = {"largest first (before)": deal_by_group, "systematic (now)": split_by_group}


def designs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By name, the films of each patient, and whether the patient is positive."""
    generator = np.random.default_rng(0)
    huge = np.where(np.arange(200) < 2, 60, 1)
    return {
        "200 patients, 1 to 6 films": (generator.integers(1, 7, 200), np.arange(200) % 4 > 0),
        "250 patients, 1 to 40 films, heavy tail": (
            np.minimum((generator.pareto(1.2, 250) + 1).astype(int), 40),
            generator.random(250) < 0.7,
        ),
        "two patients of 60 films, 198 of one": (huge, np.r_[True, True, np.arange(198) % 2 == 0]),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=500, help="seeds")
    arguments = parser.parse_args()
    print("| patients | drawn | largest in train, val, test | second largest | films | patients |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (sizes, positive) in designs().items():
        groups = [f"patient {number}" for number, films in enumerate(sizes) for _ in range(films)]
        positives = np.repeat(positive, sizes).tolist()
        largest = [f"patient {number}" for number in np.argsort(-sizes, kind="stable")[:2]]
        for rule, draw in RULES.items():
            where: list[Counter[str]] = [Counter(), Counter()]
            films: Counter[str] = Counter()
            patients: Counter[str] = Counter()
            for seed in range(arguments.sets):
                parts = draw(groups, positives, shares=SHARES, seed=seed)
                part_of = dict(zip(groups, parts, strict=True))
                for count, patient in zip(where, largest, strict=True):
                    count[part_of[patient]] += 1
                films.update(parts)
                patients.update(part_of.values())
            cells = (
                " / ".join(f"{100 * count[part] / count.total():.0f}" for part in PARTS)
                for count in (*where, films, patients)
            )
            print(f"| {name} | {rule} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
