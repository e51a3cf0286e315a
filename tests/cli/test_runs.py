"""`cxr runs` lists runs, also damaged and unfinished ones; `rm` and `rename` take along what belongs to them."""

import json
import re
import shutil
from datetime import date

import pytest

import cxr_cli
from cxr_cli.errors import InUseError, NoRunError, UsageError, WorkspaceError, in_python
from cxr_cli.evaluation.evaluate import evaluate
from cxr_cli.progress import EpochRow
from cxr_cli.recipe.options import read_options
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.checkpoints import Checkpoints
from cxr_cli.training.plan import plan_run
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

RUN = "simple-cnn"


@pytest.fixture(scope="module")
def tested(trained, tmp_path_factory) -> Workspace:
    """A workspace with a run that was tested."""
    workspace = Workspace(tmp_path_factory.mktemp("runs") / "workspace")
    shutil.copytree(trained.root, workspace.root)
    evaluate(workspace)
    return workspace


@pytest.fixture
def own(tested, tmp_path) -> Workspace:
    """A copy of it that a test can change."""
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(tested.root, workspace.root)
    return workspace


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def second(workspace, name="later", **changes):
    """Add a run to a workspace that was trained later."""
    shutil.copytree(workspace.new_run(RUN).root, workspace.new_run(name).root)
    edit(workspace.new_run(name).record, created="2099-01-01T00:00:00+00:00", **changes)


def leave_unfinished(workspace, name):
    """Leave the checkpoint of a training run that was killed."""
    record = read_record(workspace.new_run(RUN).record, RunRecord)
    checkpoints = Checkpoints(
        workspace.checkpoint(name),
        run=name,
        options=read_options(record.options, workspace.new_run(RUN).record),
        dataset=record.dataset_fingerprint,
        original=None,
        resume=False,
    )
    epoch = EpochRow(epoch=3, phase="train", learning_rate=0.1, loss=1, val_loss=1, val_auc=0.5, seconds=1)
    checkpoints.write([epoch], over=False, model=[], optimizer=[], best=[])


def test_the_table_has_what_a_person_asks_about_a_run(cxr, own):
    second(own, dataset_fingerprint="0" * 64)
    result = cxr("runs", "-w", own.root)
    rows = [re.split(r"\s{2,}", line) for line in result.stdout.splitlines()]
    record = read_record(own.new_run(RUN).record, RunRecord)
    figure = json.loads(own.evaluation(RUN, "test").record.read_text())["metrics"]["roc_auc"]

    assert result.exit_code == 0
    assert rows.pop(0) == ["", "films"]
    assert rows[0] == ["run", "architecture", "trained", "train + val", "validation", "test", "size", "dataset"]
    films = " + ".join(str(sum(record.films[part].values())) for part in ("train", "val"))
    auc = f"{record.validation['roc_auc']:.3f}"
    assert rows[1] == [RUN, RUN, record.created[:10], films, auc, f"{figure:.3f}", rows[1][6], "current"]
    assert rows[2] == ["later *", RUN, "2099-01-01", films, auc, "–", rows[1][6], "another"]
    assert re.fullmatch(r"\d\.\d MB", rows[1][6])
    assert "–: not tested, or that test is out of date\n" in result.stdout
    assert "another: trained on another dataset or split than the prepared one\n" in result.stdout
    assert result.stderr == "If you name no run, commands use later (*).\n"
    assert date.fromisoformat(rows[1][2]) <= date.today()


def test_json_has_it_all(cxr, own):
    found = json.loads(cxr("runs", "--json", "-w", own.root).stdout)
    (run,) = found["runs"]
    record = read_record(own.new_run(RUN).record, RunRecord)

    assert found["default"] == RUN
    assert run["bytes"] == sum(path.stat().st_size for path in own.new_run(RUN).root.rglob("*") if path.is_file())
    assert run["trained"] == record.created
    assert run["dataset_fingerprint"] == record.dataset_fingerprint
    assert (run["stale"], run["is_default"], run["damaged"], run["test_missing"]) == (False, True, "", "")
    assert run["test_auc"] == json.loads(own.evaluation(RUN, "test").record.read_text())["metrics"]["roc_auc"]
    assert [one.name for one in cxr_cli.runs(workspace=own.root)] == [RUN]


def test_a_test_that_is_out_of_date_is_no_figure(cxr, own):
    assert cxr("calibrate", "--operating-point", "threshold=0.9", "-w", own.root).exit_code == 0
    (run,) = cxr_cli.runs(workspace=own.root)

    assert (run.test_auc, run.test_missing) == (None, "the operating point of simple-cnn was changed since")
    assert (
        "simple-cnn: tested, but the operating point of simple-cnn was changed since. Test it again: cxr evaluate "
        "simple-cnn\n"
    ) in cxr("runs", "-w", own.root).stdout


def test_damaged_and_unfinished_runs_are_listed_with_the_reason(cxr, own):
    second(own, "gone")
    own.new_run("gone").litert_model.unlink()
    second(own, "cut")
    own.new_run("cut").record.write_text("{")
    second(own, "bare")
    own.new_run("bare").record.unlink()
    leave_unfinished(own, "killed")
    result = cxr("runs", "-w", own.root)

    assert result.exit_code == 0
    assert "Damaged: gone: model.tflite is missing. To remove it: cxr runs rm gone\n" in result.stdout
    assert "Damaged: bare: run.json is missing. To remove it: cxr runs rm bare\n" in result.stdout
    assert re.search(
        r"^Damaged: cut: Expected a RunRecord in .*run\.json\. Received: .*: cxr runs rm cut$", result.stdout, re.M
    )
    assert "Unfinished: killed, stopped after epoch 3. To resume it: cxr train --resume killed\n" in result.stdout
    for name in ("gone", "cut", "bare", "killed"):
        assert cxr("runs", "rm", name, "--yes", "-w", own.root).exit_code == 0
    assert [run.name for run in cxr_cli.runs(workspace=own.root)] == [RUN]
    assert not own.checkpoint("killed").exists()


def test_without_runs_it_says_so(cxr, bundled, tmp_path):
    result = cxr("runs", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (0, f"There is no trained run in {tmp_path}/models.\n")
    assert result.stderr == "If you name no run, commands use the bundled model.\n"


def test_rm_removes_what_belongs_to_the_run_and_says_what_stays(cxr, own):
    second(own)
    for name in (RUN, "later"):
        gallery = own.gallery(name, "gradcam", "films")
        gallery.root.mkdir(parents=True)
        gallery.record.write_text(json.dumps({"run": name}))
    own.report(RUN).root.mkdir(parents=True)
    own.model_audit(RUN).root.mkdir(parents=True)
    own.comparison.root.mkdir()
    own.comparison.csv.write_text(f"run,arch\n{RUN},{RUN}\n")
    result = cxr("runs", "rm", RUN, "--yes", "-w", own.root)

    assert result.exit_code == 0
    assert re.match(r"Removed simple-cnn \(\d\.\d MB\):\n", result.stdout)
    assert result.stdout.splitlines()[1:] == [
        f"  {own.models}/simple-cnn",
        f"  {own.root}/evaluations/simple-cnn",
        f"  {own.root}/reports/simple-cnn",
        f"  {own.root}/audit/simple-cnn",
        f"  {own.root}/heatmaps/simple-cnn-gradcam-films",
        f"Not removed: {own.root}/comparison compares it with others; cxr compare writes it again.",
    ]
    assert [run.name for run in cxr_cli.runs(workspace=own.root)] == ["later"]
    left = [path for path in own.root.rglob("*") if RUN in path.name and not path.name.startswith(".lock")]
    assert left == []
    assert own.gallery("later", "gradcam", "films").record.is_file()


def test_rm_asks_on_a_terminal_and_is_refused_without(cxr, own, monkeypatch):
    refused = cxr("runs", "rm", RUN, "-w", own.root)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "Error: Expected a confirmation to remove the run simple-cnn. Received: none, and no terminal to ask on.\n"
        "To remove it without a question: cxr runs rm simple-cnn --yes\n"
    )

    monkeypatch.setattr("cxr_cli.cli.runs_output.sys.stdin.isatty", lambda: True, raising=False)
    for answer, names in (("n", [RUN]), ("", [RUN]), ("y", [])):
        monkeypatch.setattr("builtins.input", lambda answer=answer: answer)
        asked = cxr("runs", "rm", RUN, "-w", own.root)
        assert asked.exit_code == 0
        assert re.match(r"This removes \d\.\d MB for good:\n", asked.stderr)
        assert asked.stderr.endswith("Remove the run simple-cnn? [y/N]\n")
        assert [run.name for run in cxr_cli.runs(workspace=own.root)] == names


def test_a_renamed_run_keeps_its_test(cxr, own):
    shutil.copytree(own.evaluation(RUN, "test").root, own.evaluation(RUN, "elsewhere").root)
    own.evaluation(RUN, "elsewhere").record.write_text("{")  # damaged: it stays as it is
    before = cxr_cli.runs(workspace=own.root)[0]
    result = cxr("runs", "rename", RUN, "small", "-w", own.root)
    (run,) = cxr_cli.runs(workspace=own.root)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:4] == [
        "simple-cnn is called small now:",
        f"  {own.models}/small",
        f"  {own.root}/evaluations/small/elsewhere",
        f"  {own.root}/evaluations/small/test",
    ]
    assert (run.name, run.test_auc, run.bytes) == ("small", before.test_auc, before.bytes)
    assert json.loads(own.evaluation("small", "test").record.read_text())["run"] == "small"
    assert own.evaluation("small", "elsewhere").record.read_text() == "{"
    assert own.evaluation("small", "test").predictions.is_file()
    assert not own.evaluations(RUN).exists()
    assert cxr("compare", "small", "-w", own.root).stderr == ""  # not tested again


def test_what_still_has_the_old_name_is_said(own):
    own.report(RUN).root.mkdir(parents=True)
    renamed = cxr_cli.rename_run(RUN, "small", workspace=own.root)

    assert renamed.stays == [f"{own.report(RUN).root} still says simple-cnn; to write it again: cxr report small"]


def test_a_rename_is_refused_where_it_cannot_be_whole(own):
    second(own)
    leave_unfinished(own, RUN)
    with pytest.raises(WorkspaceError, match="Expected a run whose training is finished"):
        cxr_cli.rename_run(RUN, "small", workspace=own.root)
    own.checkpoint(RUN).unlink()
    with pytest.raises(WorkspaceError, match=r"Expected a name that is not taken\. Received: later"):
        cxr_cli.rename_run(RUN, "later", workspace=own.root)
    with pytest.raises(UsageError, match="a run's name of letters"):
        cxr_cli.rename_run(RUN, "../small", workspace=own.root)
    with pytest.raises(UsageError, match="which is that of the model in the package"):
        cxr_cli.rename_run(RUN, "bundled", workspace=own.root)
    with own.lock_run(RUN), pytest.raises(InUseError):
        cxr_cli.rename_run(RUN, "small", workspace=own.root)
    with own.lock_run(RUN), pytest.raises(InUseError):
        cxr_cli.remove_run(RUN, workspace=own.root)
    assert sorted(run.name for run in cxr_cli.runs(workspace=own.root)) == ["later", RUN]


@pytest.mark.parametrize("name", ["gone", "../models", "", ".", "bundled"])
def test_a_run_that_is_not_there_is_no_run(own, name):
    with pytest.raises(NoRunError):
        cxr_cli.remove_run(name, workspace=own.root)
    with pytest.raises(NoRunError):
        cxr_cli.rename_run(name, "small", workspace=own.root)
    assert own.new_run(RUN).record.is_file()


def test_a_plan_knows_the_name_after_a_removal(own):
    cxr_cli.remove_run(RUN, workspace=own.root)

    assert plan_run(own, arch=RUN).name == RUN


def test_hints_are_written_in_python():
    assert in_python("To remove it: cxr runs rm later --yes") == "To remove it: cxr.remove_run('later', yes=True)"
    assert in_python("cxr runs rename a b") == "cxr.rename_run('a', 'b')"
    assert in_python("cxr runs") == "cxr.runs()"
