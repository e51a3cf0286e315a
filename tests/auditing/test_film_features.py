import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cxr_cli.auditing import film_features, probes
from cxr_cli.auditing.checks import check_shortcuts
from cxr_cli.auditing.files import read_properties
from cxr_cli.auditing.film_features import describe_films
from cxr_cli.bundled import files
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.films.reader import read_film
from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.layout import bundled_run
from cxr_cli.workspace.records import read_record


@pytest.fixture
def model_in_package(monkeypatch):
    """Other tests run without it."""
    monkeypatch.setattr(files, "MODEL", Path(files.__file__).with_name("model"))


def test_a_film_is_read_without_changes(tmp_path):
    picture = Image.new("L", (640, 640), 100)
    ImageDraw.Draw(picture).rectangle((570, 0, 639, 69), fill=255)
    picture.save(tmp_path / "film.png")
    (film,) = describe_films([tmp_path / "film.png"], ["p"], seed=0)

    assert film.small.shape == (64, 64)
    assert film.small[0, -1] == 255
    assert film.small[32, 32] == 100
    assert film.border.max() == pytest.approx(1, abs=0.01)
    assert film.lungs is None  # there are none to be found


def test_what_is_in_the_lungs_is_not_in_the_film_without_them(prepared, tmp_path, model_in_package):
    """White noise deep inside the lungs changes what is known of the whole film, and nothing of the rest."""
    film = read_film(prepared.dataset.root / read_manifest(prepared.dataset)[0].path)
    lungs = segment_lungs(film, "unet").mask
    rows, columns = np.nonzero(lungs)
    middle = int(np.median(rows))
    inside = columns[rows == middle]
    changed = film.copy()
    changed[middle - 2 : middle + 3, inside[len(inside) // 8 : len(inside) // 4]] = 255
    for name, pixels in (("one", film), ("other", changed)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    one, other = describe_films([tmp_path / "one.png", tmp_path / "other.png"], ["p", "q"], seed=0)

    np.testing.assert_array_equal(one.border, other.border)
    assert np.abs(one.detail - other.detail).max() > 0.2
    assert np.abs(one.lungs.frozen - other.lungs.frozen).max() > 0.1
    np.testing.assert_allclose(one.lungs.without_lungs, other.lungs.without_lungs, atol=0.01)


@pytest.fixture(scope="module")
def plants():
    """The script's table of shortcuts, each a change of a picture."""
    script = Path(__file__).parents[2] / "benchmarks" / "audit_shortcuts.py"
    spec = importlib.util.spec_from_file_location("audit_shortcuts", script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PLANTS


@pytest.mark.parametrize(
    ("shortcut", "found_by"),
    [
        ("a word in the lung", "fine detail"),
        ("a blurred middle", "fine detail"),
        ("a brightened middle", "film without lungs"),
    ],
)
def test_a_shortcut_inside_the_film_is_found(prepared, plants, tmp_path, monkeypatch, shortcut, found_by):
    """In all positive films; neither the border nor the corners show it."""
    for name, value in {"_REPEATS": 1, "_TREES": 20}.items():
        monkeypatch.setattr(probes, name, value)
    films, paths = read_manifest(prepared.dataset), []
    for film in films:
        paths.append(tmp_path / Path(film.path).name)
        picture = Image.fromarray(read_film(prepared.dataset.root / film.path))
        (plants[shortcut](picture) if film.label == "covid" else picture).save(paths[-1])
    described = list(describe_films(paths, [film.group for film in films], seed=0))
    files_of = [read_properties(prepared.dataset.root / film.path) for film in films]
    checks = {one.name: one for one in check_shortcuts(films, files_of, described, positive="covid", seed=0).checks}

    assert checks[found_by].level == "alarm"
    assert checks["outer border"].level == checks["corners"].level == "ok"


def test_lungs_are_looked_for_in_the_films_of_some_patients(prepared, monkeypatch):
    monkeypatch.setattr(film_features, "MOST_FILMS", 5)
    films = read_manifest(prepared.dataset)[:12]
    groups = [f"p{place // 2}" for place in range(12)]
    read = list(describe_films([prepared.dataset.root / film.path for film in films], groups, seed=0))
    found = {group for group, one in zip(groups, read, strict=True) if one.lungs}

    assert len(read) == 12
    assert len(found) == 2
    assert sum(one.lungs is not None for one in read) == 4


def test_the_frozen_network_never_saw_the_class_of_a_film(model_in_package):
    assert read_record(bundled_run().record, RunRecord).options["freeze"] == 1
