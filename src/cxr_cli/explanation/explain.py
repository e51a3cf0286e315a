"""A film comes in; its heat map, as a picture or as numbers, goes out."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.doubts import Doubt
from cxr_cli.errors import ImageError, UsageError
from cxr_cli.explanation.heatmaps import (
    ARRAY_SUFFIX,
    PICTURE_FORMATS,
    HeatMap,
    check_suffix,
    check_target,
    find_method,
    heat_map,
)
from cxr_cli.explanation.methods import DEFAULT
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.files import how_seen, open_seen_by
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.outputs import refuse_existing


@dataclass(frozen=True)
class WrittenHeatMap:
    """A heat map and the file it was written to."""

    film: Path
    run: RunFolder
    heat: HeatMap
    output: Path
    seen: str | None = None  # how the run knows the film: of `HOW_SEEN`, or empty; None where it is not known
    doubts: Sequence[Doubt] = ()  # what speaks against the run
    unwritten: Sequence[ImageError] = ()  # why there are no DICOM objects of it, if they were asked for


def explain_film(
    predictor: Predictor,
    film: Path | np.ndarray,
    *,
    method: str = DEFAULT,
    target: str | None = None,
    force: bool = False,
) -> HeatMap:
    """Make the heat map of one film, and write nothing.

    Args:
        predictor: a trained run.
        film: an image file, or (H, W) uint8, 0 is black.
        method: a name of `MAP_METHODS`, in any spelling of case and hyphens. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the predicted class.
        force: explain any picture, also one that should get no class. Defaults to False.

    Raises:
        AbstentionError: the film gets no class.
        UsageError: see `check_target`, or there is no such method.
        ImageError: the film can't be read.
        WorkspaceError: the run gives no map of this method.
    """
    method = find_method(method)
    check_target(predictor, method, target)
    if isinstance(film, np.ndarray):
        pixels, prediction = film, predictor.predict(film, force=force)
    else:
        pixels = read_film(film)
        prediction = predictor.predict_file(film, film=pixels, force=force)
    return heat_map(predictor, prediction, pixels, method=method, target=target)


def explain(
    workspace: Workspace,
    film: Path,
    *,
    output: Path | None = None,
    method: str = DEFAULT,
    target: str | None = None,
    alpha: float = 0.5,
    overlay_only: bool = False,
    raw: bool = False,
    replace: bool = False,
    force: bool = False,
    run: str | None = None,
) -> WrittenHeatMap:
    """Write the heat map of one film.

    Args:
        workspace: where the run is.
        film: an image file.
        output: a picture, or a .npy file with `raw`. Defaults to a file in the workspace's `heatmaps` that replaces
            no other one: film.png, or film-2.png.
        method: a name of `MAP_METHODS`. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the predicted class.
        alpha: opacity of the heat, in [0, 1]. Defaults to 0.5.
        overlay_only: the map over the film alone, at the film's size. Defaults to False.
        raw: write the map alone, (h, w) float32, as the method gives it; Grad-CAM's is signed.
        replace: overwrite `output` if it is there. Defaults to False.
        force: explain any picture, also one that should get no class. Defaults to False.
        run: the name of the run. Defaults to the newest.

    Raises:
        AbstentionError: the film gets no class. Nothing is written.
        UsageError: see `check_target`, or `output` is the film or has an unknown suffix.
        ImageError: the film can't be read.
        WorkspaceError: there is no run, it can't be read, or gives no map of this method.
    """
    suffixes = [ARRAY_SUFFIX] if raw else list(PICTURE_FORMATS)
    if output:
        check_suffix(output, suffixes)
    if output and os.path.realpath(output) == os.path.realpath(film):
        raise UsageError(
            f"Expected an output other than the film. Received: {output}.",
            hint=f"For example: --output heat{suffixes[0]}",
        )
    refuse_existing(output, replace=replace)
    folder = workspace.run(run)
    predictor = open_predictor(folder)
    index = open_seen_by(predictor, workspace.dataset)
    heat = explain_film(predictor, film, method=method, target=target, force=force)
    place = output or workspace.heatmaps / f"{film.stem}{suffixes[0]}"
    written = heat.save(place, alpha=alpha, overlay_only=overlay_only, replace=bool(output))
    return WrittenHeatMap(film, folder, heat, written, seen=how_seen(index, film, heat.prediction))


def is_one_film(films: Sequence[Path]) -> bool:
    """Whether `films` is the name of one file, existing or not: not a folder, and not a glob."""
    if len(films) != 1 or films[0].is_dir():
        return False
    return films[0].exists() or not glob.has_magic(str(films[0]))
