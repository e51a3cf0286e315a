"""Do heat maps depend on what was learned? Weights are made random from the head downward, and the maps compared.

Adebayo et al. 2018, Sanity checks for saliency maps, arXiv 1810.03292: cascading randomization. A map that stays the
same although the network no longer knows anything shows the film, not what was learned.
"""

from collections.abc import Mapping

import numpy as np

from cxr_cli.explanation.methods import MAP_METHODS, draw_map
from cxr_cli.explanation.record import Randomization, RandomizedDepth
from cxr_cli.films.overlay import heat
from cxr_cli.progress import track
from cxr_cli.workspace.folders import RunFolder

DRAWS = 3  # of all weights: one head drawn at random may be like the trained one
_ALIKE = 0.5  # Spearman's correlation from which a random network's maps pass for the trained one's
_SAME = 0.99
_SIDE = 64  # pixels, at which SSIM compares what is drawn
_Maps = Mapping[str, np.ndarray]  # by method: (N, h, w) float32


def randomize(run: RunFolder, films: np.ndarray, positives: np.ndarray, *, seed: int) -> Randomization:
    """Compare the heat maps of a run with those of the same network, more and more of whose weights are random.

    Args:
        run: a trained run.
        films: (N, S, S) uint8 as the model is shown them; a dozen is enough.
        positives: (N,) bool, whether a film's map is of the evidence for the positive class.
        seed: random seed of the weights, which are drawn as those of a new network.

    Raises:
        WorkspaceError: the run has no Keras model, or a damaged one.
    """
    from cxr_cli.training.random_weights import CASCADE_STEPS, randomized_evidence

    signs = np.where(positives, 1, -1)
    steps = randomized_evidence(run, films, draws=DRAWS, seed=seed)
    trained: _Maps = {}
    found: dict[tuple[str, float], list[_Maps]] = {}
    for step in track(steps, "Making weights random", total=1 + DRAWS * CASCADE_STEPS):
        maps = {
            method: np.stack(
                [
                    draw_map(method, seen, sign * gradients)
                    for seen, gradients, sign in zip(step.activations, step.gradients, signs, strict=True)
                ]
            )
            for method in MAP_METHODS
        }
        if not step.weights:
            trained = maps
        else:
            found.setdefault((step.weights, step.share), []).append(maps)
    depths = [_compare(trained, maps, weights=name, share=share) for (name, share), maps in found.items()]
    verdicts = {method: _verdict(method, depths) for method in MAP_METHODS}
    return Randomization(
        films=len(films),
        draws=DRAWS,
        seed=seed,
        depths=depths,
        passed={method: passed for method, (passed, _) in verdicts.items()},
        verdicts={method: text for method, (_, text) in verdicts.items()},
    )


def _compare(trained: _Maps, random: list[_Maps], *, weights: str, share: float) -> RandomizedDepth:
    def mean_of(values: list[float]) -> float | None:
        defined = [value for value in values if not np.isnan(value)]
        return round(float(np.mean(defined)), 4) if defined else None

    pairs = {
        method: [pair for maps in random for pair in zip(trained[method], maps[method], strict=True)]
        for method in MAP_METHODS
    }
    return RandomizedDepth(
        weights=weights,
        share=round(share, 6),
        spearman={method: mean_of([_spearman(a, b) for a, b in pairs[method]]) for method in MAP_METHODS},
        spearman_absolute={
            method: mean_of([_spearman(np.abs(a), np.abs(b)) for a, b in pairs[method]]) for method in MAP_METHODS
        },
        ssim={
            method: mean_of([value for maps in random for value in _ssim(trained[method], maps[method])])
            for method in MAP_METHODS
        },
    )


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two maps; NaN where one of them is the same everywhere."""
    from scipy.stats import spearmanr

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second, axis=None).statistic)


def _ssim(first: np.ndarray, second: np.ndarray) -> list[float]:
    """The structural similarity of the drawn parts of (N, h, w) maps."""
    from cxr_cli.training.random_weights import structural_similarity

    drawn = [np.stack([heat(cam) for cam in maps]) for maps in (first, second)]
    return structural_similarity(*drawn, side=_SIDE)


def _verdict(method: str, depths: list[RandomizedDepth]) -> tuple[bool, str]:
    head, signed, absolute = (
        depths[1].spearman[method],
        depths[-1].spearman[method],
        depths[-1].spearman_absolute[method],
    )
    if head is None or signed is None or absolute is None:
        return False, "not defined: these maps are the same everywhere"
    found = f"rank correlation {head:.2f} with a random head, {signed:.2f} ({absolute:.2f} absolute) with all random"
    if head >= _SAME:
        return False, f"stays the same with a random head, so it does not show the prediction; {found}"
    if max(signed, absolute) >= _ALIKE:
        return False, f"stays similar with all weights random; {found}"
    return True, f"changes when all weights are random; {found}"
