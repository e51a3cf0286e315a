"""Reading many films: same results as reading each whole film, in order, and few films in memory at a time."""

import hashlib
import shutil
import threading
import time
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.dataset.reading import read_here, read_one
from cxr_cli.errors import ImageError
from cxr_cli.films.phash import SIDE, shrink
from cxr_cli.films.reader import read_film
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.threads import THREADS, in_threads


def plain_way(path: Path) -> tuple[str, str, np.ndarray | None]:
    """Read a film at full size, shrink it, and hash its file."""
    try:
        film = read_film(path)
    except ImageError as error:
        return "", error.message, None
    return hashlib.sha256(path.read_bytes()).hexdigest(), "", shrink(film)


def assert_as_the_plain_way(verdicts, films) -> None:
    apart = []
    for (digest, reason, small), path in zip(verdicts, films, strict=True):
        plain_digest, plain_reason, plain_small = plain_way(path)
        assert (digest, reason) == (plain_digest, plain_reason)
        if plain_small is None:
            assert small == b""
        else:  # a JPEG decoded at reduced size is almost the same
            found = np.frombuffer(small, np.uint8).reshape(SIDE, SIDE)
            apart.append(np.abs(found.astype(int) - plain_small).mean())
    # Except for a few films whose dark edge counts as border at one of the two sizes only.
    assert np.mean(np.array(apart) < 8) > 0.99


@pytest.fixture
def films(tmp_path, film) -> list[Path]:
    """Films that can be read, and one of each kind that cannot."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 48)).astype(np.uint8))
    deep = Image.fromarray(np.random.default_rng(0).integers(0, 65536, (64, 48)).astype(np.uint16))
    shutil.copyfile(film, tmp_path / "phantom.png")
    for name in ("film.png", "film.jpg", "film.bmp", "film.tif", "film.webp"):
        noise.save(tmp_path / name)
    noise.convert("RGB").save(tmp_path / "color.png")
    noise.convert("RGB").save(tmp_path / "progressive.jpg", progressive=True)
    deep.save(tmp_path / "deep.png")
    for name in ("film.png", "film.jpg", "film.tif", "phantom.png", "progressive.jpg"):
        data = (tmp_path / name).read_bytes()
        for cut in (1, 40, len(data) // 2, len(data) - 10):
            (tmp_path / f"cut{cut}-{name}").write_bytes(data[:-cut])
    noise.resize((31, 64)).save(tmp_path / "small.png")
    noise.resize((64, 31)).save(tmp_path / "small.jpg")
    for kind in ("png", "jpg"):
        Image.new("L", (64, 64), 7).save(tmp_path / f"blank.{kind}")
        Image.new("RGB", (64, 64), "blue").save(tmp_path / f"blue.{kind}")
    faint = np.full((64, 64), 100, np.uint8)
    faint[5, 5] = 101
    Image.fromarray(faint).save(tmp_path / "faint.png")
    Image.fromarray(faint).save(tmp_path / "faint.jpg", quality=100)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.png").mkdir()
    return [*sorted(tmp_path.iterdir()), tmp_path / "missing.png"]


def test_results_match_those_of_reading_the_whole_film(films):
    verdicts = [read_one(film) for film in films]

    assert_as_the_plain_way(verdicts, films)
    assert sum(not found.sha256 for found in verdicts) >= 20
    assert sum(not found.reason for found in verdicts) >= 10


def test_films_come_in_order_with_progress(films):
    class Notes(Watcher):
        steps = []  # noqa: RUF012

        def track(self, items, description, *, total):
            self.steps.append((description, total))
            yield from items

    with watched_by(Notes()):
        assert list(read_here(films)) == [read_one(film) for film in films]
    assert Notes.steps == [("Reading films", len(films))]


@pytest.mark.realdata
@pytest.mark.parametrize("folder", ["covid-chestxray/images", "nih-frontal/pneumonia"])
def test_results_on_the_collections_match_those_of_reading_whole_films(shared, folder):
    films = sorted((shared / "data" / folder).iterdir())

    assert_as_the_plain_way(read_here(films), films)


@pytest.mark.parametrize("batch", [1, 8])
def test_results_come_in_order_even_if_later_ones_finish_first(batch):
    def slow_if_even(number: int) -> int:
        time.sleep(0.002 * (number % 2 == 0))
        return number * 10

    assert list(in_threads(slow_if_even, range(50), batch=batch)) == list(range(0, 500, 10))
    assert list(in_threads(slow_if_even, [], batch=batch)) == []


def test_only_a_few_items_are_started_ahead():
    begun = []
    results = in_threads(begun.append, count(), batch=4)

    next(results)
    time.sleep(0.05)
    assert len(begun) <= 4 * (4 * THREADS + 1)
    assert len(list(islice(results, 1000))) == 1000
    assert len(begun) <= 1001 + 4 * (4 * THREADS + 2)
    results.close()


def test_an_error_stops_the_work_and_leaves_no_thread():
    def refuse_seven(number: int) -> int:
        if number == 7:
            raise ValueError("seven")
        return number

    before = set(threading.enumerate())
    results = in_threads(refuse_seven, count())
    assert list(islice(results, 7)) == list(range(7))
    with pytest.raises(ValueError, match="seven"):
        next(results)
    assert set(threading.enumerate()) == before
