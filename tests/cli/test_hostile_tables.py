"""Tables and folders from anywhere: each command gives the right result, or one error that names the file."""

import csv
import os
import socket
from pathlib import Path

import pytest

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.selection import EXCLUDED
from cxr_cli.workspace.cells import from_cell
from cxr_cli.workspace.layout import Workspace

HEADER = b"filename,finding\n"


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(2 << 30)  # takes no place on the disk


def sock(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


FAULTS = {
    "missing": (lambda path: None, "No such file or directory"),
    "a folder": (Path.mkdir, "Is a directory"),
    "a link to itself": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("gone.csv"), "No such file or directory"),
    "a pipe": (os.mkfifo, "it is a pipe or a device, not a file"),
    "a socket": (sock, "it is a pipe or a device, not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is a pipe or a device, not a file"),
    "huge": (huge, "it has 2.0 GB, more than 1 GB; split it"),
    "empty": (b"", "it has no columns"),
    "blank": (b"\r\n \n\t\n", "it has no columns"),
    "header only": (HEADER, "0 rows, of which none is left"),
    "no header": (b"a.png,COVID-19\n", "Expected the columns filename, finding in"),
    "other columns": (b"image;age\na.png;45\n", "Expected the columns filename, finding in"),
    "a column twice": (b"filename,finding,Finding\n", "Expected one column for finding in"),
    "an extra value": (HEADER + b"a.png,COVID-19, ARDS\n", "row 1 has more than the header's 2 columns"),
    "an open quote": (HEADER + b'a.png,"COVID-19\nb.png,x\n', "a quote in line 2 or later is not closed"),
    "a long value": (HEADER + b"a.png," + b"x" * 140_000 + b"\n", "line 2 has a value of more than 131,072 characters"),
    "NUL": (HEADER + b"a.png,CO\0VID\n", "it is not text: line 2 has a NUL character"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "it is not text: line 3 has a NUL character"),
    "an Excel workbook": (b"PK\3\4" + bytes(60), "it is a workbook or an archive; save the table as CSV"),
    "half UTF-16": ("filename,finding\n".encode("utf-16")[:-1], "it begins like UTF-16, and is not"),
    "random bytes": (bytes((7 * n * n + 3) % 255 + 1 for n in range(5000)), "Expected "),
    "no image": (HEADER + b"gone.png,COVID-19\n", "image file exists: 0 left"),
    "names that no file has": (HEADER + b"x" * 5000 + b",COVID-19\n..,x\n/,x\n,x\n", "image file exists: 0 left"),
    "names outside": (HEADER + b"/etc/hostname,COVID-19\n../../x,y\n", "image file exists: 0 left"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files, and other words")
@pytest.mark.parametrize("command", ["prepare", "evaluate --external"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_that_is_none_is_one_error_that_names_it(cxr, trained, tmp_path, fault, command):
    make, reason = FAULTS[fault]
    path = tmp_path / "metadata.csv"
    path.write_bytes(make) if isinstance(make, bytes) else make(path)
    workspace = tmp_path / "w" if command == "prepare" else trained.root

    result = cxr(*command.split(), "--metadata", path, "-w", workspace)

    words = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert result.stdout == ""
    assert words.count("Error: Expected ") == 1
    assert reason in words
    assert "Traceback" not in words
    assert not (tmp_path / "w").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_table_of_excel_with_every_kind_of_row_is_prepared_and_everything_left_out_is_said(cxr, phantoms, tmp_path):
    given = tmp_path / "Röntgen ; films"
    given.mkdir()
    with phantoms.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        (given / row["filename"]).hardlink_to(phantoms.parent / row["filename"])
    (tmp_path / "private.png").hardlink_to(phantoms.parent / rows[0]["filename"])
    (given / "link.png").symlink_to(tmp_path / "private.png")
    rows[0] |= {"patientid": "=1+1", "location": '@SUM(A1);=cmd|"/C calc"', "age": "045Y"}
    rows[1] |= {"patientid": "'=1+1", "location": "-", "sex": "a\nb"}
    base = rows[2]
    rows += [
        base | {"filename": "link.png"},
        base | {"filename": "..\\private.png"},
        base | {"filename": str(tmp_path / "private.png")},
        base | {"filename": "gone.png", "finding": "=HYPERLINK(1)"},
        next(row for row in rows[3:] if "COVID" in row["finding"]) | {"finding": "SARS"},
        base,
    ]
    table = given / "metadata.csv"
    with table.open("w", encoding="utf-16", newline="") as stream:
        stream.write("sep=\t\r\n")
        writer = csv.DictWriter(stream, rows[0], delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    before = sorted(path.name for path in tmp_path.rglob("*"))

    result = cxr("prepare", "--metadata", table, "-w", tmp_path / "w")

    assert result.exit_code == 0, result.stderr
    dataset = Workspace(tmp_path / "w").dataset
    excluded = EXCLUDED.read(dataset.excluded)
    films = read_manifest(dataset)
    assert len(films) + len(excluded) == len(rows)
    assert [row.reason for row in excluded if row.row in {41, 42, 43}] == ["image file is outside the given folder"] * 3
    assert [row.reason for row in excluded if row.row in {44, 46}] == [
        "no image file",
        f"same image file as row 3 of {table}",
    ]
    words = " ".join((result.stdout + result.stderr).split())
    assert "Rows that name an image outside the given folder, left out: 3 (for example row 41" in words
    assert "Image files that have both classes in the metadata, left out: 1 (for example that of row" in words
    # Nothing runs in a spreadsheet, and everything is read back.
    for path in (dataset.manifest, dataset.excluded, dataset.duplicates):
        with path.open(encoding="utf-8", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t"))]
    known = {Path(film.original).name: film for film in films}
    assert known[rows[0]["filename"]].patient == "=1+1"
    assert known[rows[0]["filename"]].location == '@SUM(A1);=cmd|"/C calc"'
    assert (known[rows[1]["filename"]].patient, known[rows[1]["filename"]].sex) == ("'=1+1", "a b")
    # Nothing was written beside the workspace, and nothing private is in it.
    beside = [path for path in tmp_path.rglob("*") if tmp_path / "w" not in (path, *path.parents)]
    assert sorted(path.name for path in beside) == before
    assert not [path for path in (tmp_path / "w").rglob("*") if path.name in {"private.png", "link.png"}]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_class_folders_with_names_from_anywhere_are_prepared(cxr, phantoms, tmp_path):
    given = tmp_path / "given"
    names = ["=1+1.png", "-2.png", "a;=b.png", "胸部.png", "צילום.png", "🫁.png", "a\nb.png", "A.png", "a.png"]
    names += ["CON.png", " .png", f"{'x' * 251}.png", "a\x1b[31mb.png", "é.png", "e\u0301.png", ".png", "a:b?.png"]
    films = sorted(phantoms.parent.glob("*.png"))
    with phantoms.open(encoding="utf-8", newline="") as stream:
        positive = {row["filename"] for row in csv.DictReader(stream) if "COVID" in row["finding"]}
    for kind in ("covid", "normal"):
        (given / kind).mkdir(parents=True)
        chosen = [film for film in films if (film.name in positive) == (kind == "covid")]
        for name, film in zip(names, chosen, strict=False):
            (given / kind / name).hardlink_to(film)
    (given / "covid" / "out.png").symlink_to(films[0])
    (given / "normal" / "out").symlink_to(films[0].parent)
    files = sum(path.is_file() and not path.is_symlink() for path in given.rglob("*"))

    result = cxr("prepare", "--folders", given, "-w", tmp_path / "w")

    assert result.exit_code == 0, result.stderr
    assert "2 links lead out of" in " ".join(result.stderr.split())
    dataset = Workspace(tmp_path / "w").dataset
    excluded, made = EXCLUDED.read(dataset.excluded), read_manifest(dataset)
    assert len(made) + len(excluded) == files + 2
    assert sorted(row.reason for row in excluded if "link" in row.reason) == ["a link that leads out of the folder"] * 2
    assert {Path(film.original) for film in made} <= set(given.rglob("*"))
    assert all((dataset.root / film.path).is_file() for film in made)
    assert len({film.path.casefold() for film in made}) == len(made)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_films_of_any_names_are_segmented_and_the_table_is_safe_to_open(cxr, film, tmp_path):
    given = tmp_path / "d"
    given.mkdir()
    long, not_utf8 = "x" * 251 + ".png", os.fsdecode(b"bad\xff.png")
    names = ["=1+1.png", "-rf.png", "a;=b.png", long, not_utf8, "A.png", "a.png", "x\\y.png"]
    for name in names:
        (given / name).hardlink_to(film)

    result = cxr("segment", given, "-o", tmp_path / "out", "--method", "otsu", "-w", tmp_path / "w")

    assert result.exit_code == 0, result.stderr
    assert len(list((tmp_path / "out" / "masks").iterdir())) == len(names)
    with (tmp_path / "out" / "segmentations.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(names)
    assert [row["image"] for row in rows if "b.png" in row["image"]] == [f"{given}/a;'=b.png"]
    assert all((tmp_path / from_cell(row["mask"])).is_file() for row in rows)
