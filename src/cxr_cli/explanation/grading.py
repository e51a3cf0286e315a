"""What a heat map is worth: one film's map comes in, figures and what chance would have of them go out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cxr_cli.films.overlay import heat
from cxr_cli.metrics.intervals import REPLICATES, Interval, percentiles

# Zhang et al. 2018 (doi 10.1007/s11263-017-1059-x) let a map's maximum miss by 15 pixels; Fong et al. 2019 (TorchRay)
# do so in films of 224 pixels a side.
TOLERANCE = 15 / 224
STEPS = 10  # of a curve: 49 places are 5 a step
RANDOM_ORDERS = 2  # of each film's places, that its own order is held against
_BLUR = 1 / 14  # of a film's side, the standard deviation: half a place where there are 7 a side
_SIDE = 64  # pixels, at which other films' maps are laid over a film's lungs
_AT_ONCE = 8  # films in a batch: more take more memory, and no less time


@dataclass(frozen=True)
class LungGrade:
    """How much of a map's heat lies in the lungs."""

    energy: float | None  # share of the heat, in [0, 1]; None for a blank map
    share: float  # of the film that is lungs: what heat spread evenly would have there
    hit: bool  # the hottest point is in them; a blank map has none, and misses

    @property
    def ratio(self) -> float | None:
        """1 is chance."""
        return None if self.energy is None else self.energy / self.share


@dataclass(frozen=True)
class LesionGrade:
    """Whether a map's hottest point is in a lesion (the pointing game). A blank map points nowhere, and misses."""

    hit: bool
    share: float  # of the film that is lesion: what a point drawn at random hits
    hit_near: bool  # in it, or within `TOLERANCE` of it
    share_near: float


@dataclass(frozen=True)
class Curves:
    """The class's probability while the film is taken away or given back, hottest places first.

    Each array (STEPS + 1,): after 0, 1/STEPS, ... of the film.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray  # the mean of `RANDOM_ORDERS` random orders of the same places
    random_insertion: np.ndarray

    @property
    def areas(self) -> dict[str, float]:
        """The areas under the curves, and by how much the map's order is better than a random one: 0 is chance."""
        found = {name: _area(getattr(self, name)) for name in self.__dataclass_fields__}
        return found | {
            "deletion_gain": found["random_deletion"] - found["deletion"],
            "insertion_gain": found["insertion"] - found["random_insertion"],
        }


def grade_lungs(cam: np.ndarray, lungs: np.ndarray) -> LungGrade:
    """The energy-based pointing game (Wang et al. 2020, Score-CAM, arXiv 1910.01279), with the lungs as the target.

    Args:
        cam: (h, w) float32; only what is above 0 counts, enlarged to the mask as it is drawn.
        lungs: (H, W) bool, somewhere True.
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
    """The share of heat in a film's lungs if it had the maps of other patients: their mean.

    A map that is hot in the middle of every film has more in the lungs than chance, and follows no film's lungs.

    Args:
        cams: (h, w) float32 each; blank ones are left out.
        lungs: of `reduced` each, or None for a film without a mask.
        groups: the patient of each film.

    Returns:
        In [0, 1], for each film; None without a mask, or without other patients.
    """
    drawn = np.stack([_enlarged(cam, (_SIDE, _SIDE)).ravel() for cam in cams])
    totals, names = drawn.sum(axis=1), np.array(groups)
    found: list[float | None] = []
    for mask, group in zip(lungs, groups, strict=True):
        others = (names != group) & (totals > 0)
        if mask is None or not others.any():
            found.append(None)
            continue
        found.append(float(np.mean(drawn[others] @ mask.ravel() / totals[others])))
    return found


def reduced(mask: np.ndarray) -> np.ndarray:
    """A mask, (H, W) bool, in few places: (64, 64) float32, the share of each that is inside."""
    return np.asarray(Image.fromarray(mask.astype(np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX))


def grade_lesions(cam: np.ndarray, lesions: np.ndarray) -> LesionGrade:
    """The pointing game: Zhang et al. 2018, Top-down neural attention by excitation backprop, arXiv 1608.00507.

    Args:
        cam: (h, w) float32, enlarged to the mask as it is drawn.
        lesions: (H, W) bool, somewhere True.
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

    Lesions hardly ever do. Masks that were cropped to what they outline, and enlarged, always do.
    """
    return bool(mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any())


def perturb(film: np.ndarray, cam: np.ndarray, probability: Callable[[np.ndarray], np.ndarray], *, seed: int) -> Curves:
    """Deletion and insertion (Petsiuk et al. 2018, RISE, arXiv 1806.07421), by the places of the map.

    What is taken away is blurred, not black: a black square is itself something that no film has. Places of the same
    size in a random order tell what any such damage does.

    Args:
        film: (S, S) uint8 as the model is shown it.
        cam: (h, w) float32; its order counts, below 0 as well.
        probability: (N, S, S) uint8 -> (N,), of the class whose evidence the map is.
        seed: of the random orders.
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
    answers = np.concatenate([probability(films[i : i + _AT_ONCE]) for i in range(0, len(films), _AT_ONCE)])
    whole, nothing = answers[:2]
    deleted, inserted = answers[2:].reshape(2, len(orders), STEPS - 1)
    deletions = np.pad(deleted, ((0, 0), (1, 1)), constant_values=((0, 0), (whole, nothing)))
    insertions = np.pad(inserted, ((0, 0), (1, 1)), constant_values=((0, 0), (nothing, whole)))
    return Curves(
        deletion=deletions[0],
        insertion=insertions[0],
        random_deletion=deletions[1:].mean(axis=0),
        random_insertion=insertions[1:].mean(axis=0),
    )


def mean_interval(values: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Interval | None:
    """Where the mean of (N,) values lies, by a bootstrap over groups, (N,); None for fewer than two of them."""
    _, members = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(members, weights=values), np.bincount(members)
    if len(sizes) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(sizes), (REPLICATES, len(sizes)))
    return percentiles(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))


def _points_into(energy: np.ndarray, mask: np.ndarray) -> bool:
    point = np.unravel_index(int(energy.argmax()), energy.shape)
    return bool(energy[point] > 0 and mask[point])


def _enlarged(cam: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What is drawn of a map at a mask's size: (H, W) float64, at least 0."""
    drawn = Image.fromarray(heat(cam)).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.maximum(np.asarray(drawn, dtype=np.float64), 0)


def _taken(order: np.ndarray, grid: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The first places of an order as masks of a film, (STEPS - 1, S, S) bool: 1/STEPS of them, 2/STEPS, ..."""
    rank = np.empty(order.size, dtype=int)
    rank[order] = np.arange(order.size)
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(shape, grid, strict=True))
    ranks = rank.reshape(grid)[rows[:, None], columns]
    counts = np.rint(np.arange(1, STEPS) * order.size / STEPS)
    return np.asarray(ranks < counts[:, None, None])


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve) / (len(curve) - 1))
