"""The section of a report on how a film is predicted, what is refused, and what is kept."""

from cxr_cli.reporting.document import Section, Text
from cxr_cli.reporting.gather import ReportMaterial


def predictions_section(material: ReportMaterial) -> Section:
    """How to predict a film with this run, now and when it was tested."""
    texts = [_computed(material), _input(material), _elsewhere(material), _refused(material), _kept(material)]
    return Section(
        "How a film is predicted",
        [Text(text) for text in texts],
        ("predictions", "input quality", "stored outputs"),
    )


def _computed(material: ReportMaterial) -> str:
    run = material.run
    trees = "; boosted trees predict from the network's features" if run.boosting else ""
    calibrated = "calibrated, see “Operating point and calibration”" if run.calibration else "not calibrated"
    return (
        f"The film is read as gray values from 0 to 255, {run.framing or 'whole'}, resized to {run.input_size} × "
        f"{run.input_size} pixels (bilinear), and given to the network in model.tflite{trees}. The result is the "
        f"probability of {material.test.positive}. It is {calibrated}. From {run.threshold:.3f} on, the film is called "
        f"{material.test.positive}."
    )


def _input(material: ReportMaterial) -> str:
    return (
        "Only the pixels of the one film go in: no finding, no metadata and nothing else about the patient, so a "
        "film without them is predicted like any other. The test films were predicted by the same code and files. "
        "They are counted as they are: none is weighted, drawn twice or left out to balance the classes."
    )


def _elsewhere(material: ReportMaterial) -> str:
    run, name = material.run, material.predictor.run.name
    weights = f"weights with SHA-256 {run.weights_sha256}" if run.weights_sha256 else "the run's weights"
    return (
        f"Code: cxr-cli {material.test.versions['cxr-cli']}. Object: the folder of the run {name}, {weights}. "
        f"Commands: cxr predict FILM --model {name}; cxr export for other programs. Python: "
        f'cxr_cli.load_run("{name}").predict(film). No user has to mark or measure anything in a film.'
    )


def _refused(material: ReportMaterial) -> str:
    without = material.test.abstentions
    reasons = "; ".join(f"{reason} ({count})" for reason, count in without.reasons.items())
    counted = f": {reasons}. All figures count these films as predicted." if without.films else "."
    unlike = " or is unlike the run's own films" if material.predictor.run.reference.is_file() else ""
    return (
        "A file that can't be read as a film is refused with the reason, as an error. A picture that is not an upright "
        f"frontal chest film, is inverted, has no lungs in it{unlike} gets no class and no probability, but a reason. "
        f"Of the test films, that would be {without.films} of {material.test.films}{counted}"
    )


def _kept(material: ReportMaterial) -> str:
    return (
        "For each test film, predictions.csv keeps the file it came from, the truth, the probability before and after "
        "calibration, the threshold, the class, and why it would have got none; report.json keeps all figures."
    )
