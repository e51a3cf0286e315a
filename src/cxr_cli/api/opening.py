"""What `cxr predict` and `cxr_cli.predict` open before the first film: the films, and the reports on them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.films.find import Films, find_films
from cxr_cli.films.reader import frame_chosen

if TYPE_CHECKING:
    from cxr_cli.pacs.reports import Reports
    from cxr_cli.prediction.predictor import Predictor


@contextmanager
def opened_films(
    paths: Sequence[Path],
    predictor: "Predictor",
    *,
    frame: int | None,
    dicomweb: str | None,
    study: str | None,
    series: str | None,
    dicom_out: Path | None,
) -> Iterator[tuple[Films, "Reports | None"]]:
    """Find the films, or fetch them; fetched ones are removed when the block ends.

    Args:
        paths: films and folders; none if the films are those of a study.
        predictor: the run that the reports are about.
        frame: the frame or page to read. None: the only one, or the first page.
        dicomweb: address of a DICOMweb server, with `study` in place of `paths`.
        study: Study Instance UID.
        series: Series Instance UID. None: all series of the study.
        dicom_out: folder for a structured report of each film. None writes none, and the second value is None.

    Raises:
        UsageError: what is given doesn't go together.
        ImageError: there is no film.
        PacsError: the server can't be reached, refuses, or has no such film.
        CxrError: the extra `dicom` is not installed.
    """
    with ExitStack() as stack:
        stack.enter_context(frame_chosen(frame))
        if dicomweb or study or series or not paths:
            from cxr_cli.pacs.dicomweb import fetched_films

            films: Films = stack.enter_context(fetched_films(paths, dicomweb, study, series))
        else:
            films = find_films(paths)
        reports = None
        if dicom_out:
            from cxr_cli.pacs.reports import Reports
            from cxr_cli.pacs.study_film import check_study_films

            check_study_films(films)
            reports = Reports(dicom_out, predictor)
        yield films, reports
