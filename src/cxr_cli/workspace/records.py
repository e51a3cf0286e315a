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
    films: int  # of the later part, whose patient or exact copy is in the earlier part too
    patients: int  # that they are of
    copies: int  # of them, exact copies of a film of the earlier part


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
    notes: list[str] = []  # what else to know of the dataset, in sentences
    segment: str | None = None  # the method by which its films show the lungs alone


class ExportCheck(Part, frozen=True, kw_only=True):
    """How far `model.tflite` is from the Keras model."""

    films: int
    max_probability_difference: float
    max_cam_difference: float


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


class SegmentedFilm(Part, frozen=True, kw_only=True):
    """The lungs of one film."""

    image: str
    ok: bool  # the mask passed every check
    flags: list[str]  # what speaks against it
    lungs: int
    area: float  # of the film, as are all shares
    balance: float  # the smaller lung's area, of the larger's
    border: float  # that the mask touches
    contrast: float
    mask: str  # where they were written; a mask that is not ok lies apart
    overlay: str
    clusters: str
    reference: str | None  # the mask it was compared with
    dice: float | None
    iou: float | None


class Agreement(Part, frozen=True, kw_only=True):
    """How far masks agree with reference masks."""

    films: int
    dice_mean: float
    dice_median: float
    iou_mean: float
    iou_median: float
    films_ok: int  # of them, those whose mask passed every check
    dice_mean_ok: float | None  # of those
    worst: dict[str, float]  # image -> Dice, the worst first


class SegmentationRecord(Record, frozen=True, kw_only=True):
    """`segmentations.json`: the lungs of some films."""

    VERSION = 1
    MADE_BY = "cxr segment film.png"

    method: str
    reference: str | None
    films: list[SegmentedFilm]
    failed: list[str]  # images that gave no answer
    doubtful: int  # films whose mask failed a check
    without_reference: int  # films that no reference mask was found for
    agreement: Agreement | None  # with the reference masks


class AnswersPlan(Record, frozen=True, kw_only=True):
    """`plan.json`: whose answers for which films a folder holds, or will."""

    VERSION = 1
    MADE_BY = "cxr predict FOLDER --cluster local --output answers"

    run: str
    fingerprint: str  # of what the run's answers come from
    films: int
    films_sha256: str  # of their paths, in order
    films_a_partition: int


class AnswersRecord(Record, frozen=True, kw_only=True):
    """`answers.json`: all films of an archive are answered."""

    VERSION = 1
    MADE_BY = AnswersPlan.MADE_BY

    run: str
    fingerprint: str
    positive: str
    threshold: float
    films: int
    answers: dict[str, int]  # class -> films
    errors: int  # films without an answer
    parts: int
    films_before: int  # of them, answered by earlier calls that were stopped
    seconds: float  # of the last call, as are the rest
    films_a_second: float
    threads: int  # of the workers, at its end


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
    hint = f"Make it again: {kind.MADE_BY}"
    data = _read(path, hint=hint)
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


def _read(path: Path, *, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error
