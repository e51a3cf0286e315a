"""The two classes of a dataset or run, and `class_indices.json`, which names them for Keras users."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.layout import TRAIN_COMMAND
from cxr_cli.workspace.reading import read_bytes


@dataclass(frozen=True, slots=True)
class Classes:
    """The names of the two classes. The positive class is always 1, regardless of alphabetical order."""

    negative: str
    positive: str

    @classmethod
    def from_indices(cls, indices: Mapping[str, int]) -> "Classes":
        """The classes of a mapping from name to index.

        Raises:
            ValueError: `indices` does not name exactly the classes 0 and 1.
        """
        names = {index: name for name, index in indices.items()}
        if len(indices) != 2 or set(names) != {0, 1}:
            raise ValueError(f"Expected two classes, the negative one 0 and the positive one 1. Received: {indices}.")
        return cls(negative=names[0], positive=names[1])

    @property
    def indices(self) -> dict[str, int]:
        """Name to index, the negative class first."""
        return {self.negative: 0, self.positive: 1}

    def label(self, is_positive: bool) -> str:
        """The name of the class."""
        return self.positive if is_positive else self.negative

    def __iter__(self) -> Iterator[str]:
        """The names, the negative class first."""
        yield self.negative
        yield self.positive


def write_classes(path: Path, classes: Classes) -> None:
    """Write `classes` to `path` as Keras users know them: name to index."""
    write_bytes(path, msgspec.json.encode(classes.indices) + b"\n")


def read_classes(path: Path) -> Classes:
    """The classes in `path`.

    Raises:
        WorkspaceError: the file is missing, or does not hold exactly the classes 0 and 1.
    """
    hint = f"Make it again: {TRAIN_COMMAND}"  # a run keeps its own classes; nobody reads the dataset's
    try:
        indices = msgspec.json.decode(read_bytes(path, hint=hint), type=dict[str, int])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WorkspaceError(
            f"Expected class names and their indices in {path}. Received: {error}.", hint=hint
        ) from error
    try:
        return Classes.from_indices(indices)
    except ValueError as error:
        raise WorkspaceError(
            f"Expected two classes in {path}, the negative one 0 and the positive one 1. Received: {indices}.",
            hint=hint,
        ) from error
