"""For any table of metadata: every row becomes a film or is left out with a reason, or the file is refused in words."""

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.dataset.metadata import label_names, names_finding, select_films
from cxr_cli.dataset.selection import EXCLUDED
from cxr_cli.errors import CxrError, MetadataError
from cxr_cli.films.inside import Inside
from cxr_cli.metrics.subgroups import age_band, age_in_years

NAMES = ("a.png", "b.png", "sub/c.png", "é.png")
CELL = st.text(max_size=12) | st.sampled_from(
    [
        *NAMES,
        "COVID-19",
        "No Finding",
        "X-ray",
        "PA",
        "../a.png",
        "/etc/passwd",
        "link.png",
        "45Y",
        "nan",
        "\x1b[31m",
        "=1",
    ]
)
COLUMNS = ("patientid", "sex", "age", "finding", "view", "modality", "folder", "filename", "location")
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELL)), max_size=6)
BYTES = st.binary(max_size=200) | st.text(st.sampled_from('filenamding,;\t"\r\n a.pngCOVID-19=\0\ufeff')).map(
    str.encode
)
MENTIONS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["COVID-19", "SARS", ""])), min_size=1, max_size=12
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with films, and one beside it that metadata must not reach."""
    folder = tmp_path_factory.mktemp("films") / "given"
    for name in (*NAMES, "../private/x.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    if os.name != "nt":
        (folder / "link.png").symlink_to("../private/x.png")
    return folder


def check(path: Path) -> None:
    """Select films; every row has to be accounted for, and none may lie outside the folder."""
    try:
        selection = select_films([path])
    except MetadataError:
        return
    assert (
        len(selection.kept) + len(selection.excluded)
        == selection.rows
        == selection.funnel[-1].left + sum(step.removed for step in selection.funnel)
    )
    assert len({film.row for film in selection.kept} | {row.row for row in selection.excluded}) == selection.rows
    inside = Inside([path.parent])
    assert all(inside.has(str(film.image)) and film.image.is_file() for film in selection.kept)
    assert all(row.reason for row in selection.excluded)
    values = [value for film in selection.kept for value in (film.finding, film.patient, film.age, film.filename)]
    assert not any(letter < " " or "\x7f" <= letter <= "\x9f" for value in values for letter in value)
    EXCLUDED.write(path.with_suffix(".excluded"), selection.excluded)
    assert EXCLUDED.read(path.with_suffix(".excluded")) == selection.excluded


@given(rows=ROWS, encoding=ENCODINGS, separator=st.sampled_from(",;	"))
def test_every_row_of_any_cells_is_kept_or_left_out_with_a_reason(folder, rows, encoding, separator):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    path = folder / "metadata.csv"
    path.write_bytes(text.getvalue().encode(encoding, "replace"))

    check(path)


@given(
    content=st.binary(max_size=200)
    | st.text(st.sampled_from('filenamding,;\t"\r\n a.pngCOVID-19=\0\ufeff')).map(str.encode)
)
def test_any_bytes_are_a_table_or_refused_in_words(folder, content):
    path = folder / "metadata.csv"
    for head in (b"", b"filename,finding\n", b"sep=;\r\nfilename;finding\r\n", b"\xff\xfe"):
        path.write_bytes(head + content)
        check(path)


@given(
    rows=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["COVID-19", "SARS", ""])), min_size=1, max_size=12)
)
def test_a_film_is_kept_once_and_never_with_two_classes(folder, rows):
    path = folder / "metadata.csv"
    path.write_text("filename,finding\n" + "".join(f"{name},{finding}\n" for name, finding in rows), encoding="utf-8")
    classes: dict[str, set[str]] = {}
    for name, finding in rows:
        classes.setdefault(name, set()).update({finding} - {""})
    expected = {name for name, found in classes.items() if len(found) == 1}

    try:
        kept = [film.filename for film in select_films([path]).kept]
    except MetadataError:
        kept = []
    assert sorted(kept) == sorted(expected)


@given(finding=st.text(), positive=st.text())
def test_any_finding_is_compared_and_any_positive_finding_names_folders_or_is_refused(finding, positive):
    assert names_finding(finding, positive) in {True, False}
    try:
        names = label_names(positive)
    except CxrError:
        return
    assert names[0] == f"non_{names[1]}"
    assert names[1].isascii()
    assert names[1].replace("_", "a").isalnum()


@given(age=st.text() | st.floats().map(str) | st.integers().map(str))
def test_any_age_has_a_band_or_is_unknown(age):
    years = age_in_years(age)

    assert (years is None) == (age_band(age) == "unknown")
    assert years is None or 0 <= years <= 120


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 200
)


@given(names=st.lists(NAME, min_size=1, max_size=4))
def test_files_and_class_folders_of_any_name_are_kept_or_left_out_with_a_reason(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("any")
    for number, name in enumerate(names):
        for kind in (name, "covid"):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / f"{name}{number}.png").touch()
    files = sum(path.is_file() for path in folder.rglob("*"))

    try:
        selection = select_from_folders(folder, positive="covid")
    except CxrError:
        return
    assert len(selection.kept) + len(selection.excluded) == selection.rows == files
