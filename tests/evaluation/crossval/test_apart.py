import json
import os
import shutil

import pytest

from cxr_cli.cli.console import ConsoleWatcher
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.crossval.apart import train_apart
from cxr_cli.progress import watched_by
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.workspace.layout import Workspace

QUICK = TrainingOptions(arch="simple-cnn", image_size=64, epochs=1)


def test_a_run_is_trained_in_another_process_with_progress(prepared, tmp_path, capfd):
    shutil.copytree(prepared.root, tmp_path / "workspace")
    place = Workspace(tmp_path / "workspace")

    with watched_by(ConsoleWatcher()):
        train_apart(place, QUICK)

    assert json.loads(place.run("simple-cnn").record.read_text())["options"]["image_size"] == 64
    assert "epoch  1/1" in capfd.readouterr().err


def test_an_error_in_training_reaches_the_caller(tmp_path):
    with pytest.raises(WorkspaceError) as raised:
        train_apart(Workspace(tmp_path), QUICK)

    assert raised.value.message.startswith(f"Expected a prepared dataset in {tmp_path / 'dataset'}.")
    assert raised.value.hint.startswith("Prepare one: cxr prepare --metadata dataset/metadata.csv; or try ")


class Deadly(ConsoleWatcher):
    """Kills the process that unpickles it, as happens when memory runs out."""

    def __reduce__(self):
        return os.abort, ()


def test_a_killed_training_process_is_a_clear_error(tmp_path):
    with pytest.raises(CxrError) as raised, watched_by(Deadly()):
        train_apart(Workspace(tmp_path), QUICK)

    assert raised.value.message == "Expected training to finish. Received: its process was killed by signal 6."
    assert raised.value.hint == "The usual cause is too little memory. The same command resumes this fold"
