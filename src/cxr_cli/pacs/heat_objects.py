"""Heat maps as DICOM: a secondary capture to look at, and a parametric map with the values."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.explanation.heatmaps import HeatMap
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS
from cxr_cli.pacs.objects import MANUFACTURER, Objects, algorithm_of_run, new_instance, own_code, own_scheme, short_text
from cxr_cli.pacs.study_film import StudyFilm
from cxr_cli.prediction.predictor import Predictor

if TYPE_CHECKING:
    from pydicom import Dataset

_SIDE = 1024  # pixels of a picture's longer side: more than a heat map has detail for
_CAPTURE_NUMBER, _MAP_NUMBER = 9802, 9803
# The unit vectors of the letters of Patient Orientation, in the patient's axes: left, posterior and head.
_AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
_UPRIGHT = ["L", "F"]


class HeatObjects(Objects):
    """Writes a secondary capture and a parametric map of each film.

    Args:
        folder: where they go.
        predictor: the run whose maps they are.
        alpha: opacity of the heat, in [0, 1].
    """

    def __init__(self, folder: Path, predictor: Predictor, *, alpha: float) -> None:
        super().__init__(folder, "heat maps")
        self._algorithm = algorithm_of_run(predictor)
        self._alpha = alpha

    def add(self, film: Path, heat: HeatMap) -> None:
        """Write the objects of a film.

        Raises:
            WorkspaceError: they can't be written.
        """
        self._write(film, lambda source: self._capture(source, heat), lambda source: self._map(source, heat))

    def _capture(self, source: StudyFilm, heat: HeatMap) -> "Dataset":
        from highdicom import CoordinateSystemNames
        from highdicom.sc import SCImage

        film = Image.fromarray(heat.film)
        film.thumbnail((_SIDE, _SIDE))
        # Without the bare film beside it: the study has it.
        picture = replace(heat, film=np.asarray(film)).picture(alpha=self._alpha, beside=False)
        made = SCImage.from_ref_dataset(
            source.referred(),
            np.asarray(picture),
            "RGB",
            bits_allocated=8,
            coordinate_system=CoordinateSystemNames.PATIENT,
            manufacturer=MANUFACTURER,
            patient_orientation=("L", "F"),  # that of the film is set later
            **new_instance(_CAPTURE_NUMBER),
        )
        made.ImageComments = DISCLAIMER
        made.DerivationDescription = heat.caption
        made.ManufacturerModelName = self._algorithm.equipment()["manufacturer_model_name"]
        if "BurnedInAnnotation" in source.header:  # the film's own: the texts around it name no one
            made.BurnedInAnnotation = source.header.BurnedInAnnotation
        return made

    def _map(self, source: StudyFilm, heat: HeatMap) -> "Dataset":
        from highdicom import (
            PixelMeasuresSequence,
            PlaneOrientationSequence,
            PlanePositionSequence,
            VOILUTTransformation,
        )
        from highdicom.pm import ParametricMap, RealWorldValueMapping
        from pydicom.sr.codedict import codes
        from pydicom.uid import generate_uid

        values = np.asarray(
            Image.fromarray(heat.cam).resize(source.shape[::-1], Image.Resampling.BICUBIC), dtype=np.float32
        )
        low, high = float(values.min()), float(values.max())
        title = MAP_METHODS[heat.method].title
        quantity = (
            codes.DCM.GradientWeightedClassActivation
            if heat.method == DEFAULT
            else own_code(heat.method[:16], f"Heat map by {title}")
        )
        # A projection has no place in the patient, but the object must have one: a plane in a frame of its own.
        plane = [axis for part in _plane(source.orientation) for axis in _AXES[part]]
        placed, where = source.referred(), (0.0, 0.0, 0.0)
        placed.FrameOfReferenceUID, placed.ImageOrientationPatient, placed.ImagePositionPatient = (
            generate_uid(),
            plane,
            list(where),
        )
        placed.PixelSpacing, placed.SliceThickness = source.spacing, 1
        return ParametricMap(
            [placed],
            values[None],
            **new_instance(_MAP_NUMBER),
            **self._algorithm.equipment(),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[
                RealWorldValueMapping(
                    heat.method[:16],
                    short_text(f"{title}, evidence for {heat.target or 'no class'}"),
                    codes.UCUM.NoUnits,
                    value_range=(low, high),
                    slope=1.0,
                    intercept=0.0,
                    quantity_definition=quantity,
                )
            ],
            voi_lut_transformations=[
                VOILUTTransformation((low + high) / 2, max(high - low, 1e-6), voi_lut_function="LINEAR_EXACT")
            ],
            coding_schemes=[own_scheme()],
            content_label="HEAT_MAP",
            content_description=short_text(DISCLAIMER),
            pixel_measures=PixelMeasuresSequence(source.spacing, 1.0),
            plane_orientation=PlaneOrientationSequence("PATIENT", plane),
            plane_positions=[PlanePositionSequence("PATIENT", where)],
        )


def _plane(orientation: list[str]) -> list[str]:
    """The first letters of the directions of rows and columns; those of an upright frontal film if they don't fit."""
    letters = [part[:1] for part in orientation]
    fit = len(letters) == 2 and set(letters) <= set(_AXES) and abs(np.dot(_AXES[letters[0]], _AXES[letters[1]])) == 0
    return letters if fit else _UPRIGHT
