"""`class_indices.json`: the two classes, of which the positive one is always 1."""

from pathlib import Path

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import read_bytes, write_bytes
from cxr_cli.workspace.layout import TRAIN_COMMAND


def write_class_indices(path: Path, indices: dict[str, int]) -> None:
    """Write the classes to `path`, as Keras users know them: name to index."""
    write_bytes(path, msgspec.json.encode(indices) + b"\n")


def read_class_indices(path: Path) -> tuple[str, str]:
    """The names of the negative class (0) and the positive class (1).

    Raises:
        WorkspaceError: the file is missing, or doesn't hold exactly the classes 0 and 1.
    """
    hint = f"Make it again: {TRAIN_COMMAND}"  # a run keeps its own classes; nobody reads the dataset's
    try:
        indices = msgspec.json.decode(read_bytes(path, hint=hint), type=dict[str, int])
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
