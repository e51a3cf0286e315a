"""The sentences of a methods section on the model: what it is, how it was trained and how it decides."""

from collections.abc import Iterator

from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import Augmentation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.resolved import resolve_option
from cxr_cli.reporting.references import REFERENCES, Citations


def describe_model(run: RunRecord, cite: Citations) -> Iterator[str]:
    """The network, its input and its initial weights."""
    if run.framing:
        found = cite("unet") if run.framing.method == "unet" else ""
        yield f"Films were reduced to {run.framing}{found}."
    yield (
        f"The gray levels of each film, 0 to 255, were resized to {run.input_size} × {run.input_size} pixels without "
        "keeping the aspect ratio, and repeated in three channels."
    )
    known = cite(run.arch) if run.arch in REFERENCES else ""
    trained = f"{run.parameters:,} parameters"
    if run.epochs:
        trained += f", of which {run.trainable_parameters:,} were trained"
    head = f"a hidden layer of {run.options['units']} units and dropout" if "units" in run.options else "a hidden layer"
    yield (
        f"The network is {_title(run)}{known} with {head} before a sigmoid output, the probability of "
        f"{run.classes.positive}; it has {trained}."
    )
    source = run.weights.get("source")
    if source == "imagenet":
        yield f"The backbone started from weights trained on ImageNet{cite('imagenet')}."
    elif source == "none":
        yield "All weights started from random values."
    elif source:
        file, digest = run.weights.get("file", ""), run.weights.get("sha256", "")
        origin = "the model in the package, " if source == "bundled" else ""
        yield f"The backbone started from the weights of {origin}{file} (SHA-256 {digest[:12]}…)."
    if run.epochs and source and source != "none":
        yield f"{_frozen(run)} in training."
    if run.boosting:
        yield (
            f"XGBoost{cite('xgboost')} gives the probability, with {run.boosting.trees:,} trees on "
            f"{run.boosting.features:,} features of the trained network."
        )


def describe_training(run: RunRecord, cite: Citations) -> Iterator[str]:
    """How it was trained, and which epoch was kept."""
    options = run.options
    if options.get("head_start") and run.weights.get("source") != "none":
        equal = "the classes, and of the sources of a class" if options.get("source_weight") else "the classes"
        strength = f" (C = {options['head_c']:g})" if "head_c" in options else ""
        yield (
            "The head started from a logistic regression on the backbone's features, with equal total weights of "
            f"{equal}{strength}."
        )
    if run.epochs:
        rate, batch = _chosen(run, "learning_rate"), _chosen(run, "batch_size")
        how = f"a learning rate of {rate}, {batch} films per step"
        how += f" and a dropout rate of {options['dropout']:g}" if options.get("dropout") else ""
        yield f"The network was trained with Adam{cite('adam')} on the binary cross-entropy, with {how}."
        most, patience = _chosen(run, "epochs"), _chosen(run, "patience")
        yield f"Training ran for at most {most} epochs, and stopped after {patience} without a lower validation loss."
        if smoothing := options.get("label_smoothing"):
            yield f"Labels were smoothed by {smoothing:g}{cite('label smoothing')}."
        equal = "so that both classes had the same total weight" if options.get("class_weight") else "equally"
        yield f"Films were weighted {equal}."
        if augmentation := options.get("augmentation"):
            yield f"Training films were augmented: {Augmentation(**augmentation)}."
        if options.get("fine_tune"):
            yield f"Training was then continued at a learning rate of {options['fine_tune_learning_rate']:g}."
    kept = f"epoch {run.best_epoch}" if run.best_epoch else "the start of the head"
    ended = {"early stopping": "early stopping", "interrupt": "the user"}.get(run.stopped_by)
    yield (
        f"Training took {run.epochs} epochs{f', ended by {ended}' if ended else ''}; {kept}, with the lowest "
        "validation loss, was kept."
        if run.epochs
        else "There was no further training."
    )
    if "seed" in options:
        yield f"The random seed was {options['seed']}."


def describe_decision(run: RunRecord, cite: Citations) -> Iterator[str]:
    """How a class follows from its output."""
    if run.calibration:
        platt = run.calibration.prevalence is not None  # otherwise of a run from before there was an intercept
        how = f"Platt scaling{cite('platt')}" if platt else f"temperature scaling{cite('temperature')}"
        formula = run.calibration.formula(run.classes.positive)
        yield f"Probabilities were calibrated on the validation films by {how}: {formula}."
    point = run.operating_point
    if not point:
        yield f"A film was called positive from a probability of {run.threshold:g}."
    elif point.rule.startswith("threshold"):
        yield f"A film was called positive from a probability of {point.threshold:.3f}, as given."
    else:
        rule = f"Youden's index{cite('youden')}" if point.rule == "youden" else f"the rule {point.rule}"
        yield (
            f"The threshold of {point.threshold:.3f} was chosen on {point.positives:,} positive and "
            f"{point.negatives:,} negative validation films by {rule}."
        )


def _chosen(run: RunRecord, option: str) -> str:
    """The value of an option; the architecture's default is known only of the version that is running."""
    made_with = run.versions["cxr-cli"]
    value = resolve_option(run.arch, run.options, option, made_with=made_with)
    return f"{value:g}" if value is not None else f"cxr-cli {made_with}'s choice for {run.arch}"


def _frozen(run: RunRecord) -> str:
    """How many of the backbone's layers kept their weights, as the start of a sentence."""
    share = resolve_option(run.arch, run.options, "freeze", made_with=run.versions["cxr-cli"])
    if share is None:
        return f"The layers of the backbone that cxr-cli {run.versions['cxr-cli']} freezes for {run.arch} were kept"
    if share == 1:
        return "All layers of the backbone were frozen"
    if share == 0:
        return "No layer of the backbone was frozen, except batch normalization,"
    return f"The first {share:.0%} of the backbone's layers, and batch normalization in all, were frozen"


def _title(run: RunRecord) -> str:
    """The architecture's name as its authors write it."""
    builder = ARCHITECTURES[run.arch].builder
    return builder if builder[:1].isupper() else run.arch
