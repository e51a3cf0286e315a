"""Metadata: which rows become films of which class, and why the others are excluded."""

import os
import unicodedata
from pathlib import Path

import pytest

from cxr_cli.dataset.metadata import Exclusion, check_positive, label_names, names_finding, select_films
from cxr_cli.dataset.record import FunnelStep
from cxr_cli.dataset.table import read_table
from cxr_cli.errors import MetadataError

HINT = "Give a CSV file with at least the columns filename and finding: cxr prepare --metadata FILE"


@pytest.fixture
def table(tmp_path):
    """Write the given bytes or text to a metadata file, and read it."""

    def read(content: bytes | str) -> list[dict[str, str]]:
        (tmp_path / "metadata.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_table(tmp_path / "metadata.csv").rows)

    return read


@pytest.fixture
def metadata(tmp_path):
    """Write a metadata file and an empty image file for each name of `films`."""

    def write(text: str, films: str = "a.png b.png c.png d.png e.png f.png") -> Path:
        for name in films.split():
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (tmp_path / "source" / "metadata.csv").write_text(text, encoding="utf-8")
        return tmp_path / "source" / "metadata.csv"

    return write


def refusal(path: Path) -> MetadataError:
    with pytest.raises(MetadataError) as caught:
        list(read_table(path).rows)
    return caught.value


def test_columns_are_matched_by_name_and_others_are_ignored(table):
    assert table("url,finding,survival,filename,view\nhttp,COVID-19,Y,a.png,PA\n") == [
        {"finding": "COVID-19", "view": "PA", "filename": "a.png"}
    ]


@pytest.mark.parametrize(
    "header",
    [
        "patientid,filename,finding",
        "PatientID,FileName,Finding",
        "patient_id,file_name,finding",
        " Patient ID , File Name , FINDING ",
        '"patient-id","file.name","finding"',
        "patient,file,findings",
        "Subject ID,Image,Label",
        "Patient,image_file,Diagnosis",
        "patient,imagename,label",
    ],
)
def test_a_header_is_matched_in_any_case_spacing_and_common_synonym(table, header):
    assert table(f"{header}\n7,a.png,COVID-19\n") == [{"patientid": "7", "filename": "a.png", "finding": "COVID-19"}]


def test_the_canonical_column_name_precedes_synonyms(table):
    assert table("image,label,patient,filename,finding,patientid\n1,2,3,a.png,COVID-19,7\n") == [
        {"patientid": "7", "finding": "COVID-19", "filename": "a.png"}
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_utf8_with_or_without_bom_and_latin1_are_read(table, encoding):
    assert table("filename,finding\nmüller.png,Pneumopathie aiguë\n".encode(encoding)) == [
        {"filename": "müller.png", "finding": "Pneumopathie aiguë"}
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_endings_are_read(table, end):
    assert table(f"filename,finding{end}a.png,x{end}b.png,y{end}") == [
        {"filename": "a.png", "finding": "x"},
        {"filename": "b.png", "finding": "y"},
    ]


def test_blank_lines_are_skipped(table):
    assert table("\n  \nfilename,finding\n\na.png,x\n   \nb.png,y\n\n") == [
        {"filename": "a.png", "finding": "x"},
        {"filename": "b.png", "finding": "y"},
    ]


def test_values_are_stripped_text(table):
    assert table('filename,finding,age,view\n  007.png , "COVID-19, ARDS",065,  NA \n') == [
        {"finding": "COVID-19, ARDS", "age": "065", "view": "NA", "filename": "007.png"}
    ]


def test_a_multiline_value_becomes_one_line(table):
    assert table('filename,finding,notes\na.png,"COVID-19,\r\nARDS","one\ntwo, three"\nb.png,x,\n') == [
        {"finding": "COVID-19, ARDS", "filename": "a.png"},
        {"finding": "x", "filename": "b.png"},
    ]


def test_a_short_row_has_empty_values(table):
    assert table("filename,finding,view,age\na.png,x\nb.png,y,PA,7\n") == [
        {"age": "", "finding": "x", "view": "", "filename": "a.png"},
        {"age": "7", "finding": "y", "view": "PA", "filename": "b.png"},
    ]


@pytest.mark.parametrize(
    "content", ["filename,finding,\na.png,x,\n", "filename,finding\na.png,x,\n", "filename,finding\na.png,x,,,\n"]
)
def test_trailing_commas_are_ignored(table, content):
    assert table(content) == [{"finding": "x", "filename": "a.png"}]


@pytest.mark.parametrize("row", [1, 2, 3])
def test_a_row_longer_than_the_header_is_refused_with_its_number(tmp_path, row):
    """An unquoted comma shifts every value after it, and a film would get the wrong class."""
    path = tmp_path / "metadata.csv"
    lines = ["notes,filename,finding", "x,a.png,y", "x,b.png,y", "x,c.png,y"]
    lines[row] = "x, and more,a.png,COVID-19"
    path.write_text("\n".join(lines))

    error = refusal(path)
    assert error.message == (
        f"Expected a CSV file with a header. Received: {path}: row {row} has more than the header's 3 columns."
    )
    assert error.hint == HINT


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has no columns"),
        (b"\n\n", "it has no columns"),
        (bytes(range(256)), "it is not text: line 1 has a NUL character"),
        (b"filename,finding\na.png,x\nb\0.png,y\n", "it is not text: line 3 has a NUL character"),
        ("filename,finding\na.png,x\n".encode("utf-16")[:-1], "it begins like UTF-16, and is not"),
        (b"PK\3\4" + bytes(30), "it is a workbook or an archive; save the table as CSV"),
        (
            f'filename,finding\na.png,"{"x" * 140_000}"\n'.encode(),
            "line 2 has a value of more than 131,072 characters; perhaps a quote is not closed",
        ),
        (b'filename,finding\na.png,x\n"b.png,y\nc.png,z\n', "a quote in line 3 or later is not closed"),
        (b'"filename,finding\na.png,x', "a quote in line 1 or later is not closed"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "metadata.csv"
    path.write_bytes(content)

    error = refusal(path)
    assert error.message == f"Expected a CSV file with a header. Received: {path}: {reason}."
    assert error.hint == HINT


def test_a_missing_file_or_a_folder_is_an_error(tmp_path):
    missing, folder = refusal(tmp_path / "metadata.csv"), refusal(tmp_path)

    assert missing.message == (
        f"Expected a CSV file. Received: {tmp_path / 'metadata.csv'}: No such file or directory."
    )
    assert folder.message == f"Expected a CSV file. Received: {tmp_path}: Is a directory."
    assert missing.hint == folder.hint == HINT


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("filename,view", "column finding"),
        ("finding,view", "column filename"),
        ("a,b", "columns filename, finding"),
    ],
)
def test_missing_required_columns_are_named(tmp_path, header, missing):
    path = tmp_path / "metadata.csv"
    path.write_text(f"{header}\n1,2\n")

    error = refusal(path)
    assert error.message == (
        f"Expected the columns filename, finding in {path}. Received: {header.replace(',', ', ')}."
    )
    assert error.hint == f"Rename or add the {missing}"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n"])
def test_every_dialect_of_a_spreadsheet_is_read(table, separator, encoding, first):
    rows = [["patientid", "age", "filename", "finding"], ["007", '"45,5"', "müller.png", '"COVID-19; ""ARDS"""']]
    text = first.format(separator) + "".join(separator.join(row) + "\r\n" for row in rows)

    assert table(text.encode(encoding)) == [
        {"patientid": "007", "age": "45,5", "finding": 'COVID-19; "ARDS"', "filename": "müller.png"}
    ]


def test_the_first_line_of_excel_can_name_any_separator(table):
    assert table("SEP=|\nfilename|finding\na.png|COVID-19, ARDS\n") == [
        {"filename": "a.png", "finding": "COVID-19, ARDS"}
    ]


def test_the_code_page_of_windows_is_read_and_said(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_bytes("filename;finding\n€ – é.png;x\n".encode("cp1252"))

    file = read_table(path)

    assert list(file.rows) == [{"filename": "€ – é.png", "finding": "x"}]
    assert file.notes == [f"{path} is not UTF-8, so it was read as Windows-1252. Check names with accents."]


def test_a_control_character_in_a_value_is_a_space(table):
    assert table("filename,finding\na.png,\x1b[31mCOVID-19\x07\x9b,\n") == [
        {"filename": "a.png", "finding": "[31mCOVID-19"}
    ]


def test_which_of_several_columns_was_taken_is_said(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text("image,Diagnosis,label\na.png,COVID-19,1\n")

    file = read_table(path)

    assert list(file.rows) == [{"finding": "COVID-19", "filename": "a.png"}]
    assert file.notes == [f"The finding in {path} is the column Diagnosis, not label."]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("finding,filename,finding", "Expected one column for finding in {}. Received: 'finding' as columns 1 and 3."),
        (
            "finding,File,notes, file",
            "Expected one column for filename in {}. Received: 'File' as columns 2 and 4.",
        ),
        (
            "finding,filename,patient_id,PatientID",
            "Expected one column for patientid in {}. Received: 'patient_id' as columns 3 and 4.",
        ),
    ],
)
def test_two_columns_of_one_name_are_refused(tmp_path, header, message):
    path = tmp_path / "metadata.csv"
    path.write_text(f"{header}\nCOVID-19,a.png,SARS,x\n")

    assert refusal(path).message == message.format(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path, kind):
    path = Path("/dev/zero")
    if kind == "pipe":
        path = tmp_path / "metadata.csv"
        os.mkfifo(path)

    assert refusal(path).message == f"Expected a CSV file. Received: {path}: it is a pipe or a device, not a file."


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "metadata.csv"
    with path.open("wb") as stream:
        stream.truncate(3 << 30)  # takes no place on the disk

    assert refusal(path).message == (f"Expected a CSV file. Received: {path}: it has 3.0 GB, more than 1 GB; split it.")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_an_unreadable_file_is_an_error(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text("filename,finding\na.png,x\n")
    path.chmod(0)

    assert refusal(path).message == f"Expected a CSV file. Received: {path}: Permission denied."


def test_a_name_that_no_file_can_have_is_an_error():
    assert refusal(Path("meta\0data.csv")).message.endswith("embedded null byte.")


@pytest.mark.parametrize(
    ("positive", "names"),
    [
        ("COVID-19", ("non_covid", "covid")),
        ("covid 19", ("non_covid", "covid")),
        ("Covid", ("non_covid", "covid")),
        ("Pneumonia", ("non_pneumonia", "pneumonia")),
        ("No Finding", ("non_no_finding", "no_finding")),
        (" Edema / mild ", ("non_edema_mild", "edema_mild")),
        ("SARS", ("non_sars", "sars")),
    ],
)
def test_classes_are_named_after_the_finding(positive, names):
    assert label_names(positive) == names


@pytest.mark.parametrize("positive", ["", " ", "-", "肺炎", "x" * 101])
def test_a_finding_that_gives_no_folder_name_is_refused(positive):
    with pytest.raises(MetadataError) as caught:
        label_names(positive)

    assert caught.value.message == f"Expected the name of a finding. Received: {positive!r}."
    assert caught.value.hint == "For example: --positive Pneumonia"


@pytest.mark.parametrize(
    ("finding", "positive", "named"),
    [
        ("COVID-19", "COVID-19", True),
        ("COVID-19, ARDS", "COVID-19", True),
        ("Pneumonia/Viral/COVID-19", "COVID-19", True),
        ("pneumonia/viral/covid 19", "COVID-19", True),
        ("COVID", "COVID-19", True),
        ("COVID-19", "covid", True),
        ("ARDS;Covid-19", "COVID-19", True),
        ("ARDS | COVID19", "COVID-19", True),
        ("No COVID-19", "COVID-19", False),
        ("COVID-190", "COVID-19", False),
        ("COVID-19 pneumonia", "COVID-19", True),
        ("non-COVID-19 pneumonia", "COVID-19", False),
        ("Mycoplasma Bacterial Pneumonia", "Pneumonia", True),
        ("No Finding", "No Finding", True),
        ("SARS", "COVID-19", False),
        ("Pneumonia", "COVID-19", False),
        ("", "COVID-19", False),
        ("Pneumonia/Viral/COVID-19", "Pneumonia", True),
        ("Pneumonia/Viral/COVID-19", "viral", True),
        ("Pneumothorax", "Pneumonia", False),
        ("Pneumocystis", "Pneumo", False),
        ("肺炎", "Pneumonia", False),
    ],
)
def test_a_finding_is_matched_as_a_whole_word_of_a_list_or_path(finding, positive, named):
    assert names_finding(finding, positive) is named


TEXT = """patientid,finding,view,modality,filename
1,COVID-19,PA,X-ray,a.png
2,No Finding,AP,CT,b.png
3,Pneumonia,L,X-ray,c.png
4,todo,AP Supine,X-ray,d.png
5,Unknown,PA,X-ray,e.png
6,,PA,X-ray,f.png
7,COVID-19,AP,X-ray,missing.png
8,SARS,AP,X-ray,
9,SARS,,X-ray,b.png
10,Covid-19,ap supine,x ray,./a.png
11,Pneumonia/Viral,AP-Supine,DX,b.png
"""


def test_every_row_is_kept_or_excluded_with_the_first_reason(metadata):
    path = metadata(TEXT)

    selection = select_films([path])

    assert selection.rows == 11
    assert [(film.row, film.patient, film.label, film.image.name) for film in selection.kept] == [
        (1, "1", "covid", "a.png"),
        (11, "11", "non_covid", "b.png"),
    ]
    assert sorted((row.row, row.reason) for row in selection.excluded) == [
        (2, "modality is CT"),
        (3, "view is L"),
        (4, "finding is todo"),
        (5, "finding is Unknown"),
        (6, "finding is empty"),
        (7, "no image file"),
        (8, "no image file"),
        (9, "view is empty"),
        (10, f"same image file as row 1 of {path}"),
    ]
    assert selection.funnel == [
        FunnelStep(rule="modality is X-ray", removed=1, left=10),
        FunnelStep(rule="view is PA, AP, AP Supine", removed=2, left=8),
        FunnelStep(rule="finding is known", removed=3, left=5),
        FunnelStep(rule="image file exists", removed=2, left=3),
        FunnelStep(rule="image file is listed once", removed=1, left=2),
    ]
    assert selection.missing_columns == []


def test_an_excluded_row_keeps_its_values(metadata):
    path = metadata(TEXT)

    assert select_films([path]).excluded[0] == Exclusion(
        metadata=str(path),
        row=2,
        filename="b.png",
        patient="2",
        finding="No Finding",
        view="AP",
        modality="CT",
        reason="modality is CT",
    )


def test_the_requested_views_are_kept_in_any_case(metadata):
    text = "finding,view,filename\nx,PA,a.png\nx,L,b.png\nx,lateral,c.png\nx,,d.png\n"

    assert [film.row for film in select_films([metadata(text)], views=["l", "Lateral"]).kept] == [2, 3]


@pytest.mark.parametrize(
    ("findings", "example"),
    [
        (("No Finding", "No Finding", "Pneumonia"), "Pneumonia"),
        (("normal", "normal", "Tuberculosis"), "Tuberculosis"),
        (("Healthy", "no pneumonia", "ARDS"), "ARDS"),
        (("No Finding", "Normal", "healthy"), "Pneumonia"),  # as for no finding at all
    ],
)
def test_no_finding_that_means_healthy_is_suggested_as_positive(metadata, findings, example):
    rows = "".join(f"{name}.png,{finding}\n" for name, finding in zip("abc", findings, strict=True))

    with pytest.raises(MetadataError) as caught:
        check_positive(select_films([metadata(f"filename,finding\n{rows}")]), "COVID-19")

    assert caught.value.hint == f"Say which is positive, for example: --positive {example}"


def test_the_rule_of_a_missing_column_is_skipped_and_the_column_named(metadata):
    selection = select_films([metadata("filename,finding\na.png,COVID-19\nb.png,SARS\n")])

    assert [(film.row, film.patient, film.view, film.sex, film.age) for film in selection.kept] == [
        (1, "", "", "", ""),
        (2, "", "", "", ""),
    ]
    assert [step.removed for step in selection.funnel] == [0, 0, 0, 0, 0]
    assert selection.missing_columns == ["patientid", "view", "modality"]


def test_another_finding_can_be_positive(metadata):
    selection = select_films(
        [metadata("filename,finding\na.png,Pneumonia/Viral/COVID-19\nb.png,SARS\n")], positive="Pneumonia"
    )

    assert (selection.negative, selection.positive) == ("non_pneumonia", "pneumonia")
    assert [film.label for film in selection.kept] == ["pneumonia", "non_pneumonia"]


@pytest.mark.parametrize(
    ("folder", "filename", "film"),
    [
        ("", "a.png", "a.png"),
        ("images", "a.png", "images/a.png"),
        ("", "a.png", "images/a.png"),
        ("elsewhere", "a.png", "a.png"),
        ("elsewhere", "a.png", "images/a.png"),
        ("one\\two", "a.png", "one/two/a.png"),
        ("", "one/two/a.png", "one/two/a.png"),
        ("", "one\\two\\a.png", "one/two/a.png"),
    ],
)
def test_a_film_is_searched_where_the_row_says_then_nearby(metadata, folder, filename, film):
    path = metadata(f"folder,filename,finding\n{folder},{filename},x\n", films=film)

    assert select_films([path]).kept[0].image == path.parent / film


def test_the_folder_of_images_can_be_given(metadata, tmp_path):
    path = metadata("folder,filename,finding\nimages,a.png,x\nimages,b.png,x\n", films="b.png")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").touch()

    assert [film.image for film in select_films([path], images=tmp_path / "films").kept] == [
        tmp_path / "films" / "a.png"
    ]


def test_folders_and_overlong_names_are_not_image_files(metadata, tmp_path):
    path = metadata(f"filename,finding\nfolder.png,x\n{'x' * 300}.png,x\n.,x\na.png,x\n")
    (path.parent / "folder.png").mkdir()

    selection = select_films([path])
    assert [film.row for film in selection.kept] == [4]
    assert [row.reason for row in selection.excluded] == ["no image file"] * 3


def test_a_symbolic_link_is_the_same_file_but_a_hard_link_is_not(metadata):
    path = metadata("filename,finding\nhard.png,x\na.png,x\nsoft.png,x\n./a.png,x\n")
    (path.parent / "hard.png").hardlink_to(path.parent / "a.png")
    (path.parent / "soft.png").symlink_to(path.parent / "a.png")

    selection = select_films([path])

    assert [film.image.name for film in selection.kept] == ["hard.png", "a.png"]
    assert [row.reason for row in selection.excluded] == [f"same image file as row 2 of {path}"] * 2


def test_a_file_with_two_classes_is_left_out_and_said(metadata):
    path = metadata("filename,finding\na.png,COVID-19\nb.png,SARS\n./a.png,No Finding\na.png,COVID-19\n")

    selection = select_films([path])

    assert [film.row for film in selection.kept] == [2]
    assert [(row.row, row.reason) for row in selection.excluded] == [
        (3, f"same image file as row 1 of {path}, which has another class"),
        (4, f"same image file as row 1 of {path}"),
        (1, f"same image file as row 3 of {path}, which has another class"),
    ]
    assert selection.funnel[-1] == FunnelStep(rule="image file is listed once", removed=3, left=1)
    assert selection.notes == [
        f"Image files that have both classes in the metadata, left out: 1 (for example that of row 1 of {path})."
    ]


@pytest.fixture
def secret(tmp_path):
    """A file outside the folder of the metadata."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "x.png").touch()
    return tmp_path / "private" / "x.png"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("", "../private/x.png"),
        ("", "..\\private\\x.png"),
        ("", "/ABSOLUTE/x.png"),
        ("", "sub/../../private/x.png"),
        ("../private", "x.png"),
        ("/ABSOLUTE", "x.png"),
        ("", "file-link.png"),
        ("", "folder-link/x.png"),
        ("folder-link", "x.png"),
        ("", "folder-link/../private/x.png"),
    ],
)
def test_no_image_outside_the_folder_of_the_metadata_is_read(metadata, secret, folder, name):
    path = metadata("", films="a.png sub/b.png")
    (path.parent / "file-link.png").symlink_to(secret)
    (path.parent / "folder-link").symlink_to(secret.parent)
    row = f"{folder},{name},COVID-19".replace("/ABSOLUTE", str(secret.parent))
    path.write_text(f"folder,filename,finding\n,a.png,SARS\n{row}\n")

    selection = select_films([path])

    assert [film.row for film in selection.kept] == [1]
    assert [row.reason for row in selection.excluded] == ["image file is outside the given folder"]
    assert selection.notes == [
        f"Rows that name an image outside the given folder, left out: 1 (for example row 2 of {path}). Give the folder "
        "of the images to use them."
    ]
    # The folder that is given may be anywhere, and a link itself.
    (path.parent / "given").symlink_to(secret.parent)
    for given in (secret.parent, path.parent / "given"):
        path.write_text("filename,finding\nx.png,COVID-19\n")
        assert [film.image for film in select_films([path], images=given).kept] == [given / "x.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_within_the_folder_are_followed(metadata):
    path = metadata("filename,finding\nlink.png,x\nlinked/b.png,x\n/ABSOLUTE/c.png,x\n", films="a.png sub/b.png c.png")
    path.write_text(path.read_text().replace("/ABSOLUTE", str(path.parent)))
    (path.parent / "link.png").symlink_to("a.png")
    (path.parent / "linked").symlink_to(path.parent / "sub")

    assert [film.row for film in select_films([path]).kept] == [1, 2, 3]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_names_in_other_scripts_are_found_composed_or_decomposed(metadata, on_disk, in_table):
    names = ["é/müller.png", "胸部.png", "צילום.png", "🫁.png", "Ω.png"]
    path = metadata("", films=" ".join(unicodedata.normalize(on_disk, name) for name in names))
    rows = [unicodedata.normalize(in_table, name) for name in names]
    path.write_text("filename,finding\n" + "".join(f"{name},x\n" for name in rows), encoding="utf-8")

    assert len(select_films([path]).kept) == len(names)


@pytest.mark.parametrize("name", ["A.PNG", "a.png\0", "CON", "a.png/..", "//", "~/a.png", "$HOME/a.png", "x" * 5000])
def test_a_name_of_no_file_is_left_out(metadata, name):
    path = metadata("filename,finding\na.png,x\n" + (f"{name},x\n" if "\0" not in name else "\\0,x\n"))
    if (path.parent / "A.PNG").exists():
        pytest.skip("this file system ignores case")

    selection = select_films([path])
    assert [film.row for film in selection.kept] == [1]
    assert {row.reason for row in selection.excluded} <= {"no image file", "image file is outside the given folder"}


def test_rows_of_several_files_keep_their_source_and_row_number(metadata, tmp_path):
    first = metadata("filename,finding\na.png,x\nb.png,x\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").touch()
    (other / "rows.csv").write_text("filename,finding\na.png,COVID-19\n../source/b.png,x\n")

    selection = select_films([first, other / "rows.csv"])

    assert [(film.source, film.row, film.label) for film in selection.kept] == [
        ("source", 1, "non_covid"),
        ("source", 2, "non_covid"),
        ("other", 1, "covid"),
    ]
    assert selection.excluded[0].reason == f"same image file as row 2 of {first}"
    assert selection.excluded[0].metadata == str(other / "rows.csv")


def test_an_error_without_remaining_rows_shows_the_funnel(metadata):
    path = metadata("filename,finding,view\na.png,x,L\nmissing.png,x,PA\n")

    with pytest.raises(MetadataError) as caught:
        select_films([path])

    assert caught.value.message == (
        "Expected frontal X-rays with a finding and an image file. Received: 2 rows, of which none is left "
        "(modality is X-ray: 2 left; view is PA, AP, AP Supine: 1 left; finding is known: 1 left; "
        "image file exists: 0 left; image file is listed once: 0 left)."
    )
    assert caught.value.hint == "Say where the images are with --images DIR, or which views to keep with --views"


def test_a_header_without_rows_is_an_error(metadata):
    with pytest.raises(MetadataError, match=r"Received: 0 rows, of which none is left"):
        select_films([metadata("filename,finding\n")])
