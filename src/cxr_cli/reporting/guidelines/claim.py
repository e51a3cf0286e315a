"""CLAIM 2024: Tejani et al., Radiology: Artificial Intelligence 2024;6(4):e240300.

The published list is authoritative.
"""

from cxr_cli.reporting.guidelines.item import Item

_RETROSPECTIVE = "Films that already exist are retrospective; say how they were collected."
_OTHER_PARTS = "In training and validation: cxr evaluate --split train, and val."
_AVAILABLE = "Where the model and the films are available."

CLAIM = (
    Item("1", "Title: names artificial intelligence and its kind"),
    Item("2", "Structured abstract"),
    Item("3", "Background, intended use and role"),
    Item("4", "Aims and hypotheses"),
    Item("5", "Prospective or retrospective", (), _RETROSPECTIVE),
    Item("6", "Study goal"),
    Item("7", "Data sources", ("sources",), "Where and when the films were made."),
    Item("8", "Inclusion and exclusion criteria", ("selection",)),
    Item("9", "Preprocessing", ("model", "predictions")),
    Item("10", "Selection of subsets", ("selection",)),
    Item("11", "De-identification"),
    Item("12", "Missing data", ("missing data",)),
    Item("13", "Acquisition protocol", (), "Metadata have the view at most."),
    Item("14", "Reference standard", ("reference standard",), "How the finding of the metadata was established."),
    Item("15", "Why that reference standard"),
    Item("16", "Who annotated"),
    Item("17", "Annotation of the test set"),
    Item("18", "Agreement of annotators"),
    Item("19", "How films were assigned to parts", ("split",)),
    Item("20", "Level at which the parts are disjoint", ("patients apart",)),
    Item("21", "Intended sample size", (), "The number tested and the intervals are in the report."),
    Item("22", "The model", ("model",)),
    Item("23", "Software and versions", ("environment",)),
    Item("24", "Initial weights", ("model",)),
    Item("25", "Training", ("model",)),
    Item("26", "How the final model was chosen", ("model",)),
    Item("27", "Ensembles", ("model",)),
    Item("28", "Metrics", ("performance",)),
    Item("29", "Significance and uncertainty", ("performance",)),
    Item("30", "Robustness", ("changed films",), "Other disturbances, such as noise or another exposure."),
    Item("31", "Explainability, and how it was validated", ("graded heat maps",)),
    Item("32", "Evaluation on internal data", ("internal test",)),
    Item("33", "Testing on external data", ("external test",)),
    Item("34", "Trial registration"),
    Item("35", "Patients and films included and left out", ("selection", "flow diagram", "patient counts")),
    Item("36", "Characteristics of each part", ("characteristics",), "Clinical characteristics."),
    Item("37", "Performance with uncertainty, in each part and subgroup", ("performance", "subgroups"), _OTHER_PARTS),
    Item("38", "Diagnostic performance and its precision", ("performance",)),
    Item("39", "Failures", ("failures", "failure analysis"), "Why it failed there."),
    Item("40", "Limitations", ("caveats",), "What the program can't see."),
    Item("41", "Implications for practice"),
    Item("42", "Protocol or further technical details", ("environment",), "Where the study's protocol is."),
    Item("43", "Availability of software, model and data", ("environment",), _AVAILABLE),
    Item("44", "Funding"),
)
