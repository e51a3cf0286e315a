"""A film in; its heat map, as a picture or as numbers, out."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError
from cxr_cli.explanation.heatmaps import check_target, heat_map
from cxr_cli.explanation.methods import DEFAULT
from cxr_cli.films.figures import save_picture
from cxr_cli.films.overlay import draw_heat_map
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import Prediction, open_predictor
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.layout import Workspace

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}


@dataclass(frozen=True)
class Explained:
    """A heat map that was written."""

    answer: Prediction
    run: str
    explained: str  # whose map it is: the run's, or of a part of it
    method: str
    target: str  # the class whose evidence is shown; empty for a method that knows no classes
    output: Path
    caption: str  # what the map shows
    blank: bool  # nothing is drawn


def explain(
    workspace: Workspace,
    film: Path,
    *,
    output: Path | None = None,
    method: str = DEFAULT,
    target: str | None = None,
    alpha: float = 0.5,
    raw: bool = False,
    run: str | None = None,
) -> Explained:
    """Write the heat map of one film.

    Args:
        workspace: where the run is.
        film: an image file.
        output: where to; a picture's suffix, or .npy with `raw`. Defaults to the workspace's `heatmaps`.
        method: a name of `MAP_METHODS`. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the answer.
        alpha: how much the heat hides the film, in [0, 1].
        raw: the map alone, (h, w) float32, as the method gives it; Grad-CAM's is signed.
        run: the run's name. Defaults to the latest.

    Raises:
        CxrError: see `check_target`, or `output` is no file to write a heat map to.
        ImageError: the film can't be read.
        WorkspaceError: no run, it can't be read, or gives no map of this method.
    """
    pixels = read_film(film)
    suffixes = [".npy"] if raw else list(PICTURES)
    output = output or workspace.heatmaps / f"{film.stem}{suffixes[0]}"
    if output.suffix.lower() not in suffixes:
        raise CxrError(
            f"Expected an output file ending in {', '.join(suffixes)}. Received: {output}.",
            hint=f"For example: -o heat{suffixes[0]}",
        )
    if output.resolve() == film.resolve():
        raise CxrError(f"Expected an output other than the film. Received: {output}.", hint=f"-o heat{suffixes[0]}")
    predictor = open_predictor(workspace.run(run))
    check_target(predictor, method, target)
    answer = predictor.predict_file(film, film=pixels)
    shown = heat_map(predictor, answer, method=method, target=target)
    if raw:
        data = io.BytesIO()
        np.save(data, shown.cam)
        write_bytes(output, data.getvalue())
    else:
        picture = draw_heat_map(
            pixels,
            shown.cam,
            alpha=alpha,
            title=f"{answer.label} {answer.confidence:.1%}",
            caption=f"{shown.caption} {DISCLAIMER}",
        )
        save_picture(picture, output, kind=PICTURES[output.suffix.lower()])
    return Explained(
        answer=answer,
        run=predictor.run.name,
        explained=predictor.explained,
        method=method,
        target=shown.target,
        output=output,
        caption=shown.caption,
        blank=shown.blank,
    )
