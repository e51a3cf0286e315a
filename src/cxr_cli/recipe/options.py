"""How to train, as `run.json` records it: one table of options, which the command line and the Python API use.

Only data: options are listed and checked before TensorFlow's three seconds.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cxr_cli.errors import CxrError, UsageError, WorkspaceError
from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS

_FROM_ARCHITECTURE = "depends on the architecture (see cxr train --list)"
_KINDS = {int: "an integer", float: "a number", bool: "True or False", str: "text", tuple: "folders"}


@dataclass(frozen=True)
class OptionText:
    """What the command line, messages and pictures say of a training option, and which values it takes."""

    title: str
    help: str  # what it does, in one sentence
    heading: str  # under which `--help` shows it
    low: float | None = None
    high: float | None = None
    choices: Mapping[str, str] | None = None  # value -> what it means, empty where the name says it
    metavar: str | None = None
    unit: str = ""  # written after a value


def _option(default: Any, title: str, text: str, *, heading: str, **rest: Any) -> Any:
    return field(default=default, metadata={"text": OptionText(title, text, heading, **rest)})


@dataclass(frozen=True)
class Augmentation:
    """How far a training film may be moved. Modest, because films are upright and their gray values carry meaning.

    A field that is 0 or False leaves films as they are.
    """

    rotation: float = _option(
        8.0,
        "rotation",
        "Maximum rotation to either side, in degrees.",
        low=0,
        high=180,
        unit="°",
        heading="Augmentation",
    )
    shift: float = _option(
        0.05,
        "shift",
        "Maximum shift along each axis, as a share of the side.",
        low=0,
        high=0.5,
        heading="Augmentation",
    )
    zoom: float = _option(0.1, "zoom", "Maximum zoom in or out, as a share.", low=0, high=0.5, heading="Augmentation")
    brightness: float = _option(
        0.1,
        "brightness",
        "Maximum change of brightness, as a share of each pixel.",
        low=0,
        high=0.9,
        heading="Augmentation",
    )
    # As Keras's ImageDataGenerator has it: upright lines slant.
    shear: float = _option(
        0.0,
        "shear",
        "Maximum shear to either side, in degrees.",
        low=0,
        high=45,
        unit="°",
        heading="Augmentation",
    )
    flip: bool = _option(True, "mirroring", "Mirror some films left to right.", heading="Augmentation")

    def __post_init__(self) -> None:
        """Check each value."""
        _check(self)

    @property
    def changes_films(self) -> bool:
        """Whether any variant differs from its film."""
        return any(getattr(self, item.name) for item in fields(self))

    def __str__(self) -> str:
        """Each option's title with its value."""
        return ", ".join(_in_words(option.text, getattr(self, option.name)) for option in _options_of(Augmentation))


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: everything that decides a run's weights and operating point, apart from the dataset.

    `cache` decides too: where the outputs of the frozen layers don't fit, each epoch augments again (see `make_feed`).

    Raises:
        UsageError: a value is of another type, out of range or none of the choices.
    """

    arch: str = _option(
        "mobilenetv2", "architecture", "Architecture.", choices=dict.fromkeys(ARCHITECTURES, ""), heading="Network"
    )
    class_weight: bool = _option(
        False,
        "class weights",
        "Give both classes the same total weight, however many films each has.",
        heading="Training",
    )
    fine_tune: bool = _option(
        False,
        "fine-tuning",
        "After training, continue from the best epoch at a low learning rate.",
        heading="Fine-tuning",
    )
    weights: str = _option(
        "imagenet",
        "initial weights",
        "Initial weights of the backbone: imagenet, bundled (those of the model in the package, for its architecture), "
        "none (random), or a Keras weights file or a folder of such files.",
        heading="Network",
    )
    freeze: float | None = _option(
        None,
        "frozen share",
        "Share of the backbone's layers, counted from the input, whose weights are kept.",
        low=0,
        high=1,
        heading="Network",
    )
    epochs: int | None = _option(
        None,
        "epochs",
        "Maximum number of epochs. 0: keep the head start, and train nothing further.",
        low=0,
        heading="Training",
    )
    batch_size: int | None = _option(None, "batch size", "Films per step.", low=1, heading="Training")
    image_size: int | None = _option(
        None, "image size", "Width and height of the network's input, in pixels.", low=1, heading="Network"
    )
    learning_rate: float | None = _option(
        None, "learning rate", "Learning rate of Adam.", low=1e-8, high=1, heading="Training"
    )
    fine_tune_epochs: int = _option(
        10, "epochs of fine-tuning", "Maximum number of further epochs with --fine-tune.", low=1, heading="Fine-tuning"
    )
    fine_tune_learning_rate: float = _option(
        1e-5,
        "learning rate of fine-tuning",
        "Learning rate of Adam with --fine-tune.",
        low=1e-8,
        high=1,
        heading="Fine-tuning",
    )
    patience: int | None = _option(
        None, "patience", "Stop after this number of epochs without a lower validation loss.", low=1, heading="Training"
    )
    operating_point: str = _option(
        "youden",  # `metrics.operating_points.DEFAULT_RULE`; importing it would slow down `cxr --help`
        "operating point",
        "How to choose, on the validation films, the probability at or above which a film is called positive: youden "
        "(largest sum of sensitivity and specificity), sensitivity=0.95 or specificity=0.9 (at least that value on the "
        "validation films), sensitivity-at-least=0.95 or specificity-at-least=0.9 (on new films, with 95% confidence: "
        "0.95 needs 59 patients of that class), or threshold=0.5.",
        metavar="RULE",
        heading="Operating point",
    )
    units: int = _option(128, "hidden units", "Units of the head's hidden layer.", low=2, heading="Network")
    dropout: float = _option(0.5, "dropout rate", "Dropout rate of the head.", low=0, high=0.95, heading="Network")
    label_smoothing: float = _option(
        0.1,
        "label smoothing",
        "Label smoothing: 0.1 trains toward 0.05 and 0.95, not 0 and 1.",
        low=0,
        high=0.5,
        heading="Training",
    )
    head_start: bool = _option(
        True, "head start", "Start the head of a pretrained backbone from a logistic regression.", heading="Head start"
    )
    head_c: float = _option(
        1e-4,
        "C of the head start",
        "How far the head start may follow the training films: scikit-learn's C. Less transfers better to other "
        "hospitals.",
        low=1e-8,
        high=1e4,
        heading="Head start",
    )
    source_weight: bool = _option(
        False,
        "source weights",
        "In the head start, give all sources of a class the same total weight.",
        heading="Head start",
    )
    augmentation: Augmentation = field(default_factory=Augmentation)
    cache: float = _option(
        10.0,
        "cache",
        "Maximum size of the workspace's cache, in GB: resized films and the outputs of the frozen layers. 0: compute "
        "everything again in each epoch.",
        low=0,
        unit=" GB",
        heading="Machine",
    )
    strategy: str = _option(
        "none",
        "strategy",
        "Where to train.",
        choices={
            "none": "one device",
            "mirrored": "all GPUs of this machine",
            "multi-worker": "the machines of TF_CONFIG",
        },
        heading="Machine",
    )
    masks: tuple[str, ...] = _option(
        (),
        "lung masks",
        "With --arch lung-unet: folder of lung masks; can be given several times. The mask of film.jpg is film.jpg.png "
        "or film.png.",
        heading="Network",
    )
    seed: int = _option(0, "random seed", "Random seed.", low=0, heading="Training")

    def __post_init__(self) -> None:
        """Check each value, and write the operating point in its shortest form."""
        from cxr_cli.metrics.operating_points import parse_rule

        _check(self)
        object.__setattr__(self, "operating_point", str(parse_rule(self.operating_point)))
        starts = (
            self.arch in CLASSIFIERS
            and self.head_start
            and self.weights != "none"
            and ARCHITECTURES[self.arch].imagenet
        )
        if self.epochs == 0 and not starts:
            raise UsageError(
                f"Expected at least 1 epoch for {self.arch} without a head start. Received: epochs=0.",
                hint="0 epochs keep the head start, which needs a pretrained backbone",
            )


@dataclass(frozen=True)
class TrainingOption:
    """One option of training."""

    name: str
    kind: type  # int, float, bool, str, or tuple of str
    default: Any  # None: depends on the architecture
    text: OptionText

    @property
    def default_text(self) -> str:
        """The default as a user would write it on the command line."""
        if self.default is None:
            return _FROM_ARCHITECTURE
        if self.kind is tuple:
            return "none"
        if self.kind is bool:
            return f"--{'' if self.default else 'no-'}{self.name.replace('_', '-')}"
        return f"{self.default:g}" if self.kind is float else f"{self.default}"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is of this option's type, in its range and one of its choices."""
        if value is None:
            return self.default is None
        if self.kind is bool or isinstance(value, bool):
            return isinstance(value, bool) and self.kind is bool
        if self.kind is tuple:
            return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
        if self.kind is str:
            return isinstance(value, str) and (self.text.choices is None or value in self.text.choices)
        if not isinstance(value, int if self.kind is int else (int, float)):
            return False
        low, high = self.text.low, self.text.high
        return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)

    @property
    def accepted(self) -> str:
        """Which values it takes, in words."""
        if self.text.choices:
            return f"one of {', '.join(self.text.choices)}"
        words = _KINDS[self.kind]
        if self.text.low is not None and self.text.high is not None:
            words += f" from {self.text.low:g} to {self.text.high:g}"
        elif self.text.low is not None:
            words += f" of at least {self.text.low:g}"
        return f"{words}, or None" if self.default is None else words


def _options_of(options: type) -> list[TrainingOption]:
    return [
        TrainingOption(item.name, _kind_of(item.type), item.default, item.metadata["text"])
        for item in fields(options)
        if "text" in item.metadata
    ]


def _kind_of(annotation: Any) -> type:
    """`int` for `int | None`."""
    kinds: tuple[type, ...] = (bool, int, float, str)
    return next((kind for kind in kinds if annotation in (kind, kind | None)), tuple)


def _check(options: TrainingOptions | Augmentation) -> None:
    for option in _options_of(type(options)):
        value = getattr(options, option.name)
        if not option.accepts(value):
            raise UsageError(
                f"Expected {option.accepted} for {option.name} ({option.text.title}). Received: {value!r}.",
                hint="All options, their ranges and defaults: cxr train --help",
            )


def _in_words(text: OptionText, value: Any) -> str:
    if isinstance(value, bool):
        return text.title if value else f"no {text.title}"
    return f"{text.title} ±{value:g}{text.unit}"


# The options that mean something for an architecture that finds lungs. Its augmentation is its own.
_FOR_LUNGS = {
    *("arch", "masks", "weights", "freeze", "epochs", "batch_size", "image_size", "learning_rate", "cache", "seed")
}
_AUGMENTATION = {option.name for option in _options_of(Augmentation)}
# By name, in the order in which the command line shows them.
TRAINING_OPTIONS = {option.name: option for option in [*_options_of(TrainingOptions), *_options_of(Augmentation)]}


def change_options(options: TrainingOptions, changes: Mapping[str, Any]) -> TrainingOptions:
    """Replace some of the options.

    Args:
        options: the options, left as they are.
        changes: new values by the names of `TRAINING_OPTIONS`, those of the augmentation among them.

    Raises:
        UsageError: a value that an option doesn't take, or an unknown name.
    """
    unknown = sorted(set(changes) - set(TRAINING_OPTIONS))
    if unknown:
        raise UsageError(
            f"Expected training options: {', '.join(TRAINING_OPTIONS)}. Received: {', '.join(unknown)}.",
            hint="What each of them does: cxr train --help",
        )
    augmentation = {name: value for name, value in changes.items() if name in _AUGMENTATION}
    others = {
        name: _as_tuple(value) if TRAINING_OPTIONS[name].kind is tuple else value
        for name, value in changes.items()
        if name not in _AUGMENTATION
    }
    return replace(options, **others, augmentation=replace(options.augmentation, **augmentation))


def _as_tuple(value: Any) -> Any:
    """A tuple of strings from one path or several; anything else as it is, to be refused."""
    if isinstance(value, (str, Path)):
        return (str(value),)
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else value


def check_task(options: TrainingOptions, given: Collection[str]) -> None:
    """Refuse options that mean nothing for the architecture.

    Args:
        options: all of them.
        given: the names of those that the user gave.

    Raises:
        UsageError: an option of classifiers with an architecture that finds lungs, or the other way round.
    """
    lungs = ARCHITECTURES[options.arch].finds_lungs
    useless = sorted(set(given) - _FOR_LUNGS) if lungs else sorted({"masks"} & set(given))
    if useless:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
        raise UsageError(
            f"Expected options that {options.arch}, which finds {'lungs' if lungs else 'classes'}, can use. "
            f"Received: {', '.join(name.replace('_', ' ') for name in useless)}.",
            hint=f"Leave out {flags}" if lungs else f"Leave out {flags}, or find lungs: --arch lung-unet",
        )
    if lungs and not options.masks:
        raise UsageError(
            f"Expected lung masks for {options.arch}. Received: none.",
            hint="Name the folder of the masks: --masks data/masks/lungs",
        )


def options_by_name(options: TrainingOptions) -> dict[str, Any]:
    """All values by the names of `TRAINING_OPTIONS`."""
    values = asdict(options)
    augmentation: dict[str, Any] = values.pop("augmentation")
    return values | augmentation


# What versions that didn't have the option yet trained with, where the default is another one today.
_BEFORE_THE_OPTION = {"head_c": 0.03}


def read_options(recorded: Mapping[str, Any], path: Path) -> TrainingOptions:
    """Read the options of a record; an option that is newer than the record has the value it was trained with.

    Args:
        recorded: the options as the record has them.
        path: the record's file, for messages.

    Raises:
        WorkspaceError: an option that this version doesn't know, or a value that it doesn't take.
    """
    values = _BEFORE_THE_OPTION | dict(recorded)
    augmentation = values.pop("augmentation", {})
    try:
        return change_options(TrainingOptions(), values | augmentation)
    except (CxrError, TypeError) as error:  # TypeError: the augmentation is not an object
        raise WorkspaceError(
            f"Expected the options of a training run in {path}. Received: {error}",
            hint='It may be of a newer version: compare its "versions" with cxr --version',
        ) from error
