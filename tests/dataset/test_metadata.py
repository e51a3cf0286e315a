"""Metadata: which rows become films of which class, and why the others are excluded."""

from pathlib import Path

import pytest

from cxr_cli.dataset.metadata import Exclusion, label_names, names_finding, select_films
from cxr_cli.dataset.record import FunnelStep
from cxr_cli.dataset.table import read_table
from cxr_cli.errors import MetadataError

HINT = "Give a CSV file with at least the columns filename and finding: cxr prepare --metadata FILE"


@pytest.fixture
def table(tmp_path):
    """Write the given bytes or text to a metadata file, and read it."""

    def read(content: bytes | str) -> list[dict[str, str]]:
        (tmp_path / "metadata.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_table(tmp_path / "metadata.csv"))

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
        list(read_table(path))
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


def test_the_first_of_two_columns_of_the_same_name_is_used(table):
    assert table("finding,filename,finding\nCOVID-19,a.png,SARS\n") == [{"finding": "COVID-19", "filename": "a.png"}]


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
        (bytes(range(256)), "it is not text"),
        ("filename,finding\na.png,x\n".encode("utf-16"), "it is not text"),
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
        f"Expected a metadata file. Received: {tmp_path / 'metadata.csv'}: No such file or directory."
    )
    assert folder.message == f"Expected a metadata file. Received: {tmp_path}: Is a directory."
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


def test_semicolons_as_separators_are_reported(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text("filename;finding\n1;2\n")

    assert refusal(path).hint == "Save it with commas between the columns"


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


@pytest.mark.parametrize("positive", ["", " ", "-", "肺炎"])
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
10,SARS,ap supine,x ray,./a.png
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
