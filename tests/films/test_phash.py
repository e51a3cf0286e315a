"""Thumbnails and perceptual hashes: equal for copies of a film, different for different films."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr_cli.films.phash import CROPS, SIDE, distances, phashes, shrink, spectra, spectra_of_crops
from cxr_cli.films.reader import read_film


@pytest.fixture(scope="module")
def pixels(phantoms) -> np.ndarray:
    return read_film(phantoms.parent / "covid.png")


@pytest.fixture(scope="module")
def others(phantoms) -> np.ndarray:
    """Thumbnails of the other phantoms, (N, 96, 96)."""
    paths = sorted(path for path in phantoms.parent.glob("*.png") if path.name != "covid.png")
    return np.stack([shrink(read_film(path)) for path in paths])


def hash_of(film: np.ndarray) -> np.ndarray:
    return phashes(spectra(shrink(film)[None]))


def test_the_thumbnail_leaves_out_a_uniform_border(pixels):
    height, width = pixels.shape
    framed = ImageOps.expand(Image.fromarray(pixels), border=(width // 20, height // 20, 0, height // 30), fill=255)

    small = shrink(np.asarray(framed))
    assert (small.shape, small.dtype) == ((SIDE, SIDE), np.uint8)
    inner = np.s_[3:-3, 3:-3]  # where they meet, resizing mixes the border with the film
    assert np.abs(small.astype(int) - shrink(pixels))[inner].mean() < 5
    # At most an eighth counts as border: the edge of the film itself may be dark.
    dark = np.zeros((80, 80), np.uint8)
    dark[40:, :] = np.arange(80)
    assert np.count_nonzero(shrink(dark).max(axis=1) == 0) > SIDE // 4


def test_the_hash_is_the_signs_of_the_cosine_coefficients(pixels):
    from scipy.fft import dctn

    small = shrink(pixels)
    spectrum = dctn(small.astype(float))
    lowest = sorted(
        ((row, column) for row in range(12) for column in range(12)), key=lambda at: at[0] ** 2 + at[1] ** 2
    )
    expected = {at: spectrum[at] > 0 for at in lowest[1:65]}
    bits = np.unpackbits(np.array([hash_of(pixels)[0]]).astype(">u8").view(np.uint8))

    assert sorted(bits.tolist()) == sorted(int(bit) for bit in expected.values())
    # Equal frequencies may come in any order, so bits are compared within each ring of equal frequency.
    rings = np.cumsum(np.unique([row**2 + column**2 for row, column in lowest[1:65]], return_counts=True)[1])[:-1]
    for ours, theirs in zip(np.split(bits, rings), np.split(np.array(list(expected.values())), rings), strict=True):
        assert sorted(ours.tolist()) == sorted(theirs.astype(int).tolist())


def test_reencoded_resized_and_inverted_films_have_almost_the_same_hash(pixels, others, tmp_path):
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "q60.jpg", quality=60)
    own = hash_of(pixels)

    assert distances(own, hash_of(read_film(tmp_path / "q60.jpg"))) <= 2
    assert distances(own, hash_of(np.asarray(picture.resize((180, 160))))) <= 2
    assert distances(own, hash_of(255 - pixels)) <= 1
    assert np.bitwise_count(own ^ hash_of(255 - pixels)) >= 63
    assert distances(own, phashes(spectra(others))).min() > 2


def test_a_crop_of_the_spectrum_is_the_spectrum_of_the_crop(pixels):
    small = shrink(pixels)
    side = round(SIDE * 0.05)
    inside = Image.fromarray(small[side : SIDE - side, side : SIDE - side]).resize((SIDE, SIDE))
    (cropped,), (resized,) = spectra(small[None], (0.05, 0.05, 0.05, 0.05)), spectra(np.asarray(inside)[None])

    assert cropped @ resized / np.linalg.norm(cropped) / np.linalg.norm(resized) > 0.998
    np.testing.assert_allclose(
        spectra_of_crops(small, CROPS),
        np.concatenate([spectra(small[None], crop) for crop in CROPS]),
        rtol=1e-3,
        atol=0.1,
    )
