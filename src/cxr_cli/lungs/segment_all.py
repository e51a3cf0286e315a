"""The lungs of many films: files come in; masks, pictures, a table and a record go out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.errors import ImageError
from cxr_cli.lungs.record import SegmentationRecord
from cxr_cli.lungs.segment import check_reference, named, segment_files, summarize
from cxr_cli.progress import track
from cxr_cli.workspace.folders import SegmentationFolder


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
    """Find the lungs of films, and write their masks, pictures, a table and a record.

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
    results = segment_files(by_name, folder, method=method, model=model, reference=reference)
    if len(by_name) > 1:
        results = track(results, "Finding lungs", total=len(by_name))
    done, failed = [], {}
    for path, film in results:
        if isinstance(film, ImageError):
            failed[path] = film
        else:
            done.append(film)
    record = summarize(done, failed, folder, method=method, reference=reference)
    return Segmentation(folder, record, list(failed.values()))
