"""Random options end in words and a known exit code. `scripts/fuzz_cli.py` makes thousands of calls."""

import importlib.util
import os
import random
import shutil
from pathlib import Path
from types import ModuleType

from cxr_cli.cli.exit_codes import ExitCode

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz_cli.py"
CALLS = 100


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_cli", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZ = load()


def test_random_arguments_end_in_words_and_a_known_code(in_folder):
    rng, commands = random.Random(7), FUZZ.command_table()
    del commands["serve"]  # it would serve until it is interrupted
    called = set()
    for _ in range(CALLS):
        words = FUZZ.random_call(rng, commands)
        if "--cluster" in words:  # it loads Dask
            continue
        called |= {words[0], " ".join(words[:2])}
        os.chdir(in_folder)
        shutil.rmtree(in_folder / "two", ignore_errors=True)
        sandbox = in_folder / "two" / "below"  # what is written to ../.. stays in the folder of this test
        sandbox.mkdir(parents=True)
        FUZZ.make_sandbox(sandbox)
        os.chdir(sandbox)

        assert not FUZZ.problem_of(FUZZ.call(words)), f"cxr {words}"
    assert called >= set(commands)


def test_problems_are_seen():
    assert FUZZ.problem_of(FUZZ.Outcome(None, "", "KeyError in files.py:69: 'ok'")) == "KeyError in files.py:69: 'ok'"
    assert FUZZ.problem_of(FUZZ.Outcome(139, "")) == "code 139"
    assert FUZZ.problem_of(FUZZ.Outcome(1, "Traceback (most recent call last):\n")) == "a traceback was printed"
    assert FUZZ.problem_of(FUZZ.Outcome(1, "")) == "no word on why"
    assert FUZZ.problem_of(FUZZ.Outcome(ExitCode.SUCCESS, "")) == ""


def test_a_name_too_long_for_a_file_is_an_error_that_names_it(cxr, in_folder):
    result = cxr("calibrate", "--workspace", "w" * 300)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Expected ")
    assert result.stderr.endswith("Received: File name too long.\n")


def test_a_zero_byte_is_wrong_usage(cxr, in_folder):
    result = cxr("predict", "film\0.png")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: Expected arguments without a zero byte. Received: one in them.\n"


def test_a_link_to_itself_is_no_place_for_files(cxr, in_folder):
    (in_folder / "itself").symlink_to("itself")

    for words in (("phantoms", "itself", "--films", "2"), ("gradcam", "itself"), ("train", "-w", "itself")):
        result = cxr(*words)

        assert (result.exit_code, result.stdout) == (1, "")
        assert "Error: Expected " in result.stderr
