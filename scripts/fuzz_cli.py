"""Call commands with random options: each must end with a code of docs/reference/exit-codes.md, never with a traceback.

Options and their types come from the app itself. Values are of wrong types, huge, negative, empty, of other scripts, or
paths of files, folders and nothing. No work begins: there are two films and no run but the package's, and `demo`,
`phantoms`, `serve` and `listen` are kept short.

    python scripts/fuzz_cli.py --inputs 20000
"""
# ruff: noqa: T201

import argparse
import contextlib
import faulthandler
import io
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 60  # for one call
TEXTS = (
    *("", " ", "-", "--", "-1", "0", "1", "2.5", "NaN", "inf", "-inf", "1e999", "9" * 40, "0x10", "1_000", "true"),
    *("a" * 300, "b" * 5000, "é", "e\u0301", "コロナ", "\u202edivoc", "\U0001fac1", "\udcff", "a\0b", "\x1b[31mred"),
    *("a\nb", "../..", ".", "~", "*", "[", "?", "(", "(?P<", "%s", "{}", "$HOME", "a,b,,c", ",", "=", "'", '"', "\\"),
    *("70/15/15", "0/0/0", "1/2", "COVID-19", "covid", "bundled", "PA,AP"),
    *("sensitivity=0.95", "sensitivity=2", "threshold=x"),
)
PATHS = (
    *("films", "films/film.png", "films/bad.png", "films/film.dcm", "film.png/inside", "missing", "missing/deeper"),
    *("metadata.csv", "empty", "empty.csv", "classes", "itself", "pipe", "text.txt", "out", "out.csv", "heat.png"),
    "x.npy",
)
FILM = Path(__file__).parents[1] / "tests" / "corpus" / "pictures" / "gray.png"
# These would begin to work, with any valid options: the last value of an option counts.
KEPT_SHORT: dict[str, tuple[str, ...]] = {
    "demo": ("--workspace", "text.txt"),
    "serve": ("--model", "no-such-run"),
    "listen": ("--model", "no-such-run"),
    "phantoms": ("--films", "2"),
}


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    code: int | None  # None if it raised something
    output: str
    error: str = ""  # what it raised


def make_sandbox(folder: Path) -> None:
    """Fill an empty folder with what the paths of `PATHS` name."""
    for name in ("films", "empty", "classes/covid", "classes/normal"):
        (folder / name).mkdir(parents=True)
    for name in ("films/film.png", "film.png", "classes/covid/a.png", "classes/normal/b.png"):
        shutil.copy(FILM, folder / name)
    (folder / "films/bad.png").write_text("no film")
    (folder / "films/film.dcm").write_bytes(bytes(128) + b"DICM")
    (folder / "metadata.csv").write_text("patientid,finding,view,modality,filename\n1,COVID-19,PA,X-ray,film.png\n")
    (folder / "empty.csv").touch()
    (folder / "text.txt").write_text("Dear colleague")
    (folder / "itself").symlink_to("itself")
    os.mkfifo(folder / "pipe")


def command_table() -> dict[str, Sequence[Any]]:
    """Every command, those of groups such as "runs rm" too, and its parameters as Click has them."""
    import typer

    from cxr_cli.cli.app import app

    table: dict[str, Sequence[Any]] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        table[name] = command.params
        table |= {f"{name} {inner}": each.params for inner, each in getattr(command, "commands", {}).items()}
    return table


def random_call(rng: random.Random, commands: dict[str, Sequence[Any]]) -> list[str]:
    """A command with some of its options."""
    name = rng.choice(list(commands))
    words = name.split()
    for parameter in commands[name]:
        is_option = parameter.param_type_name == "option"
        if rng.random() > (0.25 if is_option else 0.8) or "--help" in parameter.opts:
            continue
        for _ in range(rng.choice((1, 1, 1, 2))):
            if is_option:
                words.append(rng.choice([*parameter.opts, *parameter.secondary_opts]))
            if not (is_option and parameter.is_flag):
                words.append(_value(rng, parameter))
    if rng.random() < 0.05:
        words.insert(rng.randrange(len(words) + 1), rng.choice(TEXTS))
    return [*words, *KEPT_SHORT.get(name, ())]


def _value(rng: random.Random, parameter: Any) -> str:
    """A value: of the right type two times in three, as far as its type says."""
    kind = parameter.type
    right = {
        "choice": lambda: rng.choice(list(getattr(kind, "choices", ["x"]))),
        "path": lambda: rng.choice(PATHS),
        "integer": lambda: str(rng.choice((0, 1, 2, 8, 2**31, 2**64))),
        "integer range": lambda: str(rng.choice((0, 1, 2, 8, 2**31, 2**64))),
        "float": lambda: str(rng.choice((0, 1, 0.1, 1e-300, 1e300, -0.5))),
        "float range": lambda: str(rng.choice((0, 1, 0.1, 1e-300, 1e300, -0.5))),
    }.get(kind.name, lambda: rng.choice((*TEXTS, *PATHS)))
    value = right() if rng.random() < 0.67 else rng.choice((*TEXTS, *PATHS))
    return str(getattr(value, "value", value))


def call(words: list[str]) -> Outcome:
    """Run one command in this process."""
    from cxr_cli.cli.app import main

    output = io.StringIO()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            main(words)
    except SystemExit as end:
        return Outcome(end.code if isinstance(end.code, int) else int(bool(end.code)), output.getvalue())
    except BaseException as error:  # noqa: BLE001 - what is looked for
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
        return Outcome(None, output.getvalue(), f"{where}: {str(error)[:150]}")
    finally:
        faulthandler.cancel_dump_traceback_later()
    return Outcome(None, output.getvalue(), "returned, and did not exit")


def problem_of(outcome: Outcome) -> str:
    """What is wrong with how a call ended; empty if nothing is."""
    from cxr_cli.cli.exit_codes import ExitCode

    if outcome.error:
        return outcome.error
    if outcome.code not in set(ExitCode):
        return f"code {outcome.code}"
    if "Traceback (most recent call last)" in outcome.output:
        return "a traceback was printed"
    if outcome.code in (ExitCode.ERROR, ExitCode.USAGE) and "Error" not in outcome.output:
        return "" if "gets no class" in outcome.output or "Class      : none" in outcome.output else "no word on why"
    return ""


def main() -> None:
    """Call commands, and list what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000, help="number of calls")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng, commands = random.Random(asked.seed), command_table()
    codes, problems, slowest = Counter[int | None](), dict[str, list[str]](), (0.0, [""])
    os.environ["CXR_WORKSPACE"] = "workspace"
    for _ in range(asked.inputs):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
            sandbox = Path(folder) / "two" / "below"  # what is written to ../.. stays in the temporary folder
            sandbox.mkdir(parents=True)
            make_sandbox(sandbox)
            os.chdir(sandbox)
            words, began = random_call(rng, commands), time.monotonic()
            outcome = call(words)
            slowest = max(slowest, (time.monotonic() - began, words))
            codes[outcome.code] += 1
            if problem := problem_of(outcome):
                if problem.split(": ")[0] not in problems:
                    print(f"FAILED {problem}\n  cxr {words}", flush=True)
                problems.setdefault(problem.split(": ")[0], words)
            os.chdir("/")
    print(f"{asked.inputs} calls, {len(problems)} problems; codes {dict(sorted(codes.items(), key=str))}")
    print(f"The slowest took {slowest[0]:.1f} s: cxr {slowest[1]}"[:300])
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
