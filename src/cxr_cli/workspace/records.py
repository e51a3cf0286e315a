"""The JSON records of the workspace: frozen, versioned, strict about what they don't know."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import write_bytes

R = TypeVar("R", bound="Record")
# What can change a result: their versions are part of every record.
_PACKAGES = (
    "cxr-cli",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "numpy",
    "pillow",
    "scikit-learn",
    "scikit-fuzzy",
    "scipy",
    "xgboost",
)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of a record."""


class Record(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON file of the workspace. A subclass names its version and the command that makes it."""

    VERSION: ClassVar[int]
    MADE_BY: ClassVar[str]

    schema_version: int
    created: str  # UTC, ISO 8601
    versions: dict[str, str]


class Interval(Part, frozen=True, kw_only=True):
    """Where a figure lies, with 95 % confidence."""

    low: float
    high: float


class FunnelStep(Part, frozen=True, kw_only=True):
    """One rule of `prepare`."""

    rule: str
    removed: int
    left: int


class Leak(Part, frozen=True, kw_only=True):
    """What two parts of a split that was given have in common."""

    earlier: str
    later: str
    films: int  # of the later part, whose patient or copy is in the earlier part too
    patients: int  # that they are of
    copies: int  # of them, exact copies of a film of the earlier part
    near_copies: int = 0  # of them, films of the earlier part saved anew, resized, cropped or inverted


class Duplicates(Part, frozen=True, kw_only=True):
    """Films that a dataset has more than once, in pairs; `duplicates.csv` names them."""

    exact: int  # the same file
    near: int  # the same film saved anew, resized, cropped or inverted
    other_class: int  # of all, pairs with two labels: one of them is wrong
    other_patient: int  # pairs whose films are said to be of two patients
    other_source: int
    other_part: int  # none, unless parts were given
    contradictions: list[tuple[str, str]] = []  # of the pairs with two labels the first ten, by the manifest's paths


class DatasetRecord(Record, frozen=True, kw_only=True):
    """`dataset.json`: how the dataset came to be."""

    VERSION = 1
    MADE_BY = "cxr prepare --metadata dataset/metadata.csv"

    options: dict[str, Any]
    rows: int
    funnel: list[FunnelStep]
    findings: dict[str, dict[str, int]]  # label -> finding -> films
    films: dict[str, dict[str, int]]  # part -> label -> films
    patients: dict[str, int]  # part -> patients
    films_without_patient: int
    class_indices: dict[str, int]
    fingerprint: str  # of every film's content, label and part
    given_parts: list[str] = []  # that the class folders came with, kept as they are
    leaks: list[Leak] = []  # between given parts; none where the split is cut here
    duplicates: Duplicates | None = None  # none in a dataset of before they were looked for
    notes: list[str] = []  # what else to know of the dataset, in sentences
    segment: str | None = None  # the method by which its films show the lungs alone


class ExportCheck(Part, frozen=True, kw_only=True):
    """How far `model.tflite` is from the Keras model."""

    films: int
    max_probability_difference: float
    max_cam_difference: float  # but for one film in twenty, where a hidden unit may be at 0 but for rounding


class Boosting(Part, frozen=True, kw_only=True):
    """The trees that answer from a network's features."""

    trees: int
    features: int
    val_loss: float


class Profile(Part, frozen=True, kw_only=True):
    """Where the time of a training goes, in seconds; each part was timed alone."""

    reading: float  # once: the films decoded and resized, or found in the cache
    frozen_layers: float  # once: what the frozen layers make of the films, or found in the cache
    batches: float  # an epoch, as are the rest: films augmented, or what the frozen layers made of them read
    forward: float
    backward: float  # and the weights' step
    validation: float
    epoch: float  # the median of the training's but for the first, where there are more; batches are made meanwhile
    steps: int


class Calibration(Part, frozen=True, kw_only=True):
    """Temperature scaling, fitted on the validation films, and what it does to them."""

    temperature: float  # P(positive) = sigmoid(logit / temperature)
    before: dict[str, float]  # log_loss, brier, ece
    after: dict[str, float]


class OperatingPoint(Part, frozen=True, kw_only=True):
    """The threshold of a run, and how it was chosen: on the validation films, never on test."""

    rule: str  # "youden", "sensitivity=0.95", "specificity=0.9" or "threshold=0.5"
    threshold: float  # of the calibrated P(positive), from which on an answer is positive
    sensitivity: float  # of the validation films
    specificity: float
    positives: int  # validation films
    negatives: int


class Reproduction(Part, frozen=True, kw_only=True):
    """How near a run came to one that was trained before with the same options."""

    of: str  # the other, as the user named it
    changed: list[str]  # what was other by the user's wish: then it is no reproduction
    versions: list[str]  # of packages, that were other
    same_weights: bool | None  # bit for bit; None where the other's record has no hash of them
    max_probability_difference: float | None  # of validation films, as the network gives it; None without the other's
    films: int  # that this was measured on


class RunRecord(Record, frozen=True, kw_only=True):
    """`run.json`: what was trained, on what, how, and how well it did on validation."""

    VERSION = 1
    MADE_BY = "cxr train --arch mobilenetv2 --class-weight"

    arch: str
    options: dict[str, Any]
    weights: dict[str, str]  # where the backbone came from, with its sha256
    input_size: int
    parameters: int
    trainable_parameters: int
    class_indices: dict[str, int]
    threshold: float  # calibrated P(positive) from which an answer is positive; the operating point's
    dataset_fingerprint: str
    films: dict[str, dict[str, int]]  # part -> label -> films
    epochs: int
    best_epoch: int  # 0 is the head's start, before any epoch
    stopped_by: str  # "epochs", "early stopping" or "interrupt"
    validation: dict[str, float | None]
    export: ExportCheck
    seconds: dict[str, float]
    boosting: Boosting | None = None
    segment: str | None = None  # the method by which it is shown the lungs alone
    profile: Profile | None = None
    calibration: Calibration | None = None  # none in a run of before there was any
    operating_point: OperatingPoint | None = None
    feed: str | None = None  # what it was fed with: films, or what the frozen layers make of them
    weights_sha256: str | None = None  # of the trained network, and of the trees that answer from it
    reproduction: Reproduction | None = None  # of a run that was trained with --from


def stamp() -> dict[str, Any]:
    """When, and with which versions: the first fields of every record."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def write_record(path: Path, record: Record) -> None:
    """Write `record` to `path` atomically, as indented JSON."""
    write_bytes(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def read_record(path: Path, kind: type[R]) -> R:
    """The record in `path`.

    Raises:
        WorkspaceError: it isn't there, or is not of this kind, or of another version, or was damaged.
    """
    return decode_record(_read(path, hint=_again(kind)), kind, path)


def decode_record(data: bytes, kind: type[R], path: Path) -> R:
    """The record that `data`, from `path`, holds. Raises as `read_record` does."""
    hint = _again(kind)
    try:
        found = msgspec.json.decode(data, type=_Version).schema_version
        if found != kind.VERSION:
            raise WorkspaceError(
                f"Expected version {kind.VERSION} of the record {path}. Received: version {found}.", hint=hint
            )
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"Expected a {kind.__name__} in {path}. Received: {error}.", hint=hint) from error


def write_class_indices(path: Path, indices: dict[str, int]) -> None:
    """Write the classes to `path`, as Keras users know them: name to index."""
    write_bytes(path, msgspec.json.encode(indices) + b"\n")


def read_class_indices(path: Path) -> tuple[str, str]:
    """The names of the negative class (0) and the positive class (1).

    Raises:
        WorkspaceError: the file is missing, or doesn't hold exactly the classes 0 and 1.
    """
    hint = f"Make it again: {RunRecord.MADE_BY}"  # a run keeps its own classes; nobody reads the dataset's
    try:
        indices = msgspec.json.decode(_read(path, hint=hint), type=dict[str, int])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(
            f"Expected class names and their indices in {path}. Received: {error}.", hint=hint
        ) from error
    names = {index: name for name, index in indices.items()}
    if len(indices) != 2 or set(names) != {0, 1}:
        raise WorkspaceError(
            f"Expected two classes in {path}, the negative one 0 and the positive one 1. Received: {indices}.",
            hint=hint,
        )
    return names[0], names[1]


class _Version(msgspec.Struct):
    schema_version: int


def _again(kind: type[Record]) -> str:
    return f"Make it again: {kind.MADE_BY}"


def _read(path: Path, *, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error
