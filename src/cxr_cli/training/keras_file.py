"""Read a `.keras` file that may come from anyone: it can hold no code, name no other files and be no larger than it is.

Keras itself refuses Lambda layers (`safe_mode`). What else it would import or read is decided here, before it sees the
file: a model of cxr is made of Keras's own layers, and its file has three members, none compressed.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cxr_cli.errors import WorkspaceError
from cxr_cli.training.engine import keras
from cxr_cli.workspace.arrays import check_archive

_CONFIG = "config.json"
_MEMBERS = {_CONFIG, "metadata.json", "model.weights.h5"}
_MODULES = {
    *("keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints"),
    *("keras.losses", "keras.metrics", "keras.optimizers", "keras.optimizers.schedules", "keras.activations"),
    *("keras.src.models.functional", "keras.src.applications.convnext", "builtins"),
}
_OTHERS = {(None, "__keras_tensor__"), ("keras.src.ops.numpy", "Add")}
# Layers that run code of their own, or read another file.
_REFUSED = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}


def read_keras_model(path: Path, *, hint: str) -> keras.Model:
    """Read a model, without its optimizer.

    Args:
        path: the file.
        hint: what the user can do if it can't be read.

    Raises:
        WorkspaceError: the file is missing or damaged, or holds more than layers of Keras and their weights.
    """
    try:
        _check(path)
        return keras.models.load_model(path, compile=False, safe_mode=True)
    # Keras has no error of its own for a damaged file: whatever it stumbles over, the file can't be read.
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise WorkspaceError(f"Expected a Keras model in {path}. Received: {reason}.", hint=hint) from error


def _check(path: Path) -> None:
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        if sorted(members) != sorted(_MEMBERS):
            raise ValueError(f"a file with {', '.join(sorted(members)) or 'nothing'} in it")
        config = json.loads(archive.read(_CONFIG))
    for part in _parts(config):
        module, name = part.get("module"), part["class_name"]
        if (module not in _MODULES and (module, name) not in _OTHERS) or name in _REFUSED:
            raise ValueError(f"{name} of {module or 'no module'}, which cxr doesn't load: it may be code")


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a configuration, at any depth."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "class_name" in here or "module" in here:
                yield {"class_name": None} | here
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
