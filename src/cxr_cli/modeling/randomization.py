"""Do heat maps depend on what was learned? Weights are made random from the head downward, and the maps compared.

Adebayo et al. 2018, Sanity checks for saliency maps, arXiv 1810.03292: cascading randomization. A map that stays as it
was although the network knows nothing any more shows the film, and not what was learned.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cxr_cli.imaging.activation_maps import METHODS, draw_map
from cxr_cli.imaging.overlay import heat
from cxr_cli.modeling.classifier import BACKBONE, HIDDEN, PROBABILITY, Classifier
from cxr_cli.modeling.engine import keras, tf
from cxr_cli.modeling.export import load_model
from cxr_cli.modeling.gradcam import with_map
from cxr_cli.modeling.input_pipeline import to_rgb
from cxr_cli.progress import Track, untracked
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.reports import Randomization, RandomizedDepth

DRAWS = 3  # of all weights: one head drawn at random may be like the trained one
_ALIKE = 0.5  # Spearman's correlation from which a random network's maps pass for the trained one's
_SAME = 0.99
_SIDE = 64  # pixels, at which SSIM compares what is drawn
# How much of the backbone's layers is random, from above; the head always is, and first alone.
_DEPTHS = {"the upper quarter": 0.25, "the upper half": 0.5, "the upper three quarters": 0.75, "all": 1.0}
_Maps = Mapping[str, np.ndarray]  # by method: (N, h, w) float32


def randomize(
    run: RunFolder, films: np.ndarray, positives: np.ndarray, *, seed: int, track: Track = untracked
) -> Randomization:
    """Compare the heat maps of a run with those of the same network, more and more of whose weights are random.

    Args:
        run: a trained run.
        films: (N, S, S) uint8 as the model is shown them; a dozen tells enough.
        positives: (N,) bool, whether a film's map is of the evidence for the positive class.
        seed: of the random weights, which are drawn as those of a new network.
        track: is told of each depth.

    Raises:
        WorkspaceError: the run has no Keras model, or a damaged one.
    """
    model = load_model(run)
    learned = model.get_weights()
    answering = with_map(Classifier(model=model, weights={}), evidence=True)
    trained = _maps(answering, films, positives)
    keras.utils.set_random_seed(seed)

    def draws() -> Iterator[tuple[str, float]]:
        for _ in range(DRAWS):
            model.set_weights(learned)
            yield from _cascade(model, keras.models.clone_model(model))

    found: dict[tuple[str, float], list[_Maps]] = {}
    for depth in track(draws(), "Making weights random", total=DRAWS * (2 + len(_DEPTHS))):
        found.setdefault(depth, []).append(_maps(answering, films, positives))
    depths = [_compare(trained, maps, weights=name, share=share) for (name, share), maps in found.items()]
    verdicts = {method: _verdict(method, depths) for method in METHODS}
    return Randomization(
        films=len(films),
        draws=DRAWS,
        seed=seed,
        depths=depths,
        passed={method: passed for method, (passed, _) in verdicts.items()},
        verdicts={method: text for method, (_, text) in verdicts.items()},
    )


def _cascade(model: keras.Model, fresh: keras.Model) -> Iterator[tuple[str, float]]:
    """Give `model` the weights of `fresh` from its output downward; yields what is random, and its share of weights."""
    done, total = 0, model.count_params()

    def replace(layer: Any, other: Any) -> int:
        layer.set_weights(other.get_weights())
        return int(layer.count_params())

    for name, text in ((PROBABILITY, "the output layer"), (HIDDEN, "the head")):
        done += replace(model.get_layer(name), fresh.get_layer(name))
        yield text, done / total
    backbone, other = model.get_layer(BACKBONE), fresh.get_layer(BACKBONE)
    layers = [layer for layer in reversed(backbone.layers) if layer.weights]
    reached = 0
    for text, share in _DEPTHS.items():
        upto = round(share * len(layers))
        done += sum(replace(layer, other.get_layer(layer.name)) for layer in layers[reached:upto])
        reached = upto
        yield f"the head, and {text} of the backbone", done / total


def _maps(model: keras.Model, films: np.ndarray, positives: np.ndarray) -> _Maps:
    answers = model.predict_on_batch(to_rgb(films))
    signs = np.where(positives, 1, -1)
    evidence = list(zip(answers["activations"], answers["gradients"], signs, strict=True))
    return {
        method: np.stack([draw_map(method, seen, sign * gradients) for seen, gradients, sign in evidence])
        for method in METHODS
    }


def _compare(trained: _Maps, random: list[_Maps], *, weights: str, share: float) -> RandomizedDepth:
    def mean_of(values: list[float]) -> float | None:
        defined = [value for value in values if not np.isnan(value)]
        return round(float(np.mean(defined)), 4) if defined else None

    pairs = {
        method: [pair for maps in random for pair in zip(trained[method], maps[method], strict=True)]
        for method in METHODS
    }
    return RandomizedDepth(
        weights=weights,
        share=round(share, 6),
        spearman={method: mean_of([_spearman(a, b) for a, b in pairs[method]]) for method in METHODS},
        spearman_absolute={
            method: mean_of([_spearman(np.abs(a), np.abs(b)) for a, b in pairs[method]]) for method in METHODS
        },
        ssim={
            method: mean_of([value for maps in random for value in _ssim(trained[method], maps[method])])
            for method in METHODS
        },
    )


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two maps; NaN where one of them is the same everywhere."""
    from scipy.stats import spearmanr

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second, axis=None).statistic)


def _ssim(first: np.ndarray, second: np.ndarray) -> list[float]:
    """The structural similarity (Wang et al. 2004) of what is drawn of (N, h, w) maps."""
    drawn = [
        tf.clip_by_value(
            tf.image.resize(np.stack([heat(cam) for cam in maps])[..., None], (_SIDE, _SIDE), method="bicubic"), 0, 1
        )
        for maps in (first, second)
    ]
    return [float(value) for value in tf.image.ssim(*drawn, max_val=1.0)]


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
        return False, f"stays as it was with a random head, so it shows no answer; {found}"
    if max(signed, absolute) >= _ALIKE:
        return False, f"stays alike with random weights throughout; {found}"
    return True, f"is another map with random weights throughout; {found}"
