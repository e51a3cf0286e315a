"""For any film: a hash survives lossless re-encoding and inversion, and the distance of hashes is one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from cxr_cli.films.matching import match_copies
from cxr_cli.films.phash import WHOLE, distances, mirrored_phashes, phashes, shrink, spectra
from cxr_cli.films.reader import read_film

HASHES = st.integers(0, 2**64 - 1).map(np.uint64)
ALL = np.uint64(2**64 - 1)


@st.composite
def films(draw) -> np.ndarray:
    """A film of any size: smooth, with or without noise."""
    height, width, seed = draw(st.integers(32, 200)), draw(st.integers(32, 200)), draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (draw(st.integers(1, 9)), draw(st.integers(1, 9))), np.uint8))
    smooth = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    noise = draw(st.sampled_from([0, 3, 30]))
    film = np.clip(smooth + noise * rng.normal(size=smooth.shape), 0, 255).astype(np.uint8)
    assume(film.min() < film.max())  # a blank one is refused
    return film


def hash_of(film: np.ndarray) -> np.uint64:
    return phashes(spectra(shrink(film)[None]))[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("films")


@given(film=films(), suffix=st.sampled_from([".png", ".bmp", ".tif", ".pgm", ".webp"]))
def test_a_film_is_the_same_after_lossless_re_encoding(place, film, suffix):
    path = place / f"film{suffix}"
    Image.fromarray(film).save(path, **({"lossless": True} if suffix == ".webp" else {}))

    again = read_film(path)

    assert np.array_equal(again, film)
    assert hash_of(again) == hash_of(film)


@given(film=films())
def test_an_inverted_film_has_all_bits_inverted_but_those_of_no_sign(film):
    small = shrink(film)
    spectrum, inverted = spectra(small[None]), spectra(255 - small[None])

    signs = np.abs(spectrum[0]) > 0.01  # rounding decides the others
    assert np.array_equal((spectrum[0] > 0)[signs], (inverted[0] <= 0)[signs])


@given(film=films())
def test_the_hash_of_a_mirrored_film_follows_from_the_hash(film):
    small = shrink(film)
    signs = np.abs(spectra(small[None])[0]) > 0.01  # rounding decides the others
    bits = mirrored_phashes(phashes(spectra(small[None])))[0] ^ phashes(spectra(small[None, :, ::-1]))[0]

    assert not np.any(np.unpackbits(np.array([bits]).astype(">u8").view(np.uint8)).astype(bool) & signs)


@given(one=HASHES, other=HASHES, third=HASHES)
def test_the_distance_of_hashes_is_a_metric_of_films_and_their_inversions(one, other, third):
    def apart(first: np.uint64, second: np.uint64) -> int:
        return int(distances(first, second))

    assert 0 <= apart(one, other) == apart(other, one) <= 32
    assert (apart(one, other) == 0) == (other in (one, one ^ ALL))
    assert apart(one, third) <= apart(one, other) + apart(other, third)
    assert apart(one ^ ALL, other) == apart(one, other)


@given(film=films())
def test_a_film_matches_itself(film):
    small = shrink(film)
    assert small.shape == (96, 96)
    assert small.dtype == np.uint8
    (found,) = match_copies(small[None], small[None], [WHOLE], mirrored=np.array([False]))
    flat = np.ptp(small) < 8
    assert flat or found.copy
    assert flat or found.correlation == pytest.approx(1, abs=0.05)
    # Rounding decides how a film is moved along an axis on which nothing changes.
    even = min(np.ptp(small, axis=axis).max() for axis in (0, 1)) < 8
    assert flat or even or not (found.mirrored or found.rotated or found.cropped)
