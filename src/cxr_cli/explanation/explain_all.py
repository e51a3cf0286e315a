"""Many films come in; a gallery of their heat maps, with what the maps are worth, goes out."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.doubts import Doubt
from cxr_cli.errors import ImageError, UsageError
from cxr_cli.explanation.gallery import make_gallery, shown_films
from cxr_cli.explanation.gallery_films import GalleryFilms, GalleryOptions, find_gallery_films
from cxr_cli.explanation.gallery_place import hold_gallery
from cxr_cli.explanation.heatmaps import ARRAY_SUFFIX, PICTURE_FORMATS, HeatMap, check_target, find_method
from cxr_cli.explanation.methods import DEFAULT
from cxr_cli.explanation.record import GradesRecord, Randomization
from cxr_cli.extras import TRAINING, require_modules
from cxr_cli.prediction.files import open_seen_by
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note
from cxr_cli.workspace.folders import GalleryFolder, RunFolder
from cxr_cli.workspace.layout import Workspace

_RANDOMIZED = 12  # maximum number of films for the check with random weights


@dataclass(frozen=True)
class Gallery:
    """A gallery of heat maps that was written."""

    run: RunFolder
    folder: GalleryFolder
    record: GradesRecord
    errors: list[ImageError]  # of the films that got no class or could not be read
    doubts: Sequence[Doubt] = ()  # what speaks against the run
    unwritten: Sequence[ImageError] = ()  # of films with a map, but without the DICOM objects that were asked for


def explain_all(
    workspace: Workspace,
    films: Sequence[Path] = (),
    *,
    output: Path | None = None,
    method: str = DEFAULT,
    target: str | None = None,
    alpha: float = 0.5,
    overlay_only: bool = False,
    raw: bool = False,
    split: str | None = None,
    lungs: Path | None = None,
    lesions: Path | None = None,
    curves: bool = False,
    randomize: bool = False,
    force: bool = False,
    replace: bool = False,
    use: Callable[[Path, HeatMap], None] | None = None,
    doubts_of: Callable[[RunFolder], Sequence[Doubt]] | None = None,
    run: str | None = None,
) -> Gallery:
    """Write a gallery of the heat maps of many films, and measure what the maps are worth.

    Args:
        workspace: where the run is.
        films: films, folders of films, or globs. Defaults to those of `split`.
        output: the folder of the gallery. Defaults to a folder in the workspace's `heatmaps`; see `hold_gallery`.
        method: a name of `MAP_METHODS`. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the predicted class of each film.
        alpha: opacity of the heat, in [0, 1]. Defaults to 0.5.
        overlay_only: of each film the map over it alone. Defaults to False.
        raw: write the maps as .npy too.
        split: in place of `films`, a part of the prepared dataset.
        lungs: a folder of lung masks, to measure how much of the heat is in the lungs.
        lesions: a folder of masks of opacities, for the pointing game.
        curves: measure deletion and insertion.
        randomize: compare the maps with those of random weights; needs TensorFlow.
        force: explain any picture, also one that should get no class. Defaults to False.
        replace: overwrite a gallery of other films in `output`. Defaults to False.
        use: called with each film and its map. Defaults to nothing.
        doubts_of: finds what speaks against the run, for the page. Defaults to nothing.
        run: the name of the run. Defaults to the newest.

    Raises:
        UsageError: both films and a part are given, or neither; or `output` is the file name of a picture; see also
            `check_target`.
        WorkspaceError: there is no run or dataset, `output` has a gallery of other films, or the files can't be
            written.
    """
    if bool(films) == bool(split):
        raise UsageError(
            f"Expected films, or a part of the prepared dataset. Received: {'both' if films and split else 'neither'}.",
            hint="For example: cxr gradcam --split test",
        )
    if output and output.suffix.lower() in {*PICTURE_FORMATS, ARRAY_SUFFIX}:
        raise UsageError(
            f"Expected a folder for the heat maps of many films. Received: {output}.",
            hint="For example: --output gallery",
        )
    method = find_method(method)
    predictor = open_predictor(workspace.run(run))
    gallery_films = find_gallery_films(workspace, predictor, films, split=split)
    options = GalleryOptions(
        *(method, target, alpha, raw, lungs, lesions),
        curves=curves,
        force=force,
        overlay_only=overlay_only,
        use=use,
    )
    check_target(predictor, method, target)
    if randomize and predictor.run.version:
        raise UsageError(
            f"Expected a run of the workspace for random weights, which need its Keras model. Received: "
            f"{predictor.run.title}, which has none.",
            hint="Leave out --randomize, or train a run",
        )
    if randomize:
        require_modules(*TRAINING, needed_by="random weights")
    place = hold_gallery(
        workspace, output, gallery_films, run=predictor.run.name, method=method, target=target, replace=replace
    )
    with workspace.reading_dataset() if split else nullcontext(), place as folder:
        randomization = _randomization(predictor, gallery_films, options) if randomize else None
        seen = open_seen_by(predictor, workspace.dataset)
        doubts = doubts_of(predictor.run) if doubts_of else ()
        record, errors = make_gallery(
            predictor, gallery_films, folder, options, seen=seen, doubts=doubts, randomization=randomization
        )
    return Gallery(predictor.run, folder, record, errors, doubts=doubts)


def _randomization(predictor: Predictor, films: GalleryFilms, options: GalleryOptions) -> Randomization | None:
    shown, positives = shown_films(predictor, films, options, at_most=_RANDOMIZED)
    if not len(shown):
        return None
    note("Loading TensorFlow")
    from cxr_cli.explanation.randomization import randomize

    return randomize(predictor.run, shown, positives, seed=options.seed)
