"""How to train, as `run.json` has it. Only data, so that options can be judged before TensorFlow's three seconds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.metrics.operating_points import DEFAULT_RULE


@dataclass(frozen=True)
class Augmentation:
    """How far a training film may be moved. Modest: a film is taken upright, and its gray values mean something."""

    rotation: float = 8.0  # degrees to either side
    shift: float = 0.05  # of the side, along each axis
    zoom: float = 0.10  # in or out
    brightness: float = 0.10  # brighter or darker, as a share of each pixel
    flip: bool = True  # left and right
    shear: float = 0.0  # degrees to either side, as Keras's ImageDataGenerator has it: upright lines slant

    @property
    def moves(self) -> bool:
        """Whether any variant differs from its film."""
        return any((self.rotation, self.shift, self.zoom, self.brightness, self.flip, self.shear))


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: all that decides a run's weights and operating point, beside the dataset. None: the architecture's.

    `cache` decides too: where what the frozen layers see doesn't fit, each epoch augments anew (see `make_feed`).
    """

    arch: str = "mobilenetv2"
    weights: str = "imagenet"
    image_size: int | None = None
    units: int = 128
    dropout: float = 0.5
    label_smoothing: float = 0.1
    freeze: float | None = None  # the share of the backbone's layers, from below, that is not trained
    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float | None = None
    class_weight: bool = False
    head_start: bool = True
    fine_tune: bool = False
    fine_tune_epochs: int = 10
    fine_tune_learning_rate: float = 1e-5
    patience: int | None = None
    operating_point: str = DEFAULT_RULE  # see `evaluation.thresholds.parse_rule`
    seed: int = 0
    cache: float = 10.0  # GB of the workspace's disk for what is computed once; 0: nothing is kept
    strategy: str = "none"  # or "mirrored" or "multi-worker"
    augmentation: Augmentation = field(default_factory=Augmentation)


_MOVES = {item.name for item in fields(Augmentation)}
NAMES = {item.name for item in fields(TrainingOptions)} - {"augmentation"} | _MOVES


def change(options: TrainingOptions, changes: Mapping[str, Any]) -> TrainingOptions:
    """The options with others in their place: keys of `NAMES`, those of the augmentation among them."""
    moves = {name: value for name, value in changes.items() if name in _MOVES}
    others = {name: value for name, value in changes.items() if name not in _MOVES}
    return replace(options, **others, augmentation=replace(options.augmentation, **moves))


def flat(options: TrainingOptions) -> dict[str, Any]:
    """The options by their `NAMES`."""
    values = asdict(options)
    moves: dict[str, Any] = values.pop("augmentation")
    return moves | values


def read_options(recorded: Mapping[str, Any], path: Path) -> TrainingOptions:
    """The options of a record; one that it is too old to have is today's default.

    Args:
        recorded: as the record has them.
        path: of the record.

    Raises:
        WorkspaceError: one that this version doesn't know, or a value of another kind.
    """
    try:
        moves = recorded.get("augmentation", {})
        unknown = {*recorded, *moves} - NAMES - {"augmentation"}
        if unknown:
            raise ValueError(f"the unknown {', '.join(sorted(unknown))}")
        return msgspec.convert(dict(recorded), TrainingOptions)
    except (ValueError, TypeError) as error:  # msgspec's errors are ValueErrors
        raise WorkspaceError(
            f"Expected the options of a training in {path}. Received: {error}.",
            hint='It may be of a newer version: compare its "versions" with cxr --version',
        ) from error
