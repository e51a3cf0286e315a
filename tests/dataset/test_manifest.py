"""The manifest is read back as written, and a damaged one is refused."""

import dataclasses
import os

import pytest

from cxr_cli.dataset.manifest import Film, dataset_fingerprint, films_by_part, read_manifest, write_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import PARTS, DatasetFolder
from cxr_cli.workspace.records import stamp, write_record

HEADER = "path,label,split,patient,group,source,view,sex,age,finding,location,sha256,phash,original"
HINT = "Make it again: cxr prepare --metadata dataset/metadata.csv"


def film(number: int, **changes: str) -> Film:
    values = {
        "path": f"split/train/covid/{number}.png",
        "label": "covid",
        "split": "train",
        "patient": str(number),
        "group": f"clinic:{number}",
        "source": "clinic",
        "view": "PA",
        "sex": "F",
        "age": "65",
        "finding": "COVID-19",
        "location": "Hospital A",
        "sha256": f"{number:064x}",
        "phash": f"{number:016x}",
        "original": f"clinic/{number}.png",
    }
    return Film(**(values | changes))


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


def write_whole(dataset: DatasetFolder, films: list[Film]) -> None:
    """Write a manifest, and as much of the dataset's record as it takes to read it."""
    write_manifest(dataset.manifest, films)
    counts = {part: {"non_covid": 0, "covid": 0} for part in PARTS}
    record = DatasetRecord(
        schema_version=DatasetRecord.VERSION,
        **stamp(),
        options={},
        rows=len(films),
        funnel=[],
        findings={},
        films=counts,
        patients=dict.fromkeys(PARTS, 0),
        films_without_patient=0,
        class_indices={"non_covid": 0, "covid": 1},
        fingerprint=dataset_fingerprint(films),
    )
    write_record(dataset.record, record)


def refusal(dataset: DatasetFolder) -> WorkspaceError:
    with pytest.raises(WorkspaceError) as caught:
        read_manifest(dataset)
    return caught.value


def test_a_manifest_has_a_header_and_one_line_per_film(dataset):
    write_manifest(dataset.manifest, [film(1)])

    assert (
        dataset.manifest.read_bytes()
        == (
            f"{HEADER}\nsplit/train/covid/1.png,covid,train,1,clinic:1,clinic,PA,F,65,COVID-19,Hospital A,"
            f"{1:064x},{1:016x},clinic/1.png\n"
        ).encode()
    )


def test_films_are_read_back_as_written(dataset):
    films = [
        film(1),
        film(2, finding="COVID-19, ARDS", patient="", view='"AP"'),
        film(3, finding="Größe 肺炎", sex=" ", age="065", original="a\nb;c"),
    ]
    write_whole(dataset, films)

    assert read_manifest(dataset) == films
    for others in (films[:2], [*films[:2], film(3, label="non_covid")], [*films[:2], film(4)]):
        write_manifest(dataset.manifest, others)
        error = refusal(dataset)
        assert error.message.startswith(f"Expected the films, classes and parts of {dataset.record} (fingerprint ")
        assert error.hint == HINT


def test_a_manifest_without_films_is_valid(dataset):
    write_whole(dataset, [])

    assert read_manifest(dataset) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Received: ."),
        (b"path,label\na,b\n", "Received: path, label."),
        (HEADER.replace("path,label", "label,path").encode() + b"\n", "Received: label, path, split"),
        (HEADER.encode() + b"\n1,2,train,4,5\n", "in row 1 of"),
        (HEADER.encode() + b"\n1,2,train,4,5,6,7,8,9,10,11,12,13,14,15\n", "in row 1 of"),
        (
            HEADER.encode() + b"\n1,2,val,4,5,6,7,8,9,10,11,12,13,14\n1,2,TEST,4,5,6,7,8,9,10,11,12,13,14\n",
            "in row 2 of",
        ),
        (HEADER.encode() + b"\n\xff\n", "'utf-8' codec can't decode"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_place_and_the_command(dataset, content, reason):
    dataset.manifest.write_bytes(content)

    error = refusal(dataset)
    assert str(dataset.manifest) in error.message
    assert reason in error.message
    assert error.hint == HINT


@pytest.mark.parametrize("path", ["../private.png", "/etc/private.png", "split/../../private.png", "..\\private.png"])
def test_a_path_out_of_the_dataset_is_refused_with_its_row(dataset, path):
    write_manifest(dataset.manifest, [film(1), film(2, path=path)])

    error = refusal(dataset)
    assert error.message == f"Expected a path in {dataset.root} in row 2 of {dataset.manifest}. Received: {path!r}."
    assert error.hint == HINT


def test_a_fold_may_refer_to_the_dataset_of_its_workspace_only(tmp_path):
    fold = DatasetFolder(tmp_path / "workspace" / "crossval" / "cnn" / "fold-1" / "dataset")
    (tmp_path / "workspace" / "dataset" / "split").mkdir(parents=True)
    write_whole(fold, [film(1, path="../../../../dataset/split/a.png")])
    assert [one.path for one in read_manifest(fold)] == ["../../../../dataset/split/a.png"]

    write_whole(fold, [film(1, path="../../../../other/split/a.png")])
    with pytest.raises(WorkspaceError, match="Expected a path in"):
        read_manifest(fold)


def test_a_missing_manifest_is_an_error(dataset):
    error = refusal(dataset)

    assert error.message.startswith(f"Expected a table in {dataset.manifest}. Received: ")
    assert "No such file or directory" in error.message
    assert error.hint == HINT


def test_a_manifest_that_cannot_be_written_is_an_error_and_the_old_one_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_table(path, ["a"], [{"a": 1}])

    def disk_full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        write_table(path, ["a"], [{"a": 2}])

    assert path.read_bytes() == b"a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_in_the_rows_keeps_the_old_manifest(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, ["a"], [{"a": "é"}])

    with pytest.raises(ZeroDivisionError):
        write_table(path, ["a"], ({"a": 1 // (2 - number)} for number in range(10_000)))

    assert path.read_text(encoding="utf-8") == "a\né\n"
    assert list(tmp_path.iterdir()) == [path]


def test_films_are_counted_by_part_and_label_including_zeros():
    films = [film(1), film(2), film(3, split="test"), film(4, split="test", label="non_covid")]

    counts = films_by_part(films, ["non_covid", "covid"])

    assert counts == {
        "train": {"non_covid": 0, "covid": 2},
        "val": {"non_covid": 0, "covid": 0},
        "test": {"non_covid": 1, "covid": 1},
    }
    assert list(counts["train"]) == ["non_covid", "covid"]


def test_the_fingerprint_depends_only_on_content_label_and_part():
    films = [film(1), film(2), film(3)]
    mark = dataset_fingerprint(films)

    assert len(mark) == 64
    assert dataset_fingerprint(films[::-1]) == mark
    assert dataset_fingerprint([dataclasses.replace(one, path="x", original="y", patient="z") for one in films]) == mark
    for change in ({"sha256": "0" * 64}, {"label": "non_covid"}, {"split": "val"}):
        assert dataset_fingerprint([dataclasses.replace(films[0], **change), *films[1:]]) != mark
    assert dataset_fingerprint(films[:2]) != mark
    assert dataset_fingerprint([*films, films[0]]) != mark
