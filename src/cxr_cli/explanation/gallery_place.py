"""Where a gallery goes: never over that of other films."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cxr_cli.errors import InUseError, WorkspaceError
from cxr_cli.explanation.gallery_films import GalleryFilms
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.workspace.files import free_names
from cxr_cli.workspace.folders import GalleryFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@contextmanager
def hold_gallery(
    workspace: Workspace,
    output: Path | None,
    films: GalleryFilms,
    *,
    run: str,
    method: str,
    target: str | None,
    replace: bool = False,
) -> Iterator[GalleryFolder]:
    """Hold the folder of a gallery for one writer.

    Args:
        workspace: where it is by default: in `heatmaps`, in a folder named after run, method and part of the dataset.
            Where there is a gallery of other films or another target, the folder has the next free name, such as
            net-gradcam-films-2.
        output: the folder that the user named. Defaults to none.
        films: the films.
        run: name of the run.
        method: of the heat maps.
        target: the class whose evidence is shown; None for the predicted class of each film.
        replace: overwrite a gallery of other films in `output`. Defaults to False.

    Raises:
        WorkspaceError: `output` has a gallery of other films, or another command is writing it.
    """
    if output:
        there = _gallery_in(GalleryFolder(output))
        if there and not replace and not _has_same_films(there, films):
            count = len(_images(there))
            raise WorkspaceError(
                f"Expected a folder without a gallery of other films. Received: {output}, which has the heat maps of "
                f"{count} other film{'s' if count != 1 else ''}.",
                hint=f"Name another folder: --output {output}-2. Or overwrite it: --replace",
            )
        with workspace.lock_result(output):
            yield GalleryFolder(output)
        return
    for name in free_names(workspace.gallery(run, method, films.split or "films").root.name):
        folder = GalleryFolder(workspace.heatmaps / name)
        with ExitStack() as held:
            try:
                held.enter_context(workspace.lock_result(folder.root))
            except InUseError:
                continue
            there = _gallery_in(folder)
            if folder.root.exists() and not (there and there.target == target and _has_same_films(there, films)):
                continue
            yield folder
            return


def _gallery_in(folder: GalleryFolder) -> GradesRecord | None:
    """The record of the gallery in a folder; None where there is none that can be read."""
    try:
        return read_record(folder.record, GradesRecord) if folder.record.is_file() else None
    except WorkspaceError:
        return None


def _has_same_films(there: GradesRecord, films: GalleryFilms) -> bool:
    """Whether a gallery is of these films, or of the same part of the dataset, which may have changed since."""
    if films.split or there.split:
        return films.split == there.split
    return _images(there) == {str(film.film) for film in films.films}


def _images(record: GradesRecord) -> set[str]:
    return {film.image for film in record.films} | record.failed.keys() | record.abstained.keys()
