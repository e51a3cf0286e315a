"""The sections of a report on films, training and environment."""

from pathlib import Path

from cxr_cli.dataset.describe import patients_of_both
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.resolved import options_in_words
from cxr_cli.reporting.document import Block, Cell, Section, TableBlock, Text, charts
from cxr_cli.reporting.flow import flow_caption, screened
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.workspace.folders import PARTS

_ANOTHER = (
    "These are the films of the dataset as it is now. The run was trained on another dataset or split, and only "
    "the counts of those films are known."
)


def films_section(material: ReportMaterial, flow: Path) -> Section:
    """Where the films came from, which ones were left out, and what is in each part.

    Args:
        material: of the run.
        flow: the picture of `draw_flow`.
    """
    made, labels = material.made, list(material.made.classes)
    funnel: list[list[Cell]] = [[screened(made), None, made.rows, made.patients_listed]]
    funnel += [[step.rule, step.removed, step.left, step.patients] for step in made.funnel]
    parts: list[list[Cell]] = [
        [part, *(made.films[part][label] for label in labels), made.patients_in(part)] for part in PARTS
    ]
    findings: list[list[Cell]] = [
        [label, finding, count] for label in labels for finding, count in list(made.findings[label].items())
    ]
    holds = ["sources", "selection", "flow diagram", "split", "missing data", "reference standard"]
    holds += ["patients apart"] * made.patients_apart + ["patient counts"] * (not made.films_without_patient)
    truth = "the class folder" if made.options.get("folders") else "the metadata's finding"
    blocks: list[Block] = [] if material.test.same_dataset else [Text(_ANOTHER, "alarm")]
    blocks += [
        Text(f"Sources: {', '.join(sorted({film.source for film in material.films}))}. {_split(material)}"),
        TableBlock(["rule", "left out", "kept", "patients of those kept"], funnel, caption=_funnel_caption(made)),
        TableBlock(["part", *labels, "patients"], parts, caption="Films of each class, and patients, in each part."),
        TableBlock(["label", "finding", "films"], findings, left=2, caption=f"The reference standard: {truth}."),
        *(Text(sentence, "note") for sentence in dict.fromkeys([*made.notes, *patients_of_both(material.films)])),
        *charts((flow, flow_caption(material))),
        *charts(
            (material.dataset.distribution_picture, "Films of each class in each part."),
            (material.dataset.samples_picture, "Films of each class, drawn at random."),
        ),
    ]
    return Section("Films", blocks, tuple(holds))


def _funnel_caption(made: DatasetRecord) -> str:
    caption = "Selection of the films."
    if not made.patients_from:
        return f"{caption} How many patients they come from is not known."
    return f"{caption} Only patients who are named are counted." if made.films_without_patient else caption


def _split(material: ReportMaterial) -> str:
    made = material.made
    if made.given_parts:
        parts = f"The parts {', '.join(made.given_parts)} were given and kept as they are."
    else:
        parts = (
            f"The parts were drawn {made.options['split']} with random seed {made.options['seed']}, stratified by "
            "label; films that are copies of each other are in one part."
        )
    missing = "No value was imputed: a film without sex, age or view is used and counted as unknown."
    return f"{parts} {_patients(made)} {missing}"


def _patients(made: DatasetRecord) -> str:
    """What is known of the patients, and of whether they are in one part each."""
    if not made.patients_from:
        return (
            "No film names its patient, so a patient with several films may be in several parts, and each film counts "
            "as one patient."
        )
    source = f"Patients are known from {made.patients_from}"
    if made.films_without_patient:
        return (
            f"{source}, except for {made.films_without_patient} films: their patients may be in several parts, and "
            "each of these films counts as one patient."
        )
    if made.leaks:
        return f"{source}; some of them, or copies of a film, are in two parts."
    return f"{source}; no patient is in two parts."


def training_section(material: ReportMaterial) -> Section:
    """The model, how it was trained, and which epoch was kept."""
    run, options = material.run, material.run.options
    weights = ", ".join(f"{key} {value}" for key, value in run.weights.items()) or "random"
    facts: list[list[Cell]] = [
        ["architecture", run.arch],
        ["input", f"{run.input_size} × {run.input_size} pixels, gray in three channels, 0 to 255; scaled in the model"],
        ["parameters", f"{run.parameters:,}" + f", {run.trainable_parameters:,} of them trained" * (run.epochs > 0)],
        ["backbone's weights", weights],
        ["epochs", f"{run.epochs}, ended by {run.stopped_by}" if run.epochs else "0"],
        ["kept", _kept(run)],
        ["class imbalance", "classes weighted equally" if options.get("class_weight") else "films weighted equally"],
        ["input films", str(run.framing or "whole")],
        ["ensemble", f"XGBoost, {run.boosting.trees} trees on the network's features" if run.boosting else "none"],
        ["duration", f"{run.seconds.get('fit', 0) / 60:.1f} minutes"],
    ]
    given = options_in_words(run.arch, options, made_with=run.versions["cxr-cli"])
    chosen: list[list[Cell]] = [[name, value] for name, value in given.items() if name != "arch"]
    blocks: list[Block] = [TableBlock(["", ""], facts, left=2)]
    blocks.append(TableBlock(["option", "value"], chosen, left=2, folded=f"All {len(chosen)} options of training"))
    blocks += charts((material.predictor.run.curves_picture, "Training, and the epoch that was kept."))
    return Section("Model and training", blocks, ("model",))


def _kept(run: RunRecord) -> str:
    """Which weights are those of the run."""
    if not run.epochs:
        return "the start of the head; no epoch was trained"
    return (
        f"{f'epoch {run.best_epoch}' if run.best_epoch else 'the start of the head'}, with the lowest validation loss"
    )


def environment_section(material: ReportMaterial) -> Section:
    """What is needed to reproduce the run."""
    run, made, name = material.run, material.made, material.predictor.run.name
    versions: list[list[Cell]] = [[package, version] for package, version in run.versions.items()]
    check = run.export
    return Section(
        "Environment",
        [
            Text(
                f"Dataset made {made.created}, fingerprint {made.fingerprint}. Trained {run.created}. Tested "
                f"{material.test.created}. Train it again: cxr train --from {name}"
            ),
            Text(
                f"The exported model's probabilities are within {check.max_probability_difference:.1g} of the Keras "
                f"model's on {check.films} films. The full model: model.keras and model.tflite in the run's folder."
            ),
            TableBlock(["package", "version"], versions, left=2, folded="Versions of packages when it was trained"),
        ],
        ("environment",),
    )
