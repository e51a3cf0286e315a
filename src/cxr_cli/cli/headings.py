"""The headings under which `--help` shows the options of commands that have many."""

from typing import Any

GENERAL = "General"
_GENERAL_OPTIONS = ("--workspace", "--json", "--help")
# The headings of the training options, which name theirs in `recipe/options.py`.
_TRAINING: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("Network", "Training", "Fine-tuning", "Head start", "Operating point", "Augmentation", "Machine"), ()
)
# By command, in the order of `--help`. A command without a row has one list of options.
HEADINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "prepare": {
        "Films": (*("--metadata", "--folders", "--dicom", "--findings", "--images", "--views", "--patient-pattern"),),
        "Classes and split": ("--positive", "--split", "--seed", "--hold-out"),
        "Lungs": ("--crop", "--mask", "--equalize", "--segmentation-method"),
        "Disk and machines": ("--link", "--cluster"),
    },
    "train": {
        "Run": ("--name", "--replace", "--resume", "--from"),
        "In place of training": ("--list", "--augment-preview"),
        **_TRAINING,
        "Machine": ("--profile",),
    },
    "evaluate": {
        "Run and films": ("--model", "--split", "--drop-seen"),
        "Films from elsewhere": (
            *("--external", "--metadata", "--folders", "--images", "--views", "--patient-pattern", "--positive"),
            *("--name", "--replace"),
        ),
        "Figures": ("--prevalence", "--alpha", "--max-fpr", "--all"),
    },
    "crossval": {
        "Folds": ("--folds", "--repeats", "--leave-out"),
        "Recipe and name": ("--from", "--name", "--replace"),
        **_TRAINING,
    },
    "predict": {
        "Run and films": ("--model", "--frame", "--force"),
        "Films from a DICOMweb server": ("--dicomweb", "--study", "--series"),
        "Answer": ("--alpha", "--prevalence"),
        "Output": ("--csv", "--dicom-out", "--output", "--replace"),
        "Machines": ("--cluster",),
    },
    "gradcam": {
        "Run and films": ("--model", "--split", "--frame", "--force"),
        "Heat map": ("--method", "--target", "--alpha"),
        "Measures": ("--lungs", "--lesions", "--curves", "--randomize"),
        "Output": ("--output", "--replace", "--overlay-only", "--raw", "--dicom-out"),
    },
    "segment": {
        "Lungs": ("--method", "--run", "--reference", "--frame"),
        "Output": ("--output", "--replace", "--dicom-out"),
    },
    "serve": {
        "Run": ("--model", "--alpha", "--gradio"),
        "Address": ("--port", "--host", "--allow-host", "--open"),
        "Password": ("--auth", "--auth-file"),
        "Limits": ("--max-mb", "--timeout"),
    },
    "listen": {
        "Run": ("--model", "--force"),
        "Address": ("--host", "--port", "--ae-title", "--allow-ae"),
        "Output": ("--csv", "--replace", "--dicom-out", "--keep"),
    },
}
_ARGUMENTS, _OTHERS = "Arguments", "Options"


def headings_of(command: str) -> list[str]:
    """All headings that the help of a command may have, in their order."""
    return [_ARGUMENTS, *HEADINGS.get(command, ()), _OTHERS, GENERAL]


def heading_of(command: str, parameter: Any) -> str:
    """The heading of an option or argument in the help of a command.

    Args:
        command: the name of the command.
        parameter: Typer's object for the option or argument.
    """
    if parameter.param_type_name == "argument":
        return _ARGUMENTS
    if parameter.rich_help_panel:  # a training option
        return str(parameter.rich_help_panel)
    sections = HEADINGS.get(command)
    if sections is None:
        return _OTHERS
    rows = {**sections, GENERAL: _GENERAL_OPTIONS}
    return next((heading for heading, flags in rows.items() if not {*flags}.isdisjoint(parameter.opts)), _OTHERS)
