"""The film gate: is a picture an upright frontal chest film, and not inverted? Fitted on the features of the U-Net.

One logistic regression on what the U-Net's encoder sees in each part of a picture. Where lungs are, and on which side
of them the heart, the shoulders and the abdomen lie, is in these features already.
"""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from cxr_cli.rendering.render import render
from cxr_cli.training.engine import keras
from cxr_cli.training.non_films import NON_FILMS, draw_non_film

FRONTAL = "frontal"
_GRID = 4  # parts of a picture, along each side, whose features are averaged
_STRENGTH = 0.01  # scikit-learn's C, on standardized features; from 0.01 to 0.1 it makes no difference
_FILMS = 400  # maximum number of films
_VARIED = 2  # augmented copies of each
_DRAWN = 110  # pictures of each kind of `NON_FILMS`
_PHANTOMS = 24
_BATCH = 16
# Left, top, right and bottom of parts that are no frontal film: a half, or a corner.
_PARTS = (
    *((0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0), (0.0, 0.55, 1.0, 1.0), (0.0, 0.0, 0.42, 0.42)),
    *((0.58, 0.0, 1.0, 0.42), (0.0, 0.6, 0.5, 1.0), (0.5, 0.6, 1.0, 1.0)),
)

Vary = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # (S, S) uint8 -> the same, augmented; always upright


def with_film_gate(
    unet: keras.Model, features: keras.KerasTensor, films: np.ndarray, *, vary: Vary, seed: int
) -> keras.Model:
    """Add the film gate to a trained U-Net.

    It learns from films as they are, mirrored and augmented, and from the same films inverted, turned and cut to a
    part, from drawn pictures, and from phantoms. No photograph and no film of another part of the body is needed.

    Args:
        unet: (B, S, S, 1) film -> (B, S, S, 1) mask.
        features: (B, h, w, C) of `unet`, what its encoder sees.
        films: (N, S, S) uint8, the training films.
        vary: augments a film.
        seed: of the augmentation and the drawings.

    Returns:
        (B, S, S, 1) film -> {"mask": as before, "frontal": (B, 1) float32, the probability of such a film, in [0, 1]}.
    """
    height, width = features.shape[1:3]
    strides = (height // _GRID, width // _GRID)
    pool = (height - (_GRID - 1) * strides[0], width - (_GRID - 1) * strides[1])
    parts = keras.layers.AveragePooling2D(pool, strides=strides, name="parts")(features)
    parts = keras.layers.Flatten(name="parts_in_a_row")(parts)
    weights, bias = _fit(keras.Model(unet.input, parts), films, vary=vary, seed=seed)
    gate = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name=FRONTAL)
    frontal = gate(parts)
    gate.set_weights([weights[:, None].astype(np.float32), np.array([bias], dtype=np.float32)])
    return keras.Model(unet.input, {"mask": unet.output, FRONTAL: frontal})


def _fit(probe: keras.Model, films: np.ndarray, *, vary: Vary, seed: int) -> tuple[np.ndarray, float]:
    """Fit the regression: (C,) weights and bias, on the features as they are."""
    from sklearn.linear_model import LogisticRegression

    some = films[:: -(-len(films) // _FILMS)]
    rows, truth, batch = [], [], []
    for picture, frontal in _examples(some, vary=vary, seed=seed):
        truth.append(frontal)
        batch.append(picture)
        if len(batch) == _BATCH:
            rows.append(_features(probe, batch))
            batch = []
    if batch:
        rows.append(_features(probe, batch))
    table = np.concatenate(rows).astype(np.float64)
    center, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
    model.fit((table - center) / spread, truth)
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - center @ weights)


def _features(probe: keras.Model, pictures: list[np.ndarray]) -> np.ndarray:
    return np.asarray(probe.predict_on_batch(np.stack(pictures)[..., None]))


def _examples(films: np.ndarray, *, vary: Vary, seed: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Pictures, (S, S) uint8, and whether each is an upright frontal film that is not inverted."""
    side = films.shape[1]
    for number, film in enumerate(films):
        generator = np.random.default_rng([seed, number])
        yield film, True
        yield film[:, ::-1], True  # the heart may be on the right, and a film may be mirrored
        for _ in range(_VARIED):
            yield vary(film, generator), True
        for spoil in _SPOILED:
            picture = vary(film, generator) if generator.random() < 0.25 else film
            spoiled = spoil(picture, generator)
            yield vary(spoiled, generator) if generator.random() < 0.5 else spoiled, False
    for place, kind in enumerate(NON_FILMS):
        for number in range(_DRAWN):
            yield draw_non_film(kind, np.random.default_rng([seed, place, number]), side), False
    for number in range(_PHANTOMS):
        yield render(positive=number % 2 == 1, seed=number, size=(side, side)).film, True


def _part(film: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    side = len(film)
    left, top, right, bottom = (round(edge * side) for edge in _PARTS[generator.integers(len(_PARTS))])
    part = Image.fromarray(film[top:bottom, left:right])
    return np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))


_SPOILED: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    lambda film, _: 255 - film,
    lambda film, _: film[::-1],
    lambda film, _: np.rot90(film, 2),
    lambda film, _: np.rot90(film),
    lambda film, _: np.rot90(film, 3),
    _part,
)
