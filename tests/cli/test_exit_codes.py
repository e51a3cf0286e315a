import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_cli.cli import app
from cxr_cli.cli.exit_codes import ExitCode, exit_code_of
from cxr_cli.errors import CxrError, UsageError

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


def test_the_docs_list_every_exit_code():
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert rows == [(str(int(code)), code.name, code.meaning) for code in ExitCode]
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 130, 141, 143]


@pytest.mark.parametrize(
    ("done", "failed", "expected"),
    [(3, 0, ExitCode.SUCCESS), (2, 1, ExitCode.SOME_FILMS_FAILED), (0, 1, ExitCode.ERROR), (0, 3, ExitCode.ERROR)],
)
def test_failed_films_have_their_own_exit_code_unless_all_failed(done, failed, expected):
    assert exit_code_of(done=done, failed=failed) is expected


@pytest.mark.parametrize(("problem", "code"), [(UsageError, 2), (CxrError, 1)])
def test_wrong_usage_exits_with_2_and_errors_with_1(cxr, monkeypatch, problem, code):
    def fail(*_, **__):
        raise problem("Expected this. Received: that.", hint="Do this instead")

    monkeypatch.setattr(app, "app", fail)
    result = cxr("audit")

    assert result.exit_code == code
    assert result.stderr == "Error: Expected this. Received: that.\nDo this instead\n"


def test_the_help_of_audit_names_the_exit_code_of_an_alarm(cxr):
    assert f"Exits with {ExitCode.ALARM:d} if it raises an alarm" in " ".join(cxr("audit", "--help").stdout.split())


def test_one_damaged_film_of_two_exits_with_4_and_alone_with_1(cxr, trained, film, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "good.png").write_bytes(film.read_bytes())
    damaged = films / "cut.png"
    damaged.write_bytes(film.read_bytes()[:3000])

    for command in (["predict"], ["gradcam", "-o", tmp_path / "heat"], ["segment", "-o", tmp_path / "lungs"]):
        assert cxr(*command, films, "-w", trained.root).exit_code == 4
    for command in (["predict"], ["gradcam"], ["segment", "-o", tmp_path / "lungs"]):
        assert cxr(*command, damaged, "-w", trained.root).exit_code == 1


def test_gradcam_without_films_is_wrong_usage(cxr, tmp_path):
    result = cxr("gradcam", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: Expected films, or a part of the prepared dataset. Received: neither.\n"
        "For example: cxr gradcam --split test\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("calibrate", "--operating-point", "often"),
        ("train", "--operating-point", "often"),
        ("train", "--resume", "simple-cnn", "--from", "simple-cnn"),
        ("train", "--augment-preview", "variants.jpg"),
        ("crossval", "--folds", 5, "--leave-out", "view"),
        ("prepare", "--metadata", "metadata.csv", "--split", "70/30"),
        ("export", "--format", "onnx", "--precision", "int8"),
        ("evaluate", "--external", "--folders", ".", "--name", "test"),
    ],
)
def test_options_that_only_the_library_can_judge_are_wrong_usage(cxr, trained, in_folder, arguments):
    result = cxr(*arguments, "-w", trained.root)

    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.splitlines()[-2].startswith("Error: Expected ")


@pytest.mark.skipif(os.name == "nt", reason="needs pipes that end a writer")
@pytest.mark.parametrize("closed", ["stdout", "both"])
def test_a_reader_that_has_enough_ends_the_command_in_silence(film, trained, closed):
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": writer, "stderr": subprocess.STDOUT if closed == "both" else subprocess.PIPE}
    done = subprocess.run(
        [sys.executable, "-m", "cxr_cli", "predict", str(film), "-w", str(trained.root)], check=False, **streams
    )
    os.close(writer)

    assert done.returncode == ExitCode.PIPE_CLOSED
    # What was said before the result, or nothing: no error and no traceback.
    assert b"rror" not in (done.stderr or b"")
