"""The items of the checklists CLAIM and TRIPOD+AI, and where a report answers them.

CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300. TRIPOD+AI: Collins et al., BMJ
2024;385:e078378. The items are shortened here; the published lists are authoritative.
"""

from dataclasses import dataclass

AUTHOR = "For the author."


@dataclass(frozen=True)
class Item:
    """One item of a checklist."""

    number: str
    asks: str
    section: str = ""  # of the report that answers it; empty where only the author can
    left: str = ""  # what the author has to add


CLAIM = (
    Item("1", "Title: names artificial intelligence and its kind"),
    Item("2", "Structured abstract"),
    Item("3", "Background, intended use and role"),
    Item("4", "Aims and hypotheses"),
    Item(
        "5",
        "Prospective or retrospective",
        "Films",
        "Films that already exist are retrospective; say how they were collected.",
    ),
    Item("6", "Study goal"),
    Item("7", "Data sources", "Films", "Where and when the films were made."),
    Item("8", "Inclusion and exclusion criteria", "Films"),
    Item("9", "Preprocessing", "Model and training"),
    Item("10", "Selection of subsets", "Films"),
    Item("11", "De-identification"),
    Item("12", "Missing data", "Films"),
    Item("13", "Acquisition protocol", "", "The metadata only contain the view."),
    Item("14", "Reference standard", "Films", "How the finding of the metadata was established."),
    Item("15", "Why that reference standard"),
    Item("16", "Who annotated"),
    Item("17", "Annotation of the test set"),
    Item("18", "Agreement of annotators"),
    Item("19", "How films were assigned to parts", "Films"),
    Item("20", "Level at which the parts are disjoint", "Films"),
    Item("21", "Intended sample size", "", "The number tested and the intervals are in the report."),
    Item("22", "The model", "Model and training"),
    Item("23", "Software and versions", "Environment"),
    Item("24", "Initial weights", "Model and training"),
    Item("25", "Training", "Model and training"),
    Item("26", "How the final model was chosen", "Model and training"),
    Item("27", "Ensembles", "Model and training"),
    Item("28", "Metrics", "Performance"),
    Item("29", "Significance and uncertainty", "Performance"),
    Item("30", "Robustness", "Shortcuts", "Other disturbances of the films."),
    Item("31", "Explainability", "Heat maps"),
    Item("32", "Evaluation on internal data", "Performance"),
    Item("33", "Testing on external data", "Other hospitals"),
    Item("34", "Trial registration"),
    Item("35", "Patients and films included and left out", "Films"),
    Item("36", "Characteristics of each part", "Films"),
    Item("37", "Performance with uncertainty", "Performance"),
    Item("38", "Diagnostic performance and its precision", "Performance"),
    Item("39", "Failures", "Films it got wrong", "Why it failed there."),
    Item("40", "Limitations", "Caveats", "What the program can't see."),
    Item("41", "Implications for practice"),
    Item("42", "Protocol or further technical details", "Environment"),
    Item(
        "43", "Availability of software, model and data", "Environment", "Where the model and the films are available."
    ),
    Item("44", "Funding"),
)

TRIPOD = (
    Item("1", "Title"),
    Item("2", "Abstract"),
    Item("3a", "Healthcare context and earlier models"),
    Item("3b", "Target population, purpose and users"),
    Item("3c", "Known health inequalities"),
    Item("4", "Objectives"),
    Item("5a", "Data sources and how far they are representative", "Films", "How far they are representative."),
    Item("5b", "Dates of the data"),
    Item("6a", "Setting, number and location of centers", "Films", "Beyond what the metadata say."),
    Item("6b", "Eligibility", "Films"),
    Item("6c", "Treatments"),
    Item("7", "Data preparation and quality checks", "Films"),
    Item("8a", "Outcome", "Films", "When and how it was assessed."),
    Item("8b", "Who assessed the outcome"),
    Item("8c", "Blinding of that assessment"),
    Item("9a", "Choice of predictors", "Model and training"),
    Item("9b", "Definition of predictors", "Model and training"),
    Item("9c", "Who assessed the predictors", "", "The predictors are pixels; nobody assessed them."),
    Item("10", "Sample size"),
    Item("11", "Missing data", "Films"),
    Item("12a", "How the data were used and divided", "Films"),
    Item("12b", "How predictors were handled", "Model and training"),
    Item("12c", "Model, training, tuning and internal validation", "Model and training"),
    Item("12d", "Heterogeneity between clusters", "Cross-validation"),
    Item("12e", "Measures of performance", "Performance"),
    Item("12f", "Model updating after evaluation", "Operating point and calibration"),
    Item("12g", "How predictions are computed when evaluating", "Operating point and calibration"),
    Item("13", "Class imbalance", "Model and training"),
    Item("14", "Fairness", "Subgroups", "What was done about it."),
    Item("15", "Output and threshold", "Operating point and calibration"),
    Item("16", "Differences between training and evaluation data", "Films"),
    Item("17", "Ethical approval"),
    Item("18a", "Funding"),
    Item("18b", "Conflicts of interest"),
    Item("18c", "Protocol"),
    Item("18d", "Registration"),
    Item("18e", "Availability of data"),
    Item("18f", "Availability of code", "Environment"),
    Item("19", "Patient and public involvement"),
    Item("20a", "Flow of participants", "Films"),
    Item("20b", "Characteristics", "Films"),
    Item("20c", "Development and evaluation data compared", "Films"),
    Item("21", "Participants and outcomes in each analysis", "Films"),
    Item("22", "The full model, so that others can use it", "Environment"),
    Item("23a", "Performance with intervals, in subgroups too", "Performance"),
    Item("23b", "Heterogeneity of performance", "Cross-validation"),
    Item("24", "Results of updating", "Operating point and calibration"),
    Item("25", "Interpretation"),
    Item("26", "Limitations", "Caveats", "What the program can't see."),
    Item("27a", "Poor or missing input when used", "", "Files that can't be read as films are refused."),
    Item("27b", "Interaction and expertise needed"),
    Item("27c", "Next steps"),
)


def rows(items: tuple[Item, ...], sections: set[str]) -> list[list[str]]:
    """One row per item: its number, what it asks for, and where the report answers it, given the report's sections."""
    table = []
    for item in items:
        answered = f"See “{item.section}”." if item.section in sections else ""
        left = AUTHOR if not answered and not item.left else f"{AUTHOR} {item.left}" if item.left else ""
        table.append([item.number, item.asks, f"{answered} {left}".strip()])
    return table
