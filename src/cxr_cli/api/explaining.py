"""Heat maps: `gradcam`."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.api.arguments import AnyPath, AnyPaths, as_path, as_paths, as_text, find_workspace

if TYPE_CHECKING:
    from cxr_cli.explanation.explain import WrittenHeatMap
    from cxr_cli.explanation.explain_all import Gallery
    from cxr_cli.pacs.heat_objects import HeatObjects
    from cxr_cli.workspace.folders import RunFolder


def gradcam(
    films: AnyPaths | None = None,
    *,
    output: AnyPath | None = None,
    method: str = "gradcam",
    target: str | None = None,
    alpha: float = 0.5,
    overlay_only: bool = False,
    raw: bool = False,
    split: str | None = None,
    lungs: AnyPath | None = None,
    lesions: AnyPath | None = None,
    curves: bool = False,
    randomize: bool = False,
    frame: int | None = None,
    dicom_out: AnyPath | None = None,
    replace: bool = False,
    force: bool = False,
    model: str | None = None,
    workspace: AnyPath | None = None,
) -> "WrittenHeatMap | Gallery":
    """Draw heat maps over films.

    Args:
        films: a film; or several films, folders of films, or globs.
        output: the picture of one film, or the folder for many. Defaults to `heatmaps` in the workspace.
        method: method of the heat map. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the predicted class of each film.
        alpha: opacity of the heat, in [0, 1]. Defaults to 0.5.
        overlay_only: write the map over the film alone, at the size of the film: no bare film beside it, no title,
            color bar or caption. Defaults to False.
        raw: write the values of the map as .npy; for many films, beside the pictures.
        split: in place of `films`, a part of the prepared dataset: train, val or test.
        lungs: folder of lung masks, to measure how much of the heat is in the lungs.
        lesions: folder of masks of opacities, for the pointing game.
        curves: measure deletion and insertion.
        randomize: check that maps change when the network's weights are random; needs TensorFlow.
        frame: the frame of each file to read, from 1. Defaults to none: a DICOM file must hold one; of pages, the
            first.
        dicom_out: a folder to write each film's map to as DICOM as well: a secondary capture to look at, and a
            parametric map with the values. The films must be DICOM. Needs the extra `dicom`.
        replace: overwrite `output` if it is there. Defaults to False.
        force: explain any picture, also one that should get no class. Defaults to False.
        model: the name of a trained run, or "bundled". Defaults to the newest, else the bundled one.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        For one film, its heat map and where it was written. For many films, or with `split`, `lungs`, `lesions`,
        `curves` or `randomize`, the gallery with its record.

    Raises:
        UsageError: options that don't go together, or a value out of range.
        AbstentionError: the film gets no class. With many films, the others continue.
        ImageError: the film can't be read. With many films, the others continue.
        WorkspaceError: there is no run, or it gives no map of this method.
    """
    from cxr_cli.errors import UsageError
    from cxr_cli.explanation.explain import explain, is_one_film
    from cxr_cli.films.reader import frame_chosen
    from cxr_cli.reporting.run_doubts import run_doubts

    if not 0 <= alpha <= 1:
        raise UsageError(f"Expected an alpha from 0 to 1. Received: {alpha}.", hint="For example: --alpha 0.5")
    place, paths, method, split = find_workspace(workspace), as_paths(films), str(method), as_text(split)
    writer = _heat_objects(place.run(model), paths, Path(dicom_out), alpha=alpha, split=split) if dicom_out else None
    made: WrittenHeatMap | Gallery
    with frame_chosen(frame):
        if is_one_film(paths) and not any((split, lungs, lesions, curves, randomize)):
            made = explain(
                place,
                paths[0],
                output=as_path(output),
                method=method,
                target=target,
                alpha=alpha,
                overlay_only=overlay_only,
                raw=raw,
                replace=replace,
                force=force,
                run=model,
            )
            made = dataclasses.replace(made, doubts=run_doubts(place, made.run))
            if writer:
                writer.add(paths[0], made.heat)
        else:
            from cxr_cli.explanation.explain_all import explain_all

            made = explain_all(
                place,
                paths,
                output=as_path(output),
                method=method,
                target=target,
                alpha=alpha,
                overlay_only=overlay_only,
                raw=raw,
                split=split,
                lungs=as_path(lungs),
                lesions=as_path(lesions),
                curves=curves,
                replace=replace,
                randomize=randomize,
                force=force,
                use=writer.add if writer else None,
                doubts_of=partial(run_doubts, place),
                run=model,
            )
    if writer:
        writer.tell()
        made = dataclasses.replace(made, unwritten=writer.failed)
    return made


def _heat_objects(
    run: "RunFolder", films: list[Path], folder: Path, *, alpha: float, split: str | None
) -> "HeatObjects":
    """Check all that DICOM objects of heat maps need before any work."""
    from cxr_cli.errors import UsageError
    from cxr_cli.films.find import find_films
    from cxr_cli.pacs.heat_objects import HeatObjects
    from cxr_cli.pacs.study_film import check_study_films, require_dicom
    from cxr_cli.prediction.predictor import open_predictor

    if split:
        raise UsageError(
            "Expected dicom_out with DICOM films that are named. Received: a part of the dataset.",
            hint="Leave out --split, or --dicom-out",
        )
    require_dicom()
    check_study_films(find_films(films))
    return HeatObjects(folder, open_predictor(run), alpha=alpha)
