"""A film gives the same prediction in each format; `scripts/same_film_in_all_formats.py` compares more of them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.bundled import files

SCRIPT = Path(__file__).parents[2] / "scripts" / "same_film_in_all_formats.py"


@pytest.mark.realdata
def test_a_real_film_gives_the_same_probability_in_each_format(shared, monkeypatch):
    monkeypatch.setattr(files, "MODEL", Path(files.__file__).parent / "model")
    spec = importlib.util.spec_from_file_location("same_film", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    images = shared / "data" / "covid-chestxray" / "images"

    table = dict(zip(script.FORMATS, script.compare(sorted(images.glob("*.jpg"))[::150][:4]).T, strict=True))

    jpeg = table.pop("JPEG q95")
    for probabilities in table.values():
        assert np.array_equal(probabilities, table["8-bit PNG"])
    assert np.abs(jpeg - table["8-bit PNG"]).max() < 0.05
