"""The names of films in a dataset: valid everywhere, and each one once."""

from pathlib import Path

import pytest

from cxr_cli.films.file_names import file_names


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("a/film.png", "film.png"),
        ("IM000001", "IM000001"),
        ("1.2.840.113619.2", "1.2.840.113619.2"),
        ("胸部 ü.png", "胸部 ü.png"),
        ("a:b?.png", "a_b_.png"),
        ("a\\b.png", "a_b.png"),
        ("a\n\x1b[31m.png", "a__[31m.png"),
        ("bad\udcff.png", "bad_.png"),
        ("film. ", "film"),
        (" ", "film"),
        ("CON", "_CON"),
        ("nul.png", "_nul.png"),
        ("Com1.tar.png", "_Com1.tar.png"),
        ("console.png", "console.png"),
        (f"{'x' * 251}.png", f"{'x' * 251}.png"),
        (f"{'x' * 300}.png", f"{'x' * 251}.png"),
        (f"{'é' * 200}.png", f"{'é' * 125}.png"),
    ],
)
def test_a_copy_has_the_name_of_its_film_as_far_as_every_system_allows(original, name):
    assert file_names([Path(original).name]) == [name]


@pytest.mark.parametrize(
    ("originals", "names"),
    [
        (["a/f.png", "b/f.png", "c/f.png"], ["f.png", "f-2.png", "f-3.png"]),
        (["f.png", "F.PNG"], ["f.png", "F-2.PNG"]),
        (["f-1.png", "a/f.png", "b/f.png"], ["f-1.png", "f.png", "f-2.png"]),
        (["é.png", "e\u0301.png"], ["é.png", "e\u0301-2.png"]),
        (["straße.png", "STRASSE.png"], ["straße.png", "STRASSE-2.png"]),
        (["a:b.png", "a?b.png"], ["a_b.png", "a_b-2.png"]),
        ([f"a/{'x' * 251}.png", f"b/{'x' * 251}.png"], [f"{'x' * 251}.png", f"{'x' * 249}-2.png"]),
    ],
)
def test_names_that_are_one_file_on_some_system_are_numbered(originals, names):
    assert file_names(Path(name).name for name in originals) == names


def test_names_can_be_shorter():
    assert file_names(["abcdefgh.png", "abcdefxy.png", "é" * 9], longest=10) == ["abcdef.png", "abcd-2.png", "é" * 5]
    assert file_names([f"0.{'𐀀' * 8}"], longest=30) == [f"0.{'𐀀' * 7}"]
