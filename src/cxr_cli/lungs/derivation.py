"""How `lung_prior.json` came to be: films and lungs that people drew come in, the prior goes out.

`CXR_WRITE_PRIOR=1 pytest -n0 tests/lungs/test_derivation.py` writes it again.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

from cxr_cli.films.transforms import resize
from cxr_cli.lungs.clusters import SEGMENTATION_METHODS, SIDE
from cxr_cli.lungs.masks import two_largest
from cxr_cli.lungs.prior import HEIGHTS, Prior, contrasts, smooth

_MODES = 12  # of 68: they hold 95 % of the variance
_DOUBT = 0.1  # of contrast: a place whose contrast hardly varies must not decide alone


def is_for_prior(patient: str) -> bool:
    """Whether the films of a patient may go into the prior: about half may, by the patient's name alone."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % 2 == 0


def derive(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Prior:
    """Derive the prior.

    The shapes are a point distribution model (Cootes et al. 1995). A place counts by its mean contrast over the
    variance: what Fisher's discriminant gives for places that tell apart from each other.

    Args:
        pairs: films, (H, W) uint8, each with its lungs, (H, W) bool.
    """
    shapes, seen = [], []
    for film, lungs in pairs:
        shape = measure(lungs)
        shapes.append(shape)
        seen.append(contrasts(smooth(SEGMENTATION_METHODS["fcm"](film).darkness), shape[None])[0])
    mean = np.mean(shapes, axis=0)
    _, lengths, directions = np.linalg.svd(np.array(shapes) - mean, full_matrices=False)
    modes = directions[:_MODES] * lengths[:_MODES, None] / np.sqrt(len(shapes))
    weights = np.maximum(np.mean(seen, axis=0), 0) / (np.var(seen, axis=0) + _DOUBT**2)
    return Prior(mean=mean, modes=modes, weights=weights / weights.sum())


def measure(lungs: np.ndarray) -> np.ndarray:
    """The 68 numbers of drawn lungs, as `prior` has them.

    Args:
        lungs: (H, W) bool, with two pieces at least.
    """
    numbers: list[float] = []
    square = resize(lungs.astype(np.uint8) * 255, SIDE) > 127
    for lung in two_largest(square):
        rows = np.flatnonzero(lung.any(axis=1))
        heights = np.rint(np.linspace(rows[0], rows[-1], HEIGHTS)).astype(np.intp)
        left = lung[heights].argmax(axis=1)
        right = SIDE - lung[heights, ::-1].argmax(axis=1)
        numbers += [x / SIDE for x in (rows[0], rows[-1] + 1, *left, *right)]
    return np.array(numbers)
