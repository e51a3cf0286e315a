"""A film in; its heat map, as a picture or as numbers, out."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.errors import CxrError
from cxr_cli.imaging.figures import save_picture
from cxr_cli.imaging.overlay import draw_heat_map
from cxr_cli.imaging.reader import read_film
from cxr_cli.inference.predictor import Answer, open_predictor
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.layout import Workspace

_PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}


@dataclass(frozen=True)
class Explained:
    """A heat map that was written."""

    answer: Answer
    run: str
    explained: str  # whose map it is: the run's, or of a part of it
    target: str
    output: Path
    caption: str  # what the map shows


def explain(
    workspace: Workspace,
    film: Path,
    *,
    output: Path | None = None,
    target: str | None = None,
    alpha: float = 0.5,
    raw: bool = False,
    run: str | None = None,
    notice: str,
) -> Explained:
    """Write the heat map of one film.

    Args:
        workspace: where the run is.
        film: an image file.
        output: where to; a picture's suffix, or .npy with `raw`. Defaults to the workspace's `heatmaps`.
        target: the class whose evidence is shown. Defaults to the answer.
        alpha: how much the heat hides the film, in [0, 1].
        raw: the map alone, (h, w) float32, signed, as the model gives it.
        run: the run's name. Defaults to the latest.
        notice: what the picture says below the film.

    Raises:
        CxrError: `target` is no class of the run, or `output` no file to write a heat map to.
        ImageError: the film can't be read.
        WorkspaceError: no run, or it can't be read.
    """
    pixels = read_film(film)
    suffixes = [".npy"] if raw else list(_PICTURES)
    output = output or workspace.heatmaps / f"{film.stem}{suffixes[0]}"
    if output.suffix.lower() not in suffixes:
        raise CxrError(
            f"Expected an output file ending in {', '.join(suffixes)}. Received: {output}.",
            hint=f"For example: -o heat{suffixes[0]}",
        )
    if output.resolve() == film.resolve():
        raise CxrError(f"Expected an output other than the film. Received: {output}.", hint=f"-o heat{suffixes[0]}")
    predictor = open_predictor(workspace.run(run))
    if target not in {None, predictor.negative, predictor.positive}:
        raise CxrError(
            f"Expected --target {predictor.negative} or {predictor.positive}. Received: {target!r}.",
            hint=f"For example: --target {predictor.positive}",
        )
    answer = predictor.answer_file(film, film=pixels)
    shown = target or answer.label
    cam = answer.cams[shown]
    caption = predictor.caption(answer, shown)
    if raw:
        data = io.BytesIO()
        np.save(data, cam)
        write_bytes(output, data.getvalue())
    else:
        picture = draw_heat_map(
            pixels,
            cam,
            alpha=alpha,
            title=f"{answer.label} {answer.confidence:.1%}",
            caption=f"{caption} {notice}",
        )
        save_picture(picture, output, kind=_PICTURES[output.suffix.lower()])
    return Explained(
        answer=answer,
        run=predictor.run.name,
        explained=predictor.explained,
        target=shown,
        output=output,
        caption=caption,
    )
