import os
import threading

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.training import array_cache
from cxr_cli.training.array_cache import ArrayCache, row_key

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


KEYS = [row_key(bytes([number])) for number in range(6)]


class Maker:
    """Computes rows of `ROWS`, in blocks of up to four, and lists which."""

    def __init__(self):
        self.made = []

    def __call__(self, places):
        self.made.append(list(places))
        for start in range(0, len(places), 4):
            yield ROWS[list(places[start : start + 4])]


@pytest.fixture
def make():
    return Maker()


def ask(cache, make, made_from="a", check=lambda place, row: True, keys=KEYS):
    return cache.rows("rows", made_from, keys, shape=(2,), dtype=np.float32, make=make, check=check)


def table(folder):
    (path,) = folder.glob("*.rows")
    return path


ALL = list(range(6))


def test_rows_are_computed_once_then_read_from_disk(tmp_path, make):
    cache = ArrayCache(tmp_path / "cache", limit=10**6)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    again = ask(ArrayCache(tmp_path / "cache", limit=10**6), make)

    np.testing.assert_array_equal(again, ROWS)
    assert (again.shape, len(again)) == ((6, 2), 6)
    np.testing.assert_array_equal(again[1:3], ROWS[1:3])
    np.testing.assert_array_equal(again[np.array([5, 0])], ROWS[[5, 0]])
    assert make.made == [ALL]


def test_only_rows_that_are_missing_are_computed(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make, keys=KEYS[2:4])
    np.testing.assert_array_equal(ask(cache, make), [*ROWS[:2], *ROWS[:2], *ROWS[4:]])  # each by its key alone

    assert make.made == [[0, 1], [0, 1, 4, 5]]


def test_a_key_that_comes_twice_is_one_row(tmp_path, make):
    rows = ask(ArrayCache(tmp_path, limit=10**6), make, keys=[*KEYS[:3], *KEYS[:3]])

    np.testing.assert_array_equal(rows, [*ROWS[:3], *ROWS[:3]])
    assert make.made == [[0, 1, 2]]


def test_rows_of_different_inputs_are_different_tables(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make, {"size": 0})
    ask(cache, make, {"size": 1})

    assert make.made == [ALL, ALL]
    assert len(list(tmp_path.glob("*.rows"))) == 2


@pytest.mark.parametrize(
    ("ending", "spoil", "again"),
    [
        (".rows", lambda data: data[:-1], [5]),
        (".keys", lambda data: data[:-1], [5]),
        (".rows", lambda data: b"", ALL),
        (".keys", lambda data: b"", ALL),
        (".rows", lambda data: data + b"half", []),
    ],
    ids=["rows cut short", "keys cut short", "no rows", "no keys", "killed while writing"],
)
def test_what_is_missing_of_a_damaged_table_is_computed_again(tmp_path, make, ending, spoil, again):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)
    path = table(tmp_path).with_suffix(ending)
    path.write_bytes(spoil(path.read_bytes()))

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    assert make.made == [ALL, *([again] if again else [])]
    np.testing.assert_array_equal(ask(cache, make, keys=[*KEYS, row_key(b"new")][1:])[:5], ROWS[1:])


def test_rows_that_fail_their_check_are_computed_again(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)
    checked = []

    def check(place, row):
        checked.append(place)
        return np.array_equal(row, ROWS[place]) and place == 0

    np.testing.assert_array_equal(ask(cache, make, check=check), ROWS)
    assert make.made == [ALL, ALL]
    assert set(checked) <= {0, 5}
    assert 5 in checked


def test_the_least_recently_used_table_is_evicted(tmp_path, make):
    ask(ArrayCache(tmp_path, limit=10**6), make, "first")
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    cache = ArrayCache(tmp_path, limit=2 * size + size // 2)  # room for two tables, not for three
    for number, name in enumerate(("second", "first", "third")):
        ask(cache, make, name)
        newest = max(tmp_path.glob("*.rows"), key=lambda path: path.stat().st_mtime_ns)
        for path in (newest, newest.with_suffix(".keys")):
            os.utime(path, (number, number))  # files can be written within one tick of the clock
    assert len(make.made) == 3

    ask(cache, make, "first")
    assert len(make.made) == 3  # "second" was evicted
    ask(cache, make, "second")
    assert len(make.made) == 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * size + size // 2


def test_a_table_that_would_exceed_the_limit_begins_again(tmp_path, make):
    cache = ArrayCache(tmp_path, limit=8 * 24)
    ask(cache, make)
    others = [row_key(b"other", bytes([number])) for number in range(6)]

    np.testing.assert_array_equal(ask(cache, make, keys=others), ROWS)
    assert table(tmp_path).stat().st_size == ROWS.nbytes


@pytest.mark.parametrize("limit", [0, ROWS.nbytes - 1])
def test_rows_over_the_limit_are_kept_in_memory(tmp_path, make, limit):
    cache = ArrayCache(tmp_path / "cache", limit=limit)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    assert not (tmp_path / "cache").exists()


def test_an_interrupted_computation_keeps_what_it_has(tmp_path, make):
    def broken(places):
        yield ROWS[:4]
        raise KeyboardInterrupt

    cache = ArrayCache(tmp_path, limit=10**6)
    with pytest.raises(KeyboardInterrupt):
        ask(cache, broken)

    np.testing.assert_array_equal(ask(cache, make), ROWS)
    assert make.made == [[4, 5]]


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


@pytest.mark.parametrize("second", ["a", "b"], ids=["the same table", "another table"])
def test_concurrent_writers_wait_and_both_get_their_rows(tmp_path, make, second):
    half_way, waiting = threading.Event(), threading.Event()
    first = []

    def slow(places):
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
    assert make.made == ([] if second == "a" else [ALL])


def test_a_file_removed_by_another_process_is_no_error(tmp_path, make, monkeypatch):
    cache = ArrayCache(tmp_path, limit=10**6)
    ask(cache, make)
    glob = type(tmp_path).glob
    monkeypatch.setattr(type(tmp_path), "glob", lambda self, pattern: [*glob(self, pattern), tmp_path / "gone.rows"])

    assert cache.fits(ROWS.nbytes)
