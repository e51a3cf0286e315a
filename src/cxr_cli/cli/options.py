"""Options that several commands share, so that they have the same names and help."""

import inspect
from collections.abc import Callable, Collection, Mapping
from enum import Enum, StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.cli.completion import complete_own_runs, complete_runs
from cxr_cli.lungs.methods import SEGMENTATION_METHODS
from cxr_cli.recipe.options import TRAINING_OPTIONS, TrainingOption

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        help="Workspace folder. Default: $CXR_WORKSPACE, else ./workspace.",
        show_default=False,
    ),
]
RunOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="The name of a trained run; or bundled, the model in the package. Default: the newest run, else bundled.",
        autocompletion=complete_runs,
        show_default=False,
    ),
]
# Commands whose argument is a run take it as --model too. Where films are the argument, there is only --model.
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="The name of a trained run. Default: the newest.",
        autocompletion=complete_own_runs,
        show_default=False,
    ),
]
SameRunOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", metavar="RUN", help="The same as RUN.", autocompletion=complete_runs, show_default=False
    ),
]
AlphaOption = Annotated[
    float | None,
    typer.Option(
        "--alpha",
        metavar="SHARE",
        help="Add the prediction set: the classes that can't be ruled out at this error, for example 0.1.",
        show_default=False,
    ),
]
FrameOption = Annotated[
    int | None,
    typer.Option(
        "--frame",
        metavar="N",
        min=1,
        help="Read frame or page N of each file. Default: the first page; a DICOM file must have one frame.",
        show_default=False,
    ),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Address or scheduler file of a Dask cluster to use; or local: one process per core.",
        show_default=False,
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option(
        "--images",
        help="With --metadata: the folder of the image files. Default: that of the CSV file.",
        show_default=False,
    ),
]
ViewsOption = Annotated[
    str | None,
    typer.Option(
        "--views",
        help="With --metadata: views to keep, separated by commas. Default: PA,AP,AP Supine.",
        show_default=False,
    ),
]
PatientPatternOption = Annotated[
    str | None,
    typer.Option(
        "--patient-pattern",
        help="With --folders: a regular expression; its first group in a file name is the patient.",
        show_default=False,
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Give a class to every picture, even one that is not a chest film.")
]
DicomOutOption = Annotated[
    Path | None,
    typer.Option(
        "--dicom-out",
        metavar="DIR",
        help="Also write the results as DICOM objects of the films' studies into this folder. The films must be DICOM.",
        show_default=False,
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Overwrite the output if it already exists.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Method = StrEnum("Method", {name: name for name in SEGMENTATION_METHODS})  # type: ignore[misc]
_LONG = 40  # characters of choices that `--help` shows beside the option's name
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Random seed.")]


def connecting(cluster: str) -> str:
    """Say what the next seconds are spent on."""
    return "Starting a worker process per core" if cluster == "local" else f"Connecting to {cluster}"


def takes_training_options(
    *,
    after: str = "",
    more: Mapping[str, Mapping[str, str]] | None = None,
    without: Collection[str] = (),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each training option, in place of its `**options`.

    The command receives only those that the user gave.

    Args:
        after: the parameter behind which `--help` shows them. Defaults to the first place.
        more: by option, further choices and what they mean.
        without: options, and choices, that the command does not offer.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def given_ones(**values: Any) -> None:
            options = {name: values.pop(name, None) for name in TRAINING_OPTIONS}
            command(
                **values,
                **{
                    name: str(value) if isinstance(value, Enum) else value
                    for name, value in options.items()
                    if value not in (None, [])
                },
            )

        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(command).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        place = 1 + [parameter.name for parameter in own].index(after) if after else 0
        generated = [
            _parameter(option, (more or {}).get(option.name, {}), without)
            for option in TRAINING_OPTIONS.values()
            if option.name not in without
        ]
        given_ones.__signature__ = inspect.Signature([*own[:place], *generated, *own[place:]])  # type: ignore[attr-defined]
        return given_ones

    return decorate


def _parameter(option: TrainingOption, more: Mapping[str, str], without: Collection[str]) -> inspect.Parameter:
    flag = option.name.replace("_", "-")
    text = option.text
    kind: Any = list[str] if option.kind is tuple else option.kind
    help_text, metavar = text.help, text.metavar
    if text.choices:
        choices = {name: meaning for name, meaning in {**text.choices, **more}.items() if name not in without}
        kind = _one_of(choices)
        if len("|".join(choices)) > _LONG:
            help_text += f" One of {', '.join(choices)}."
            metavar = "NAME"
        meanings = "; ".join(f"{name}: {meaning}" for name, meaning in choices.items() if meaning)
        help_text += f" {meanings}." if meanings else ""
    info = typer.Option(
        f"--{flag}/--no-{flag}" if option.kind is bool else f"--{flag}",
        help=f"{help_text} Default: {option.default_text}.",
        min=text.low if option.kind is not int or text.low is None else int(text.low),
        max=text.high,
        metavar=metavar,
        show_default=False,
        rich_help_panel=text.heading,
    )
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
    )


def _one_of(choices: Collection[str]) -> type[StrEnum]:
    return StrEnum("Choice", {name: name for name in choices})  # type: ignore[return-value]
