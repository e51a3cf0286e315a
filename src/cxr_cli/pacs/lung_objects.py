"""Lungs as DICOM: masks of films come in, segmentations (SEG) go out."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.reader import read_film
from cxr_cli.lungs.masks import two_largest
from cxr_cli.lungs.record import SegmentedFilm
from cxr_cli.pacs.objects import Algorithm, Objects, new_instance, short_text
from cxr_cli.pacs.study_film import StudyFilm

if TYPE_CHECKING:
    from pydicom import Dataset

_SERIES_NUMBER = 9804
_STRUCTURE = ("123037004", "SCT", "Anatomical Structure")
# By side of the patient: SNOMED CT codes, and a color (CIELab) as atlases have it.
_LUNGS = {
    "": ("39607008", "SCT", "Lung"),
    "R": ("3341006", "SCT", "Right lung"),
    "L": ("44029006", "SCT", "Left lung"),
}
_COLORS = {"": (64, 224, 208), "R": (64, 224, 208), "L": (255, 190, 92)}


class LungObjects(Objects):
    """Writes a segmentation of each film whose lungs were found.

    Args:
        folder: where they go.
        method: what finds the lungs, a method or a run.
        model: the model file of the run, or of a method that has one.
    """

    def __init__(self, folder: Path, *, method: str, model: Path | None) -> None:
        super().__init__(folder, "segmentations")
        self._algorithm = Algorithm(method, f"cxr {version('cxr-cli')}", model)

    def add(self, film: SegmentedFilm) -> None:
        """Write the segmentation of a film; a doubtful mask gets none.

        Raises:
            WorkspaceError: it can't be written.
        """
        if film.ok:
            mask = read_film(Path(film.mask)) > 0
            self._write(Path(film.image), lambda source: self._segmentation(source, mask))

    def _segmentation(self, source: StudyFilm, mask: np.ndarray) -> "Dataset":
        from highdicom.color import CIELabColor
        from highdicom.seg import Segmentation, SegmentDescription
        from highdicom.sr import CodedConcept

        sides = _by_side(mask, source.orientation)
        return Segmentation(
            [source.referred()],
            np.stack(list(sides.values()), axis=-1)[None],
            "BINARY",
            [
                SegmentDescription(
                    number,
                    _LUNGS[side][2],
                    CodedConcept(*_STRUCTURE),
                    CodedConcept(*_LUNGS[side]),
                    "AUTOMATIC",
                    self._algorithm.in_image(),
                    display_color=CIELabColor.from_rgb(*_COLORS[side]),
                )
                for number, side in enumerate(sides, start=1)
            ],
            **new_instance(_SERIES_NUMBER),
            **self._algorithm.equipment(),
            content_label="LUNGS",
            content_description=short_text(DISCLAIMER),
        )


def _by_side(mask: np.ndarray, orientation: list[str]) -> dict[str, np.ndarray]:
    """Split a mask, (H, W) bool, into the right and the left lung; one mask for both if the film doesn't say."""
    across = orientation[0][:1] if orientation else ""
    lungs = two_largest(mask)
    if across not in {"L", "R"} or len(lungs) != 2 or (lungs[0] | lungs[1]).sum() < mask.sum():
        return {"": mask}
    first, second = lungs  # as on the film, from left to right
    return {"R": first, "L": second} if across == "L" else {"R": second, "L": first}
