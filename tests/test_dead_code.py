"""Every function, class, method and property of the package is used."""

from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[1]
# What a framework calls by its name: Python, Keras, TensorFlow, Typer, pytest.
CALLED_BY_NAME = ["__dir__", "__getattr__", "on_*", "train_step", "test_*", "format_*", "pytest_*"]
CALLED_BY_DECORATOR = ["@*.callback*", "@*.command", "@*.get", "@*.post", "@*.fixture*"]
TABLED = ["backbones.py"]  # its functions are named as text in the table of architectures


def test_nothing_in_the_package_is_unused():
    finder = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=CALLED_BY_DECORATOR)
    finder.scavenge([str(ROOT / folder) for folder in ("src", "tests", "benchmarks", "scripts")])

    kinds = {"function", "class", "method", "property"}
    unused = [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno} {item.name}"
        for item in finder.get_unused_code(min_confidence=60)
        if item.typ in kinds and item.filename.is_relative_to(ROOT / "src") and item.filename.name not in TABLED
    ]
    assert unused == []
