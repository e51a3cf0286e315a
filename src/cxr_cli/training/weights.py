"""The initial weights of a backbone: those of ImageNet through Keras, a file, or random ones."""

import hashlib
import os
import re
from pathlib import Path

from cxr_cli.errors import WeightsError
from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.architectures import ARCHITECTURES, Architecture
from cxr_cli.training.bundled_weights import SOURCE, has_bundled_weights, load_bundled_weights
from cxr_cli.training.engine import keras


def load_weights(backbone: keras.Model, architecture: Architecture, *, weights: str) -> dict[str, str]:
    """Load the weights of a backbone. It never keeps random weights unless they are requested.

    Args:
        backbone: as built, changed in place.
        architecture: its row.
        weights: "imagenet" (downloaded and cached by Keras), "bundled" (those of the model in the package), "none", the
            path of a Keras weights file (.weights.h5 or .h5), or of a folder with such a file, under Keras's own name
            or one that begins with the architecture's.
            With "imagenet" or a folder, an architecture that has no ImageNet weights starts from random ones.

    Returns:
        Where they came from: source, file and sha256, for the run's record.

    Raises:
        NoRunError: this installation lacks the model of "bundled".
        UsageError: that model has another architecture.
        WeightsError: they can't be found, or are those of another model.
    """
    from_scratch = not architecture.imagenet and (weights == "imagenet" or Path(weights).is_dir())
    if weights == "none" or from_scratch:
        return {"source": "none"}
    if weights == SOURCE:
        return load_bundled_weights(backbone, architecture)
    path = _imagenet(architecture) if weights == "imagenet" else _given(Path(weights), architecture)
    try:
        with native_output_hidden():
            backbone.load_weights(path)
    # Keras raises ValueError, KeyError, OSError or TypeError, as the file happens to be wrong.
    except Exception as error:
        raise WeightsError(
            f"Expected weights of {architecture.builder} without its top. Received: {path}, which doesn't fit "
            f"({str(error).split('. Example')[0].splitlines()[0][:200].rstrip('.')}).",
            hint="Give the weights of that model without its top, as save_weights() writes them; or no --weights",
        ) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"source": "imagenet" if weights == "imagenet" else "file", "file": path.name, "sha256": digest}


def _given(path: Path, architecture: Architecture) -> Path:
    if path.is_dir():
        return _in_folder(path, architecture)
    if not path.is_file():
        raise WeightsError(
            f"Expected the weights imagenet, bundled, none, a file or a folder. Received: {path}: no such file.",
            hint="For example: --weights mobilenetv2.weights.h5",
        )
    if not path.name.endswith(".h5"):
        raise WeightsError(
            f"Expected a Keras weights file, ending in .weights.h5 or .h5. Received: {path}.",
            hint="For example: --weights mobilenetv2.weights.h5",
        )
    return path


def _in_folder(folder: Path, architecture: Architecture) -> Path:
    keras_names = {row.imagenet.rsplit("/", 1)[-1]: row.builder for row in ARCHITECTURES.values() if row.imagenet}
    files = sorted(folder.glob("*.h5"))
    own = [path for path in files if keras_names.get(path.name) == architecture.builder]
    named = re.compile(rf"{architecture.builder}[._-]", re.IGNORECASE)
    candidates = own or [path for path in files if named.match(path.name) and path.name not in keras_names]
    if len(candidates) == 1:
        return candidates[0]
    received = ", ".join(path.name for path in candidates or files) or "no .h5 file"
    raise WeightsError(
        f"Expected one file of {architecture.builder}'s weights in {folder}, named {architecture.builder.lower()}_….h5 "
        f"or as Keras names it. Received: {received}.",
        hint="Name the file: --weights FILE",
    )


def _imagenet(architecture: Architecture) -> Path:
    url = architecture.imagenet
    name = url.rsplit("/", 1)[-1]
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")  # as Keras has it
    cache = home / "models"
    try:
        home.mkdir(parents=True, exist_ok=True)  # otherwise Keras silently uses another folder
        with native_output_hidden():
            return Path(keras.utils.get_file(name, url, cache_dir=home, cache_subdir=cache.name))
    # urllib raises various errors if there is no network; Keras wraps some of them in a bare Exception.
    except Exception as error:
        bundled = f"or use the model in the package: --weights {SOURCE}; " if has_bundled_weights(architecture) else ""
        raise WeightsError(
            f"Expected the ImageNet weights {name}, in {cache} or from {url}. Received: neither "
            f"({str(error).splitlines()[0].rsplit(' -- ')[-1] or type(error).__name__}).",
            hint=f"Run it once with a network connection; or put that file into that folder; {bundled}or name your "
            "own: --weights FILE (--weights none starts from random weights, which needs thousands of films)",
        ) from error
