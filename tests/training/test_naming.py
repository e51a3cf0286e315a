"""The name of a training run: nothing is overwritten unless that is asked for. No TensorFlow."""

import os
import re
import socket
from contextlib import ExitStack

import pytest

from cxr_cli.cli.console import ConsoleWatcher
from cxr_cli.errors import InUseError, UsageError, WorkspaceError
from cxr_cli.progress import watched_by
from cxr_cli.training.naming import hold_name
from cxr_cli.training.plan import plan_run


def named(workspace, **options):
    """The name that a training run gets."""
    with hold_name(workspace, plan_run(workspace, **options)) as plan:
        return plan.name


def files(workspace):
    return {path: path.read_bytes() for path in workspace.models.rglob("*") if path.is_file()}


def test_the_next_run_of_an_architecture_gets_the_next_number(own_trained, capsys):
    before = files(own_trained)
    with watched_by(ConsoleWatcher()):
        assert named(own_trained, arch="simple-cnn") == "simple-cnn-2"
    assert re.fullmatch(
        r"Training the run simple-cnn-2\. There is already simple-cnn, a run of 20\d\d-\d\d-\d\d \(simple-cnn, 2 "
        r"epochs, validation AUC \d\.\d{3}\), which stays as it is\. To replace it instead: Ctrl-C, then "
        r"the same command with --replace\n",
        capsys.readouterr().err,
    )
    own_trained.new_run("simple-cnn-2").root.mkdir()
    assert named(own_trained, arch="simple-cnn") == "simple-cnn-2"  # nothing is in it
    (own_trained.new_run("simple-cnn-2").root / "notes.txt").write_text("mine")
    assert named(own_trained, arch="simple-cnn") == "simple-cnn-3"
    assert named(own_trained, arch="mobilenetv2") == "mobilenetv2"
    assert {path: data for path, data in files(own_trained).items() if path in before} == before


def test_a_run_that_is_trained_again_gets_the_next_number_too(own_trained):
    assert named(own_trained, from_run="simple-cnn") == "simple-cnn-again"
    own_trained.run().root.rename(own_trained.new_run("simple-cnn-again").root)
    assert named(own_trained, from_run="simple-cnn-again") == "simple-cnn-again-again"
    assert named(own_trained, arch="simple-cnn") == "simple-cnn"


def test_a_chosen_name_that_is_taken_is_refused_with_what_is_there_and_the_ways_out(own_trained):
    with pytest.raises(WorkspaceError) as refused:
        named(own_trained, arch="simple-cnn", name="simple-cnn")

    assert re.fullmatch(
        r"Expected a name for the run that is not taken\. Received: simple-cnn, a run of 20\d\d-\d\d-\d\d "
        r"\(simple-cnn, 2 epochs, validation AUC \d\.\d{3}\)\.",
        refused.value.message,
    )
    assert refused.value.hint == (
        "To replace it: --replace. To keep it: another --name, or no --name, which adds a number"
    )


def test_replace_takes_the_name(own_trained, capsys):
    with watched_by(ConsoleWatcher()):
        assert named(own_trained, arch="simple-cnn", replace=True) == "simple-cnn"
        assert named(own_trained, arch="mobilenetv2", name="simple-cnn", replace=True) == "simple-cnn"
    assert capsys.readouterr().err.startswith("Training the run simple-cnn, which replaces a run of 20")
    with pytest.raises(UsageError, match="a run to resume or a run to replace"):
        plan_run(own_trained, resume="simple-cnn", replace=True)


def test_a_damaged_run_is_kept_too(own_trained, capsys):
    own_trained.run().record.write_text("{")
    with watched_by(ConsoleWatcher()):
        assert named(own_trained, arch="simple-cnn") == "simple-cnn-2"
    assert "There is already simple-cnn, a run whose record can't be read, which stays" in capsys.readouterr().err


def test_two_that_train_at_once_get_different_names(own_trained, capsys):
    with ExitStack() as running, watched_by(ConsoleWatcher()):
        names = [
            running.enter_context(hold_name(own_trained, plan_run(own_trained, arch="mobilenetv2"))).name
            for _ in range(3)
        ]
        assert names == ["mobilenetv2", "mobilenetv2-2", "mobilenetv2-3"]
        assert re.search(
            r"Training the run mobilenetv2-2, because Python \(process \d+ on \S+, since [^)]+\) is "
            r"writing mobilenetv2\n",
            capsys.readouterr().err,
        )
        for options in ({"name": "mobilenetv2"}, {"replace": True}):
            with pytest.raises(InUseError, match="to be free"):
                named(own_trained, arch="mobilenetv2", **options)
    assert named(own_trained, arch="mobilenetv2") == "mobilenetv2"


def test_another_run_that_is_being_trained_meanwhile_is_named(own_trained, capsys):
    signature = "{}\t{}\tcxr train\twriting\t2026-01-02 03:04:05\n"
    here = signature.format(os.getppid(), socket.gethostname())
    (own_trained.models / ".lock-resnet50").write_text(here)
    (own_trained.models / ".lock-ended").write_text(signature.format(2**22 + 1, socket.gethostname()))
    (own_trained.models / ".lock-read").write_text(here.replace("writing", "reading"))
    (own_trained.models / ".lock-elsewhere").write_text(signature.format(os.getppid(), "another-machine"))

    with watched_by(ConsoleWatcher()):
        assert named(own_trained, arch="mobilenetv2") == "mobilenetv2"

    assert capsys.readouterr().err == (
        "Training the run mobilenetv2\n"
        f"cxr train (process {os.getppid()}, since 2026-01-02 03:04:05) is writing resnet50 at the same time, so both "
        "take longer\n"
    )
