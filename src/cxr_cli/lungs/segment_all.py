"""The lungs of many films: files come in; masks, pictures, a table and a record go out."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cxr_cli.errors import ImageError
from cxr_cli.lungs.record import SegmentationRecord, SegmentedFilm
from cxr_cli.lungs.segment import check_reference, named, segment_files, summarize
from cxr_cli.progress import track
from cxr_cli.workspace.folders import SegmentationFolder
from cxr_cli.workspace.staging import staged_folder


@dataclass(frozen=True)
class Segmentation:
    """The lungs of films, and where the files are."""

    folder: SegmentationFolder
    record: SegmentationRecord
    errors: list[ImageError]  # of the films that could not be read
    unwritten: Sequence[ImageError] = ()  # of films with lungs, but without the DICOM object that was asked for


def segment_all(
    films: Collection[Path],
    folder: SegmentationFolder,
    *,
    method: str,
    model: Path | None = None,
    reference: Path | None = None,
) -> Segmentation:
    """Find the lungs of films, and write their masks, pictures, a table and a record, all of them at the end.

    Other files in the folder stay. If no film could be read, or an error stops it, the folder is as it was.

    Args:
        films: image files.
        folder: where the files go.
        method: a name of `SEGMENTATION_METHODS`, or of the run of `model`.
        model: the `model.tflite` of a run that finds lungs. Defaults to none.
        reference: a folder of masks to compare with. Defaults to none.

    Raises:
        CxrError: `reference` has no mask of these films.
        WorkspaceError: the files can't be written.
    """
    by_name = named(films)
    if reference:
        check_reference(reference, by_name.values())
    done, failed = [], {}
    with staged_folder(folder.root, keep=True) as stage:
        staged = SegmentationFolder(stage)
        results = segment_files(by_name, staged, method=method, model=model, reference=reference)
        if len(by_name) > 1:
            results = track(results, "Finding lungs", total=len(by_name))
        for path, film in results:
            if isinstance(film, ImageError):
                failed[path] = film
            else:
                done.append(_in_place(film, stage, folder.root))
        record = summarize(done, failed, staged, method=method, reference=reference)
        if not done:  # nothing is written
            shutil.rmtree(stage)
    return Segmentation(folder, record, list(failed.values()))


def _in_place(film: SegmentedFilm, stage: Path, folder: Path) -> SegmentedFilm:
    """A film's row with the paths that its files are going to have."""
    paths = {name: getattr(film, name) for name in ("mask", "overlay", "clusters")}
    return msgspec.structs.replace(
        film, **{name: str(folder / Path(path).relative_to(stage)) for name, path in paths.items() if path}
    )
