"""No command prints a line that is wider than the terminal, but for a path or command that a person may copy."""

import json
import re
import shutil
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from cxr_cli.auditing.audit import Audited
from cxr_cli.auditing.model_audit import ModelAudited
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.cli import terminal
from cxr_cli.cli.audit_output import show_audit
from cxr_cli.cli.compare import show_comparison
from cxr_cli.cli.crossval_output import show_crossval
from cxr_cli.cli.evaluate_output import show_evaluation
from cxr_cli.cli.evaluate_summary import show_summary
from cxr_cli.cli.gradcam_output import show_heat_maps
from cxr_cli.cli.prepare_output import show_prepared
from cxr_cli.cli.segment_output import show_segmentation
from cxr_cli.cli.train_output import show_architectures, show_run
from cxr_cli.dataset.prepare import Prepared
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.doubts import alarm, warning
from cxr_cli.evaluation.compare import Comparison
from cxr_cli.evaluation.comparison import PAIRED, ComparedPair, ComparedRun
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.crossval.study import CrossValidated
from cxr_cli.evaluation.evaluate import Evaluated
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.explanation.explain_all import Gallery
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.lungs.record import SegmentationRecord
from cxr_cli.lungs.segment_all import Segmentation
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.paired_differences import Difference
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.make_run import TrainedRun
from cxr_cli.workspace.folders import GalleryFolder, SegmentationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

WIDTHS = (60, 80, 100, 200)
ARCHIVE = max((Path(__file__).parents[1] / "workspaces").glob("*.zip"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """A real workspace: each command's record, but for that of `compare`."""
    root = tmp_path_factory.mktemp("a-folder-of-a-project-with-a-long-name") / "workspace"
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(root)
    return Workspace(root)


@pytest.fixture
def lines(monkeypatch, capfd):
    """What a function prints on terminals of some widths, by width."""

    def of(show, *arguments, **options):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        printed = {}
        for width in WIDTHS:
            monkeypatch.setenv("COLUMNS", str(width))
            capfd.readouterr()
            show(*arguments, **options)
            printed[width] = re.sub(r"\x1b\[\d*m", "", capfd.readouterr().out).splitlines()
        return printed

    return of


def assert_fit(printed):
    for width, lines in printed.items():
        assert len(lines) > 2
        for line in lines:
            copied = re.sub(terminal._COMMAND, "x", line).split()
            assert len(line) <= width or len(copied) == 1, (width, line)


def older(path, kind, **fields):
    """A record of an earlier version, which a command would ask to make again."""
    return msgspec.convert(json.loads(path.read_text()) | {"schema_version": kind.VERSION, **fields}, kind)


def made(workspace, command):
    """The function that prints a command's result, and the result."""
    if command in {"evaluate", "evaluate --all"}:
        folder = workspace.evaluation("cnn", "test")
        return show_evaluation, Evaluated(folder, read_record(folder.record, EvaluationRecord), [])
    if command == "audit":
        return show_audit, Audited(workspace.audit, older(workspace.audit.record, AuditRecord))
    if command == "audit RUN":
        folder = workspace.model_audit("cnn")
        return show_audit, ModelAudited(folder, read_record(folder.record, ModelAuditRecord))
    if command == "crossval":
        folder = workspace.crossval("folds")
        return show_crossval, CrossValidated(folder, read_record(folder.record, CrossvalRecord))
    if command == "gradcam":
        folder = GalleryFolder(workspace.root / "heatmaps" / "cnn-gradcam-test")
        return show_heat_maps, Gallery(workspace.run("cnn"), folder, read_record(folder.record, GradesRecord), [])
    if command == "segment":
        folder = SegmentationFolder(workspace.root / "segmentations" / "unet")
        return show_segmentation, Segmentation(folder, older(folder.record, SegmentationRecord, failed={}), [])
    if command == "prepare":
        return show_prepared, Prepared(workspace.dataset, read_record(workspace.dataset.record, DatasetRecord), [], [])
    run = workspace.run("cnn")
    return show_run, TrainedRun(run, read_record(run.record, RunRecord), replaced=False)


@pytest.mark.parametrize(
    "command",
    ["prepare", "audit", "train", "evaluate", "evaluate --all", "audit RUN", "crossval", "gradcam", "segment"],
)
def test_the_output_of_a_command_fits(workspace, lines, command):
    show, result = made(workspace, command)
    options = {"everything": True} if command == "evaluate --all" else {}
    options |= {} if command == "crossval" else {"as_json": False}

    assert_fit(lines(show, result, **options))


def test_the_architectures_fit(lines):
    assert_fit(lines(show_architectures, as_json=False))


def test_a_comparison_fits(workspace, lines):
    """Of runs with long names; the figures are those of the test."""
    evaluation = read_record(workspace.evaluation("cnn", "test").record, EvaluationRecord)
    names = ["mobilenetv2-imagenet-fine-tuned-again", "xception-frozen"]
    for name in names:
        shutil.copytree(workspace.run("cnn").root, workspace.models / name)
    rows = [
        ComparedRun(
            name, "xception", evaluation.metrics, evaluation.intervals, 20_861_480, 84_000_000, 43.21, 6e3, same
        )
        for name, same in zip(names, (True, False), strict=True)
    ]
    difference = Difference(value=-0.1234, interval=Interval(low=-0.2345, high=0.0123))
    differences = {metric.name: difference for metric in PAIRED}
    pair = ComparedPair(*names, 77, 47, 3, -0.1234, -0.2345, 0.0123, 0.2, 12, 10, 0.5, 0.4, 1.0, 2, differences)
    title = "Runs on the 77 test films: 63 covid, 14 non_covid"
    timing = "time: per film, mean of 20 films, one by one."
    comparison = Comparison(rows, [pair], {}, {"covid": 63, "non_covid": 14}, title, timing, workspace.comparison)
    printed = lines(show_comparison, comparison, workspace, as_json=False)

    assert_fit(printed)
    assert max(map(len, printed[200])) > 100
    assert sum("left out:" in line for line in printed[60]) == 3


def test_alarms_without_room_are_counted_on_a_terminal_and_printed_in_a_pipe(workspace, lines, capfd, monkeypatch):
    _, result = made(workspace, "evaluate")
    doubts = [alarm(f"Alarm number {number} takes two lines, since it says {'very ' * 10}much.") for number in range(9)]
    doubts.append(warning("It is late."))
    on_terminal = lines(show_summary, result, doubts, ["cnn on test"])[80]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    show_summary(result, doubts, ["cnn on test"])
    in_a_pipe = capfd.readouterr().out.splitlines()

    shown = [line for line in on_terminal if line.startswith("Alarm: ")]
    assert len(on_terminal) <= 23
    assert f"More with --all: {9 - len(shown)} alarms and 1 warning." in on_terminal
    assert [line for line in in_a_pipe if ": " in line][:10] == [str(doubt) for doubt in doubts]


def test_an_evaluation_fits_on_one_screen(workspace, lines):
    show, result = made(workspace, "evaluate")
    printed = lines(show, result)

    assert len(printed[80]) < 24
    assert printed[80][0].startswith("cnn on test: ")
    assert [line.split("  ")[0] for line in printed[80] if "●" in line] == ["ROC AUC", "Sensitivity", "Specificity"]
    assert printed[80][-1] == "For research and teaching only, never a diagnosis."
