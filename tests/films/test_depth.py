"""A film at full depth is the film that `read_film` gives, whatever its format; only its values are all there."""

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cxr_cli.errors import ImageError
from cxr_cli.films.depth import DeepFilm, read_deep_film
from cxr_cli.films.reader import read_film

DEEP = np.random.default_rng(2).integers(100, 4000, (40, 50), dtype=np.uint16)


def write_dicom(path, pixels=DEEP, **tags):
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID, film.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    film.Modality, film.PhotometricInterpretation, film.SamplesPerPixel = "DX", "MONOCHROME2", 1
    film.Rows, film.Columns = pixels.shape[:2]
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.PixelRepresentation = int(pixels.dtype.kind == "i")
    film.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(film, name, value)
    pydicom.dcmwrite(path, film, enforce_file_format=True)
    return path


def as_shown(film: DeepFilm) -> np.ndarray:
    return film.shown[film.values]


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": [1500, 3], "WindowWidth": [800, 5]},
        {"WindowCenter": 1500, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"},
        {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 3000, "WindowWidth": 2000},
        {"PixelPaddingValue": 100},
    ],
)
def test_a_dicom_film_is_shown_as_the_reader_shows_it(tmp_path, tags):
    path = write_dicom(tmp_path / "film.dcm", **tags)
    film = read_deep_film(path)

    assert np.array_equal(as_shown(film), read_film(path))
    assert np.array_equal(film.values + DEEP.min(), DEEP)
    slope, intercept = tags.get("RescaleSlope", 1), tags.get("RescaleIntercept", 0)
    assert film.ends == (int(DEEP.min()) * slope + intercept, int(DEEP.max()) * slope + intercept)


def test_stored_values_below_zero_are_kept(tmp_path):
    pixels = DEEP.astype(np.int16) - 2000
    path = write_dicom(tmp_path / "film.dcm", pixels)
    film = read_deep_film(path)

    assert np.array_equal(as_shown(film), read_film(path))
    assert film.ends == (pixels.min(), pixels.max())


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_picture_of_16_bits_keeps_its_values(tmp_path, suffix):
    path = tmp_path / f"film.{suffix}"
    Image.fromarray(DEEP).save(path)
    film = read_deep_film(path)

    assert np.array_equal(film.values + DEEP.min(), DEEP)
    assert np.array_equal(as_shown(film), read_film(path))
    assert film.ends == (DEEP.min(), DEEP.max())


def test_a_picture_of_floats_gets_65536_steps(tmp_path):
    path = tmp_path / "film.tif"
    Image.fromarray(DEEP.astype(np.float32) / 7).save(path)
    film = read_deep_film(path)

    assert len(film.shown) == 65_536
    assert np.abs(as_shown(film).astype(int) - read_film(path)).max() <= 1


def test_a_tiff_film_whose_zero_is_white_is_inverted(tmp_path):
    path = tmp_path / "film.tif"
    Image.fromarray(DEEP).save(path, tiffinfo={262: 0})
    film = read_deep_film(path)

    assert np.abs(as_shown(film).astype(int) - read_film(path)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "LA"])
def test_a_picture_of_8_bits_is_gray_levels(film, tmp_path, mode):
    path = tmp_path / "film.png"
    Image.open(film).convert(mode).save(path)
    deep = read_deep_film(path)

    assert np.array_equal(deep.values, read_film(path))
    assert (deep.values.dtype, len(deep.shown), deep.ends) == (np.uint8, 256, (0, 255))


def test_a_compressed_dicom_film_is_read_at_full_depth(tmp_path):
    path = write_dicom(tmp_path / "film.dcm", WindowCenter=1500, WindowWidth=800)
    data = pydicom.dcmread(path)
    data.compress(pydicom.uid.RLELossless)
    data.save_as(path)
    film = read_deep_film(path)

    assert np.array_equal(film.values + DEEP.min(), DEEP)
    assert np.array_equal(as_shown(film), read_film(path))


def test_a_large_film_is_reduced_by_whole_pixels():
    film = DeepFilm(np.arange(70, dtype=np.uint16).reshape(7, 10), np.zeros(70, np.uint8), (0, 69))
    small, by = film.reduced(20)

    assert by == 2
    assert np.array_equal(small.values, [[6, 8, 10, 12, 14], [26, 28, 30, 32, 34], [46, 48, 50, 52, 54]])
    assert film.reduced(70) == (film, 1)


def test_a_file_that_is_no_film_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("no film")

    with pytest.raises(ImageError, match="is not an image"):
        read_deep_film(tmp_path / "notes.txt")
