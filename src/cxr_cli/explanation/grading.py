"""What a heat map is worth: the map of one film comes in; measures, each with its value by chance, go out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cxr_cli.films.overlay import heat

# Zhang et al. 2018 (doi 10.1007/s11263-017-1059-x) let a map's maximum miss by 15 pixels; Fong et al. 2019 (TorchRay)
# do so in films of 224 pixels a side.
TOLERANCE = 15 / 224
STEPS = 10  # of a curve; with 49 places, a step is 5 of them
RANDOM_ORDERS = 2  # of the places of each film, to compare the order of its map with
_BLUR = 1 / 14  # of a film's side, the standard deviation: half a place where there are 7 a side
_SIDE = 64  # pixels, the size at which the maps of other films are laid over a film's lungs
_AT_ONCE = 8  # films in a batch: more take more memory, and no less time


@dataclass(frozen=True)
class LungGrade:
    """How much of a map's heat lies in the lungs."""

    energy: float | None  # share of the heat, in [0, 1]; None for a blank map
    share: float  # share of the film that is lungs: the energy of evenly spread heat
    hit: bool  # the hottest point is in the lungs; False for a blank map

    @property
    def ratio(self) -> float | None:
        """Energy divided by share: 1 is chance; None for a blank map."""
        return None if self.energy is None else self.energy / self.share


@dataclass(frozen=True)
class LesionGrade:
    """Whether the hottest point of a map is in a lesion (the pointing game). A blank map misses."""

    hit: bool
    share: float  # share of the film that is lesion: the chance of a random point to hit one
    hit_near: bool  # in it, or within `TOLERANCE` of it
    share_near: float


@dataclass(frozen=True)
class Curves:
    """Probability of the class while places of the film are removed or restored, the hottest first.

    Each array (STEPS + 1,): after 0, 1/STEPS, ... of the film.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray  # the mean of `RANDOM_ORDERS` random orders of the same places
    random_insertion: np.ndarray

    @property
    def areas(self) -> dict[str, float]:
        """The areas under the curves, and by how much the map's order is better than a random one: 0 is chance."""
        areas = {name: _area(getattr(self, name)) for name in self.__dataclass_fields__}
        return areas | {
            "deletion_gain": areas["random_deletion"] - areas["deletion"],
            "insertion_gain": areas["insertion"] - areas["random_insertion"],
        }


def grade_lungs(cam: np.ndarray, lungs: np.ndarray) -> LungGrade:
    """Play the energy-based pointing game (Wang et al. 2020, Score-CAM, arXiv 1910.01279) with the lungs.

    Args:
        cam: (h, w) float32; only values above 0 count. It is enlarged to the size of the mask, as in the picture.
        lungs: (H, W) bool, not empty.
    """
    energy = _enlarged(cam, lungs.shape)
    total = float(energy.sum())
    return LungGrade(
        energy=float(energy[lungs].sum()) / total if total else None,
        share=float(lungs.mean()),
        hit=_points_into(energy, lungs),
    )


def others_energy(
    cams: Sequence[np.ndarray], lungs: Sequence[np.ndarray | None], groups: Sequence[str]
) -> list[float | None]:
    """Measure the mean share of heat in a film's lungs if it had the maps of other patients.

    A map that is hot in the middle of every film has more heat in the lungs than chance, but follows no lungs.

    Args:
        cams: (h, w) float32 each; blank maps are left out.
        lungs: from `reduced` each, or None for a film without a mask.
        groups: the patient of each film.

    Returns:
        In [0, 1], for each film; None without a mask, or without other patients.
    """
    drawn = np.stack([_enlarged(cam, (_SIDE, _SIDE)).ravel() for cam in cams])
    totals, names = drawn.sum(axis=1), np.array(groups)
    shares: list[float | None] = []
    for mask, group in zip(lungs, groups, strict=True):
        others = (names != group) & (totals > 0)
        if mask is None or not others.any():
            shares.append(None)
            continue
        shares.append(float(np.mean(drawn[others] @ mask.ravel() / totals[others])))
    return shares


def reduced(mask: np.ndarray) -> np.ndarray:
    """Reduce a mask, (H, W) bool, to (64, 64) float32: the share of each place that is inside."""
    return np.asarray(Image.fromarray(mask.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX))


def grade_lesions(cam: np.ndarray, lesions: np.ndarray) -> LesionGrade:
    """Play the pointing game: Zhang et al. 2018, Top-down neural attention by excitation backprop, arXiv 1608.00507.

    Args:
        cam: (h, w) float32. It is enlarged to the size of the mask, as in the picture.
        lesions: (H, W) bool, not empty.
    """
    from scipy.ndimage import distance_transform_edt

    near = distance_transform_edt(~lesions) <= TOLERANCE * min(lesions.shape)
    energy = _enlarged(cam, lesions.shape)
    return LesionGrade(
        hit=_points_into(energy, lesions),
        share=float(lesions.mean()),
        hit_near=_points_into(energy, near),
        share_near=float(near.mean()),
    )


def reaches_all_edges(mask: np.ndarray) -> bool:
    """Whether a (H, W) bool mask touches each of the film's four edges.

    Lesions hardly ever do. Masks that were cropped to their outline and enlarged always do.
    """
    return bool(mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any())


def perturb(film: np.ndarray, cam: np.ndarray, probability: Callable[[np.ndarray], np.ndarray], *, seed: int) -> Curves:
    """Measure deletion and insertion (Petsiuk et al. 2018, RISE, arXiv 1806.07421), by the places of the map.

    Removed places are blurred, not black: no film has a black square. Places of the same size in a random order show
    what such damage does by itself.

    Args:
        film: (S, S) uint8 as the model sees it.
        cam: (h, w) float32; only the order of its values counts, below 0 too.
        probability: (N, S, S) uint8 -> (N,), the probability of the class whose evidence the map shows.
        seed: random seed of the random orders.
    """
    places = cam.size
    generator = np.random.default_rng(seed)
    orders = [np.argsort(-cam, axis=None, kind="stable")]
    orders += [generator.permutation(places) for _ in range(RANDOM_ORDERS)]
    blurred = np.asarray(Image.fromarray(film).filter(ImageFilter.GaussianBlur(_BLUR * len(film))))
    taken = np.stack([_taken(order, cam.shape, film.shape) for order in orders])  # (orders, STEPS - 1, S, S)
    films = np.concatenate(
        [
            np.stack([film, blurred]),
            np.where(taken, blurred, film).reshape(-1, *film.shape),
            np.where(taken, film, blurred).reshape(-1, *film.shape),
        ]
    )
    outputs = np.concatenate([probability(films[i : i + _AT_ONCE]) for i in range(0, len(films), _AT_ONCE)])
    whole, nothing = outputs[:2]
    deleted, inserted = outputs[2:].reshape(2, len(orders), STEPS - 1)
    deletions = np.pad(deleted, ((0, 0), (1, 1)), constant_values=((0, 0), (whole, nothing)))
    insertions = np.pad(inserted, ((0, 0), (1, 1)), constant_values=((0, 0), (nothing, whole)))
    return Curves(
        deletion=deletions[0],
        insertion=insertions[0],
        random_deletion=deletions[1:].mean(axis=0),
        random_insertion=insertions[1:].mean(axis=0),
    )


def _points_into(energy: np.ndarray, mask: np.ndarray) -> bool:
    point = np.unravel_index(int(energy.argmax()), energy.shape)
    return bool(energy[point] > 0 and mask[point])


def _enlarged(cam: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge a map to the size of a mask, as in the picture: (H, W) float64, at least 0."""
    drawn = Image.fromarray(heat(cam)).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.maximum(np.asarray(drawn, dtype=np.float64), 0)


def _taken(order: np.ndarray, grid: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Turn the first 1/STEPS, 2/STEPS, … places of an order into masks of a film: (STEPS - 1, S, S) bool."""
    rank = np.empty(order.size, dtype=int)
    rank[order] = np.arange(order.size)
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(shape, grid, strict=True))
    ranks = rank.reshape(grid)[rows[:, None], columns]
    counts = np.rint(np.arange(1, STEPS) * order.size / STEPS)
    return np.asarray(ranks < counts[:, None, None])


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve) / (len(curve) - 1))
