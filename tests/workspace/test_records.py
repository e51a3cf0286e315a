"""Records are read back as written; anything else is refused with a hint."""

import json
import re
from importlib.metadata import packages_distributions, version

import msgspec
import pytest

from cxr_cli.dataset.classes import Classes, read_classes, write_classes
from cxr_cli.dataset.record import DatasetRecord, FunnelStep
from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.record import Abstentions, CalibrationFigures, EvaluationRecord
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.lungs.framing import Framing
from cxr_cli.metrics.calibration import CALIBRATION_FIGURES
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.operating_points import NEVER
from cxr_cli.metrics.table import METRICS
from cxr_cli.recipe.record import ExportCheck, RunRecord
from cxr_cli.workspace.records import read_record, stamp, write_record

COUNTS = {part: {"non_covid": 3, "covid": 4} for part in ("train", "val", "test")}
FIGURES = dict.fromkeys(CALIBRATION_FIGURES, 0.1)
MADE = {"created": "2024-05-01T12:00:00+00:00", "versions": {"cxr-cli": "0.1.0"}}
DATASET = DatasetRecord(
    **MADE,
    schema_version=DatasetRecord.VERSION,
    options={"metadata": ["a.csv"], "images": None, "seed": 0, "link": False},
    rows=30,
    funnel=[FunnelStep(rule="modality is X-ray", removed=9, left=21)],
    findings={"covid": {"COVID-19": 12}, "non_covid": {"Größe": 9}},
    films=COUNTS,
    patients={"train": 6, "val": 6, "test": 6},
    films_without_patient=0,
    class_indices={"non_covid": 0, "covid": 1},
    fingerprint="f" * 64,
)
RUN = RunRecord(
    **MADE,
    schema_version=RunRecord.VERSION,
    arch="mobilenetv2",
    options={"epochs": 5},
    weights={"source": "file"},
    input_size=224,
    parameters=1,
    trainable_parameters=1,
    class_indices={"non_covid": 0, "covid": 1},
    threshold=0.1 + 0.2,
    dataset_fingerprint="f" * 64,
    films=COUNTS,
    epochs=5,
    best_epoch=0,
    stopped_by="epochs",
    validation={"auc": 0.9, "specificity": None},
    export=ExportCheck(films=8, max_probability_difference=1e-7, max_cam_difference=0.0),
    seconds={"train": 1.5},
)
REPORT = EvaluationRecord(
    **MADE,
    schema_version=EvaluationRecord.VERSION,
    run="r",
    run_created="2026-01-01T00:00:00+00:00",
    weights_sha256="0" * 64,
    dataset_fingerprint="0" * 64,
    arch="mobilenetv2",
    split="test",
    positive="covid",
    negative="non_covid",
    threshold=0.5,
    operating_point=None,
    films=7,
    patients=6,
    positives=4,
    negatives=3,
    metrics=dict.fromkeys(METRICS, 0.75) | {"roc_auc": None},
    intervals=dict.fromkeys(METRICS, Interval(low=0.3, high=0.9)) | {"roc_auc": None},
    interval_method="Wilson",
    calibration=CalibrationFigures(slope=None, intercept=None, raw=FIGURES, calibrated=FIGURES),
    predictive_values=None,
    confusion_matrix={"true_positive": 3, "false_positive": 1, "false_negative": 1, "true_negative": 2},
    classification_report={"covid": {"precision": 0.75}},
    subgroups=[],
    abstentions=Abstentions(films=0, reasons={}, positives=0, metrics_without={}),
    same_dataset=True,
    seen=None,
    external=None,
    sets=None,
)
HINTS = {
    DatasetRecord: "Make it again: cxr prepare --metadata dataset/metadata.csv",
    RunRecord: "Make it again: cxr train --arch mobilenetv2 --class-weight",
    EvaluationRecord: "Make it again: cxr evaluate",
}


@pytest.mark.parametrize("record", [DATASET, RUN, REPORT], ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_as_written(tmp_path, record):
    write_record(tmp_path / "record.json", record)

    assert read_record(tmp_path / "record.json", type(record)) == record


def test_a_record_is_indented_utf8_json_with_a_final_newline(tmp_path):
    write_record(tmp_path / "record.json", DATASET)

    text = (tmp_path / "record.json").read_text(encoding="utf-8")
    assert text.startswith(
        f'{{\n  "schema_version": {DatasetRecord.VERSION},\n  "created": "2024-05-01T12:00:00+00:00",\n'
    )
    assert text.endswith("}\n")
    assert '"Größe": 9' in text


def test_a_dataset_of_version_2_keeps_its_framing_and_lacks_reasons(tmp_path):
    framed = msgspec.structs.replace(DATASET, framing=Framing(kind="crop", method="unet"))
    fields = json.loads(msgspec.json.encode(framed)) | {"schema_version": 2}
    del fields["failed"]
    (tmp_path / "dataset.json").write_text(json.dumps(fields))

    assert read_record(tmp_path / "dataset.json", DatasetRecord) == framed


def test_grades_of_version_2_lack_reasons():
    fields = GradesRecord.upgrade({"schema_version": 2, "failed": ["a.png"], "films": []})

    assert fields == {"schema_version": 2, "failed": {"a.png": ""}, "films": []}


def test_a_record_is_immutable():
    with pytest.raises(AttributeError):
        DATASET.rows = 1


def test_a_stamp_holds_the_utc_time_and_the_versions():
    made = stamp()

    assert list(made) == ["created", "versions"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made["created"])
    assert made["versions"] == {
        name: version(packages_distributions()["tensorflow"][0] if name == "tensorflow" else name)  # or tensorflow-cpu
        for name in (
            *("cxr-cli", "tensorflow", "keras", "ai-edge-litert", "numpy", "pillow"),
            *("scikit-learn", "scikit-fuzzy", "scipy", "xgboost"),
        )
    }


@pytest.mark.parametrize("record", [DATASET, RUN, REPORT], ids=lambda record: type(record).__name__)
def test_another_version_is_refused_before_unknown_keys(tmp_path, record):
    path = tmp_path / "record.json"
    path.write_text('{"schema_version": 99, "colour": "blue"}')

    with pytest.raises(WorkspaceError) as caught:
        read_record(path, type(record))

    assert caught.value.message == f"Expected version {record.VERSION} of the record {path}. Received: version 99."
    assert caught.value.hint == HINTS[type(record)]


def damaged(**changes: object) -> bytes:
    return json.dumps(msgspec.to_builtins(DATASET) | changes).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (damaged()[:-9], "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `schema_version`"),
        (damaged(schema_version="1"), "Expected `int`, got `str` - at `$.schema_version`"),
        (damaged(colour="blue"), "Object contains unknown field `colour`"),
        (damaged(rows="30"), "Expected `int`, got `str` - at `$.rows`"),
        (damaged(funnel=[{"rule": "", "removed": 0, "left": 0, "more": 1}]), "unknown field `more` - at `$.funnel[0]`"),
        (damaged().replace(b'"created": "2', b'"created": "\xff'), "utf-8"),
    ],
)
def test_a_damaged_record_is_refused_with_the_reason_and_the_command(tmp_path, content, reason):
    path = tmp_path / "dataset.json"
    path.write_bytes(content)

    with pytest.raises(WorkspaceError) as caught:
        read_record(path, DatasetRecord)

    assert caught.value.message.startswith(f"Expected a DatasetRecord in {path}. Received: ")
    assert reason.casefold() in caught.value.message.casefold()
    assert caught.value.hint == HINTS[DatasetRecord]


def test_a_missing_record_is_an_error_that_names_the_command(tmp_path):
    with pytest.raises(WorkspaceError) as missing:
        read_record(tmp_path / "run.json", RunRecord)
    with pytest.raises(WorkspaceError) as folder:
        read_record(tmp_path, RunRecord)

    path = tmp_path / "run.json"
    assert missing.value.message == f"Expected to read {path}. Received: No such file or directory."
    assert folder.value.message == f"Expected to read {tmp_path}. Received: Is a directory."
    assert missing.value.hint == folder.value.hint == HINTS[RunRecord]


def test_class_indices_are_json_as_keras_users_know_it(tmp_path):
    write_classes(tmp_path / "class_indices.json", Classes(negative="non_covid", positive="covid"))

    assert (tmp_path / "class_indices.json").read_bytes() == b'{"non_covid":0,"covid":1}\n'


def test_the_class_with_index_1_is_positive_in_any_order(tmp_path):
    path = tmp_path / "class_indices.json"
    for text in ('{"non_covid": 0, "covid": 1}', '{"covid": 1, "non_covid": 0}'):
        path.write_text(text)
        assert read_classes(path) == Classes("non_covid", "covid")
    path.write_text('{"covid": 0, "non_covid": 1}')
    assert read_classes(path) == Classes("covid", "non_covid")


@pytest.mark.parametrize(
    "indices",
    [
        {},
        {"covid": 1},
        {"a": 0, "b": 0},
        {"a": 1, "b": 1},
        {"a": 1, "b": 2},
        {"a": -1, "b": 1},
        {"a": 0, "b": 1, "c": 2},
        {"a": 0, "b": 1, "c": 1},
    ],
)
def test_class_indices_must_be_0_and_1(tmp_path, indices):
    path = tmp_path / "class_indices.json"
    path.write_text(json.dumps(indices))

    with pytest.raises(WorkspaceError) as caught:
        read_classes(path)

    assert caught.value.message == (
        f"Expected two classes in {path}, the negative one 0 and the positive one 1. Received: {indices}."
    )
    assert caught.value.hint == HINTS[RunRecord]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[0, 1]", b'{"a": 0, "b": true}', b'{"a": 0, "b": 1.5}', b'{"\xff": 0}']
)
def test_class_indices_of_other_types_are_refused(tmp_path, content):
    path = tmp_path / "class_indices.json"
    path.write_bytes(content)

    with pytest.raises(WorkspaceError) as caught:
        read_classes(path)

    assert caught.value.message.startswith(f"Expected class names and their indices in {path}. Received: ")
    assert caught.value.hint == HINTS[RunRecord]


def test_missing_class_indices_are_an_error_with_the_path(tmp_path):
    with pytest.raises(WorkspaceError, match=r"^Expected to read .*class_indices\.json\. Received: No such file"):
        read_classes(tmp_path / "class_indices.json")


def test_a_file_name_that_is_not_utf8_is_spelled(tmp_path):
    write_record(tmp_path / "record.json", msgspec.structs.replace(DATASET, options={"images": "film\udcff"}))

    assert read_record(tmp_path / "record.json", DatasetRecord).options == {"images": r"film\udcff"}


def test_a_threshold_that_calls_no_film_positive_is_kept(tmp_path):
    write_record(tmp_path / "run.json", msgspec.structs.replace(RUN, threshold=NEVER))

    assert read_record(tmp_path / "run.json", RunRecord).threshold == NEVER > 1
