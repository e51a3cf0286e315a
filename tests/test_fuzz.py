"""Damaged files: the inputs of `tests/corpus/`, and some mutations of them. `scripts/fuzz.py` makes millions."""

import importlib.util
import random
import time
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "fuzz.py"
MUTATIONS = {
    "records": 500,
    "tables": 1000,
    "metadata": 500,
    "pictures": 200,
    "dicom": 50,
}  # a quarter of a second each


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FUZZ = load()


@pytest.mark.parametrize("target", FUZZ.TARGETS)
def test_damaged_files_are_read_or_refused_in_words(target, tmp_path, monkeypatch):
    monkeypatch.setenv("CXR_MAX_SECONDS", "1")
    feed = FUZZ.open_target(target, tmp_path)
    seeds = {path.name: path.read_bytes() for path in sorted((FUZZ.CORPUS / target).iterdir())}
    damaged = islice(FUZZ.mutations(list(seeds.values()), random.Random(5)), MUTATIONS[target])

    for name, data in [*seeds.items(), *((f"mutation {number}", data) for number, data in enumerate(damaged))]:
        began = time.process_time()
        try:
            feed(data)
        except Exception as error:
            error.add_note(f"raised by {name} of {target}")
            raise
        assert time.process_time() - began < FUZZ.SECONDS, name


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in FUZZ.CORPUS.rglob("*.*")) < 200_000


def test_what_fails_is_counted_once_and_kept(tmp_path, capsys):
    def feed(data: bytes) -> None:
        if b"bad" in data:
            raise KeyError(data)

    watched = FUZZ.Watched(feed, tmp_path, inputs=10)
    for data in (b"good", b"bad 1", b"bad 2"):
        watched(data)
    watched.close()

    assert watched.count == 3
    assert list(watched.found.values()) == [b"bad 1"]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"bad 1"]
    assert capsys.readouterr().out.startswith("FAILED KeyError in test_fuzz.py:")
