"""PROBAST+AI: Moons et al., BMJ 2025;388:e082505. The published tool is authoritative.

Its signaling questions are for people who judge a study; a report only says where they find what they need. D is the
part on model development (quality), E that on model evaluation (risk of bias).
"""

from cxr_cli.reporting.guidelines.item import Item

_ALIKE = "Whether the same machines and exposures were used for both classes."
_OUTCOME = "How the finding was established, and whether from the film itself."


def _shared(part: str) -> tuple[Item, ...]:
    """The domains of participants, predictors and outcome, which both parts ask alike."""
    return (
        Item(f"{part} 1.1", "Appropriate data sources", ("sources",), "How and why the films were collected."),
        Item(f"{part} 1.2", "Appropriate study design"),
        Item(f"{part} 1.3", "Representative after exclusions", ("selection", "characteristics"), "Of which patients."),
        Item(f"{part} 2.1", "Predictors alike for all", ("shortcuts",), _ALIKE),
        Item(f"{part} 2.2", "Preprocessing alike for all", ("predictions", "shortcuts")),
        Item(f"{part} 2.3", "Predictors assessed without the outcome", ("predictions",)),
        Item(f"{part} 2.4", "Predictors there when the model is used", ("predictions",)),
        Item(f"{part} 3.1", "Outcome defined and assessed appropriately", ("reference standard",), _OUTCOME),
        Item(f"{part} 3.2", "Outcome alike for all", (), "Whether every source established it alike."),
        Item(f"{part} 3.3", "Outcome assessed without the predictors", (), "Whether from the film itself."),
        Item(f"{part} 3.4", "Appropriate time between film and outcome"),
    )


PROBAST = (
    *_shared("D"),
    Item("D 4.1", "Reasonable sample size", ("split",), "Why it is enough."),
    Item("D 4.2", "Predictors handled appropriately", ("model", "predictions")),
    Item("D 4.3", "Missing data handled appropriately", ("missing data",)),
    Item("D 4.4", "Recalibrated after a correction for class imbalance", ("model", "calibration")),
    Item("D 4.5", "Overfitting addressed", ("model",)),
    *_shared("E"),
    Item("E 4.1", "Not evaluated on its own training data alone", ("performance", "external test")),
    Item("E 4.2", "Reasonable sample size", ("performance",), "Why it is enough."),
    Item("E 4.3", "Missing data handled appropriately", ("missing data",)),
    Item("E 4.4", "Evaluated on data not corrected for imbalance", ("predictions",)),
    Item("E 4.5", "No leak between training and test data", ("split", "patients apart")),
    Item("E 4.6", "All steps of development repeated in each resample", ("cross-validation",)),
    Item("E 4.7", "Calibration, discrimination and net benefit", ("performance", "calibration", "decision curve")),
)
