"""`reference.npz`: what the features of a run's training films look like, so that other pictures can be recognized.

The distance is Mahalanobis's, with the covariance of probabilistic principal components (Tipping and Bishop 1999): its
own variance along each of the main axes, and one variance along all others. Lee et al. 2018 (arXiv 1807.03888) use the
distance to recognize inputs that a network was not trained on.
"""

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.arrays import read_arrays
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.layout import TRAIN_COMMAND

_AXES = 32  # maximum number of main axes
_FILMS_PER_AXIS = 8  # so that the variance along each is known
_SHARE, _MARGIN = 99, 1.5  # the limit: this percentile of the validation films' distances, times the margin


@dataclass(frozen=True)
class Reference:
    """The training films of a run, in the space of its features."""

    mean: np.ndarray  # (C,) float32
    axes: np.ndarray  # (k, C) float16, orthonormal
    variances: np.ndarray  # (k,) float32, along the axes
    rest: float  # variance along each other axis
    limit: float  # a film that is farther away is unlike the run's films

    def far(self, features: np.ndarray) -> np.ndarray:
        """Whether films are unlike the run's films: (N, C) float32 -> (N,) bool."""
        return np.asarray(self.distances(features) > self.limit)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """The mean squared deviation of films in standard deviations, about 1 for films like those of the training.

        Args:
            features: (N, C) float32, as `model.tflite` gives them.

        Returns:
            (N,) float64.
        """
        away = np.asarray(features, dtype=np.float64) - self.mean
        along = away @ self.axes.T.astype(np.float64)
        beside = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.asarray(((along**2 / self.variances).sum(axis=1) + beside / self.rest) / away.shape[1])


def fit_reference(train: np.ndarray, val: np.ndarray) -> Reference:
    """Fit a reference to training films, and its limit to validation films, by their features: (N, C) float32."""
    from threadpoolctl import threadpool_limits

    train = np.asarray(train, dtype=np.float64)
    mean = train.mean(axis=0)
    with threadpool_limits(1, user_api="blas"):  # where cores are busy, threads take a hundred times as long
        _, spread, axes = np.linalg.svd(train - mean, full_matrices=False)
    kept = max(1, min(_AXES, len(train) // _FILMS_PER_AXIS, train.shape[1] - 1))
    variances = spread**2 / max(len(train) - 1, 1)
    rest = float(variances[kept:].sum() / max(train.shape[1] - kept, 1))
    floor = max(float(variances.sum()) / train.shape[1], 1e-12) * 1e-3  # features that hardly vary
    reference = Reference(
        mean=mean.astype(np.float32),
        axes=axes[:kept].astype(np.float16),
        variances=np.maximum(variances[:kept], floor).astype(np.float32),
        rest=max(rest, floor),
        limit=np.inf,
    )
    limit = float(np.percentile(reference.distances(val), _SHARE)) * _MARGIN
    return Reference(**{**asdict(reference), "limit": limit})


def save_reference(path: Path, reference: Reference) -> None:
    """Write a reference.

    Raises:
        WorkspaceError: the file can't be written.
    """
    data = io.BytesIO()
    np.savez(data, **asdict(reference))
    write_bytes(path, data.getvalue())


def load_reference(path: Path) -> Reference | None:
    """Read a reference; None if there is none, as in a run of an earlier version.

    Raises:
        WorkspaceError: the file is damaged.
    """
    if not path.is_file():
        return None
    what, hint = "the features of a run's training films", f"Train the run again: {TRAIN_COMMAND}"
    values = read_arrays(path, what=what, hint=hint)
    shapes = {name: array.shape for name, array in values.items()}
    (axes, width) = shapes.get("axes", ()) if len(shapes.get("axes", ())) == 2 else (0, 0)
    expected = {"mean": (width,), "axes": (axes, width), "variances": (axes,), "rest": (), "limit": ()}
    if (
        shapes != expected
        or not all(np.isfinite(array).all() for array in values.values())
        or not (values["variances"] > 0).all()
        or not values["rest"] > 0
    ):
        raise WorkspaceError(
            f"Expected {what} in {path}, as finite numbers and variances above 0. Received: "
            + (", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no arrays")
            + ".",
            hint=hint,
        )
    rest, limit = float(values.pop("rest")), float(values.pop("limit"))
    return Reference(**values, rest=rest, limit=limit)
