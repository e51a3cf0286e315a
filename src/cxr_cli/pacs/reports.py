"""Structured reports: a film's prediction comes in, a DICOM SR by the template TID 1500 goes out."""

from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.pacs.objects import MANUFACTURER, Objects, algorithm_of_run, new_instance, own_code, own_scheme
from cxr_cli.pacs.study_film import StudyFilm
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.prediction.rows import PredictionRow

if TYPE_CHECKING:
    from highdicom.sr import MeasurementsAndQualitativeEvaluations
    from pydicom import Dataset

_SERIES_NUMBER = 9801
_PROCEDURE = ("399208008", "SCT", "Plain X-ray of chest")


class Reports(Objects):
    """Writes a structured report of each film that gets a class.

    Args:
        folder: where the reports go.
        predictor: the run that predicts.
    """

    def __init__(self, folder: Path, predictor: Predictor) -> None:
        super().__init__(folder, "reports")
        self._predictor = predictor
        self._algorithm = algorithm_of_run(predictor)

    def add(self, film: Path, row: PredictionRow) -> None:
        """Write the report of a film; a film without a class gets none.

        Args:
            film: the DICOM file that was predicted.
            row: what was predicted.

        Raises:
            WorkspaceError: the report can't be written.
        """
        if row.class_ is not None:
            self._write(film, lambda source: self._report(source, row))

    def _report(self, source: StudyFilm, row: PredictionRow) -> "Dataset":
        from highdicom.sr import (
            CodedConcept,
            ComprehensiveSR,
            DeviceObserverIdentifyingAttributes,
            MeasurementReport,
            ObservationContext,
            ObserverContext,
        )
        from pydicom.sr.codedict import codes
        from pydicom.uid import generate_uid

        algorithm, evidence = self._algorithm, source.referred()
        device = DeviceObserverIdentifyingAttributes(
            generate_uid(entropy_srcs=[MANUFACTURER, algorithm.name, algorithm.sha256]),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=f"{algorithm.name} {algorithm.version}",
            serial_number=algorithm.sha256[:16],
        )
        content = MeasurementReport(
            ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device)),
            CodedConcept(*_PROCEDURE),
            imaging_measurements=[self._measured(evidence, row)],
            title=codes.DCM.ImagingMeasurementReport,
        )
        return ComprehensiveSR(
            [evidence],
            content,
            **new_instance(_SERIES_NUMBER),
            is_complete=True,
            manufacturer=MANUFACTURER,
            coding_schemes=[own_scheme()],
        )

    def _measured(self, evidence: "Dataset", row: PredictionRow) -> "MeasurementsAndQualitativeEvaluations":
        from highdicom.sr import (
            Measurement,
            MeasurementsAndQualitativeEvaluations,
            QualitativeEvaluation,
            RelationshipTypeValues,
            SourceImageForMeasurementGroup,
            TextContentItem,
            TrackingIdentifier,
        )
        from pydicom.sr.codedict import codes

        negative, positive = self._predictor.classes
        classes = {negative: own_code("class-0", negative), positive: own_code("class-1", positive)}
        sets = {"both": own_code("both", "both classes"), "neither": own_code("neither", "neither class")}
        row = row.rounded()
        assert row.class_ is not None
        assert row.probability is not None
        evaluations = [QualitativeEvaluation(own_code("class", "Predicted class"), classes[row.class_])]
        if row.set_:
            chosen = (classes | sets)[row.set_]
            evaluations.append(QualitativeEvaluation(own_code("prediction-set", "Prediction set"), chosen))
        group = MeasurementsAndQualitativeEvaluations(
            TrackingIdentifier(identifier="Whole film"),
            algorithm_id=self._algorithm.in_report(),
            source_images=[SourceImageForMeasurementGroup.from_source_image(evidence)],
            measurements=[
                Measurement(own_code(code, f"{meaning} {positive}"), value, codes.UCUM.NoUnits)
                for code, meaning, value in (
                    ("probability", "Probability of", row.probability),
                    ("operating-point", "Operating point: least probability of", round(row.threshold, 6)),
                )
            ],
            qualitative_evaluations=evaluations,
        )
        for text in _comments(row):
            comment = TextContentItem(codes.DCM.Comment, text, RelationshipTypeValues.CONTAINS)
            group[0].ContentSequence.append(comment)
        return group


def _comments(row: PredictionRow) -> list[str]:
    """What a person who reads the report has to know."""
    comments = [DISCLAIMER]
    if row.reason:
        comments.append(f"Predicted by force. Otherwise the film would get no class: {row.reason}.")
    if row.note:
        comments.append(f"{row.note[0].upper()}{row.note[1:]}.")
    if row.seen:
        comments.append("The model was trained or validated on this film or a copy of it.")
    return comments
