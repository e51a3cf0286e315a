import os
import threading

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.training import array_cache
from cxr_cli.training.array_cache import ArrayCache

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


class Maker:
    """Computes `ROWS` in two blocks, and counts the calls."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        yield ROWS[:4]
        yield ROWS[4:]


@pytest.fixture
def make():
    return Maker()


def ask(cache, make, made_from="a", check=lambda kept: True):
    return cache.array("rows", made_from, shape=ROWS.shape, dtype=np.float32, make=make, check=check)


def test_an_array_is_computed_once_then_read_from_disk(tmp_path, make):
    cache = ArrayCache(tmp_path / "cache", limit=10**6)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    again = ask(ArrayCache(tmp_path / "cache", limit=10**6), make)

    np.testing.assert_array_equal(again, ROWS)
    assert isinstance(again, np.memmap)
    assert make.made == 1


def test_arrays_of_different_inputs_are_different_entries(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make, {"seed": 0})
    ask(cache, make, {"seed": 1})

    assert make.made == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: np.save(path, ROWS[:5]),
        lambda path: np.save(path, ROWS.astype(np.float64)),
    ],
    ids=["cut short", "empty", "another shape", "another type"],
)
def test_a_damaged_array_is_computed_again(tmp_path, make, spoil):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)
    (path,) = tmp_path.iterdir()
    spoil(path)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    assert make.made == 2


def test_an_array_that_fails_its_check_is_computed_again(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)

    np.testing.assert_array_equal(ask(cache, make, check=lambda kept: False), ROWS)
    assert make.made == 2


def test_the_least_recently_used_array_is_evicted(tmp_path, make):
    ask(ArrayCache(tmp_path, limit=10**6), make, "first")
    (first,) = tmp_path.iterdir()
    limit = 2 * first.stat().st_size + ROWS.nbytes // 2  # room for two arrays, not for three
    cache = ArrayCache(tmp_path, limit=limit)
    for number, name in enumerate(("second", "first", "third")):
        ask(cache, make, name)
        newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (number, number))  # files can be written within one tick of the clock
    assert make.made == 3

    ask(cache, make, "first")
    assert make.made == 3  # "second" was evicted
    ask(cache, make, "second")
    assert make.made == 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= limit


@pytest.mark.parametrize("limit", [0, ROWS.nbytes - 1])
def test_an_array_over_the_limit_is_kept_in_memory(tmp_path, make, limit):
    cache = ArrayCache(tmp_path / "cache", limit=limit)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    assert not (tmp_path / "cache").exists()


def test_a_failed_computation_leaves_no_file(tmp_path):
    def broken():
        yield ROWS[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(ArrayCache(tmp_path, limit=10**6), broken)

    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_process_are_removed(tmp_path, make):
    (tmp_path / ".left.npy").write_bytes(b"half")
    ask(ArrayCache(tmp_path, limit=10**6), make)

    assert not (tmp_path / ".left.npy").exists()


def test_a_nearly_full_disk_is_not_filled(tmp_path, make, monkeypatch):
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr(array_cache, "_SPARE", usage.f_frsize * usage.f_blocks)

    np.testing.assert_array_equal(ask(ArrayCache(tmp_path / "cache", limit=10**6), make), ROWS)
    assert not (tmp_path / "cache").exists()


def test_an_unwritable_cache_folder_is_an_error_with_a_hint(tmp_path, make):
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(WorkspaceError) as raised:
        ask(ArrayCache(tmp_path / "cache", limit=10**6), make)
    assert "--cache 0" in raised.value.hint


@pytest.mark.parametrize("second", ["a", "b"], ids=["the same array", "another array"])
def test_concurrent_writers_wait_and_both_get_their_arrays(tmp_path, make, second):
    half_way, waiting = threading.Event(), threading.Event()
    first = []

    def slow():
        yield ROWS[:4]
        half_way.set()
        assert waiting.wait(20)
        yield ROWS[4:]

    class Notes(Watcher):
        def note(self, text):
            assert text == f"Waiting for another cxr command, which is writing to {tmp_path / 'cache'}"
            waiting.set()

    other = threading.Thread(
        target=lambda: first.append(ask(ArrayCache(tmp_path / "cache", limit=10**6), slow, "a")), daemon=True
    )
    other.start()
    assert half_way.wait(20)
    with watched_by(Notes()):
        array = ask(ArrayCache(tmp_path / "cache", limit=10**6), make, second)
    other.join(20)

    np.testing.assert_array_equal(array, ROWS)
    np.testing.assert_array_equal(first[0], ROWS)
    assert waiting.is_set()
    assert make.made == (0 if second == "a" else 1)
    assert not list((tmp_path / "cache").glob(".*.npy"))


def test_an_array_removed_by_another_process_is_no_error(tmp_path, make, monkeypatch):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)
    (path,) = tmp_path.iterdir()
    glob = type(path).glob
    monkeypatch.setattr(type(path), "glob", lambda self, pattern: [*glob(self, pattern), tmp_path / "gone.npy"])

    assert cache.fits(ROWS.nbytes)
