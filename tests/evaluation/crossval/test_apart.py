import json
import os
import shutil

import pytest

from cxr_cli.cli.console import ConsoleWatcher
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.crossval.apart import TrainingProcess
from cxr_cli.progress import watched_by
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.workspace.layout import Workspace

QUICK = TrainingOptions(arch="simple-cnn", image_size=64, epochs=1)


def test_runs_are_trained_in_one_other_process_with_progress(prepared, tmp_path, capfd):
    first, second = (Workspace(tmp_path / name) for name in ("first", "second"))
    for place in (first, second):
        shutil.copytree(prepared.root, place.root)

    with watched_by(ConsoleWatcher()), TrainingProcess(first) as process:
        with process.training(first, QUICK):
            pass
        with process.training(second, QUICK):
            pass

    records = [json.loads(place.run("simple-cnn").record.read_text()) for place in (first, second)]
    assert records[0]["options"]["image_size"] == 64
    assert records[0]["weights_sha256"] == records[1]["weights_sha256"]
    shown = capfd.readouterr().err
    assert shown.count("epoch  1/1") == 2
    assert shown.count("Loading TensorFlow") == 1
    assert first.cache.is_dir()
    assert not second.cache.exists()


def test_an_error_in_training_reaches_the_caller(tmp_path):
    place = Workspace(tmp_path)
    with (
        pytest.raises(WorkspaceError) as raised,
        TrainingProcess(place) as process,
        process.training(place, QUICK),
    ):
        pass

    assert raised.value.message.startswith(f"Expected a prepared dataset in {tmp_path / 'dataset'}.")
    assert raised.value.hint.startswith("Prepare one: cxr prepare --metadata dataset/metadata.csv; or try ")


class Deadly(ConsoleWatcher):
    """Kills the process that unpickles it, as happens when memory runs out."""

    def __reduce__(self):
        return os.abort, ()


def test_a_killed_training_process_is_a_clear_error(tmp_path):
    place = Workspace(tmp_path)
    with (
        pytest.raises(CxrError) as raised,
        watched_by(Deadly()),
        TrainingProcess(place) as process,
        process.training(place, QUICK),
    ):
        pass

    assert raised.value.message == "Expected training to finish. Received: its process was killed by signal 6."
    assert raised.value.hint == "The usual cause is too little memory. The same command resumes this fold"
