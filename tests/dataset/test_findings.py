"""The findings of DICOM films, from a table."""

from pathlib import Path

import pytest

from cxr_cli.dataset.findings import read_findings
from cxr_cli.dataset.headers import FilmHeader
from cxr_cli.errors import MetadataError

FILMS = [
    FilmHeader(Path("archive/a/IM1.dcm"), uid="1.2.1", accession="A1"),
    FilmHeader(Path("archive/a/IM2.dcm"), uid="1.2.2", accession="A1"),
    FilmHeader(Path("archive/b/IM1.dcm"), uid="1.2.3", accession="A2"),
]


@pytest.fixture
def table(tmp_path):
    """Write a table, and read it."""

    def read(text: str):
        path = tmp_path / "findings.csv"
        path.write_text(text)
        return read_findings(path)

    return read


@pytest.mark.parametrize(
    ("text", "by", "findings", "unused"),
    [
        ("SOPInstanceUID,Finding\n1.2.3,covid\n1.2.9,none\n", "SOP Instance UID", [[], [], ["covid"]], 1),
        ("accession number;diagnosis\nA1;covid\n", "accession number", [["covid"], ["covid"], []], 0),
        ("file,finding\na/IM1.dcm,x\n.\\b\\IM1,y\nIM2,z\n", "file name", [["x"], ["z"], ["y"]], 0),
        ("file,finding\narchive/a/IM1.dcm,x\n", "file name", [["x"], [], []], 0),
        ("filename,SOPInstanceUID,label\nIM2.dcm,1.2.1,x\n", "SOP Instance UID", [["x"], [], []], 0),
        ("accession,finding\nA1,x\nA1,x\nA2,x\nA2,y\n,z\n", "accession number", [["x"], ["x"], ["x", "y"]], 1),
    ],
)
def test_films_are_named_by_uid_accession_number_or_file(table, text, by, findings, unused):
    known = table(text)
    matched = known.match(FILMS, Path("archive"))

    assert (known.by, matched.findings, matched.unused) == (by, findings, unused)
    assert matched.repeated == [False] * 3


def test_a_bare_name_that_two_files_have_names_neither(table):
    matched = table("file,finding\nIM1,x\n").match(FILMS, Path("archive"))

    assert (matched.findings, matched.repeated, matched.unused) == ([[], [], []], [True, False, True], 1)


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("Doe^John,covid\nDoe^Jane,none\n", "2 columns, without finding and one that names films"),
        ("uid,result\n1.2.1,covid\n", "2 columns, without finding"),
        ("patient,finding\n1,covid\n", "2 columns, without one that names films"),
    ],
)
def test_a_table_without_the_columns_is_refused_and_not_quoted(table, text, received):
    with pytest.raises(MetadataError) as caught:
        table(text)

    assert caught.value.message.endswith(f"Received: {received}.")
    assert "Doe" not in caught.value.message + caught.value.hint


def test_two_columns_of_a_name_are_refused(table):
    with pytest.raises(MetadataError, match="Expected one column for accession number"):
        table("accession,accession,finding\nA1,A2,covid\n")
