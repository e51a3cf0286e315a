"""The training options of a run as it used them: what depends on the architecture has its value."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from cxr_cli.recipe.architectures import ARCHITECTURES

_FIELDS = {"freeze": "frozen", "image_size": "input_size"}  # of an architecture; the other options have their own name


def resolve_option(arch: str, options: Mapping[str, Any], name: str, *, made_with: str) -> Any:
    """The value that an option had in training.

    Args:
        arch: the architecture, a name of `ARCHITECTURES`.
        options: as a record keeps them: None for what depends on the architecture.
        name: of the option.
        made_with: the version of cxr-cli that trained it. The defaults of another version are not known.

    Returns:
        The value; None where it isn't known.
    """
    value = options.get(name)
    if value is not None or made_with != version("cxr-cli"):
        return value
    if name == "freeze" and options.get("weights") == "none":
        return 0.0  # random weights are not kept
    return getattr(ARCHITECTURES[arch], _FIELDS.get(name, name), None)


def options_in_words(arch: str, options: Mapping[str, Any], *, made_with: str) -> dict[str, str]:
    """All options as text, by name: `{"learning rate": "1e-4 (default of mobilenetv2)"}`.

    For training with another version, what depends on the architecture has the value of this one, and the text says so.
    """
    words: dict[str, str] = {}
    now = version("cxr-cli")
    for name, given in options.items():
        if isinstance(given, Mapping):
            words |= {f"{name}: {key}": _in_words(value) for key, value in given.items()}
            continue
        text = _in_words(resolve_option(arch, options, name, made_with=now))
        if given is None:
            since = "" if made_with == now else f" in cxr-cli {now}; it was trained with {made_with}"
            text = f"{text} (default of {arch}{since})"
        words[name.replace("_", " ")] = text
    return words


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if not isinstance(value, float):
        return str(value)
    if 0 < value < 1e-3:
        digits, power = f"{value:.5e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.6g}"
