"""DICOM films come out as a workstation shows them."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cxr_cli.errors import ImageError
from cxr_cli.films.reader import read_film

HINT = "Give one radiograph (modality CR, DX or RF) as uncompressed or JPEG DICOM, or export it as PNG"


def write_dicom(path: Path, stored: np.ndarray, *, bits: int, photometric: str = "MONOCHROME2", **tags: object) -> None:
    """Write `stored`, (H, W), (frames, H, W) or (H, W, 3), as an uncompressed DICOM film with further `tags`."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation = "DX", photometric
    color = photometric == "RGB"
    data.SamplesPerPixel = 3 if color else 1
    if color:
        data.PlanarConfiguration = 0
    elif stored.ndim == 3:
        data.NumberOfFrames = len(stored)
    data.Rows, data.Columns = stored.shape[:2] if color else stored.shape[-2:]
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    data.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    data.PixelData = stored.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def refusal(path: Path) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_film(path)
    return caught.value


def test_eight_bits_without_a_window_are_the_film(tmp_path, pixels):
    write_dicom(tmp_path / "film.dcm", pixels, bits=8)

    film = read_film(tmp_path / "film.dcm")
    assert film.dtype == np.uint8
    assert np.array_equal(film, pixels)


def test_a_dicom_file_needs_no_suffix(tmp_path, pixels):
    write_dicom(tmp_path / "IM000001", pixels, bits=8)

    assert np.array_equal(read_film(tmp_path / "IM000001"), pixels)


def test_monochrome1_is_the_inverse_of_monochrome2(tmp_path, pixels):
    stored = pixels.astype(np.uint16) * 16
    window = {"WindowCenter": "1800", "WindowWidth": "2400"}
    write_dicom(tmp_path / "two.dcm", stored, bits=12, **window)
    write_dicom(tmp_path / "one.dcm", stored, bits=12, photometric="MONOCHROME1", **window)

    two, one = read_film(tmp_path / "two.dcm"), read_film(tmp_path / "one.dcm")
    assert np.array_equal(one, 255 - two)
    assert two[pixels == 255].min() == 255
    assert one[pixels == 255].max() == 0


def test_rescale_and_window_decide_what_is_black_and_white(tmp_path, pixels):
    stored = pixels.astype(np.uint16) * 16  # 0 to 4080
    write_dicom(
        tmp_path / "film.dcm",
        stored,
        bits=12,
        RescaleSlope="2",
        RescaleIntercept="-1000",
        RescaleType="US",
        WindowCenter="3000",
        WindowWidth="4000",
    )

    film = read_film(tmp_path / "film.dcm").astype(float)

    # PS3.3 C.11.2.1.2: black below c - 0.5 - (w - 1) / 2, white above, a line between.
    values = stored * 2.0 - 1000
    expected = np.clip((values - 2999.5) / 3999 + 0.5, 0, 1) * 255
    assert (film[values <= 1000] == 0).all()
    assert (film[values > 4999] == 255).all()
    assert np.abs(film - expected).max() <= 1


def test_of_several_windows_the_first_is_shown(tmp_path, pixels):
    stored = pixels.astype(np.uint16) * 16
    write_dicom(tmp_path / "one.dcm", stored, bits=12, WindowCenter="2000", WindowWidth="1000")
    write_dicom(tmp_path / "two.dcm", stored, bits=12, WindowCenter=["2000", "9"], WindowWidth=["1000", "5"])

    assert np.array_equal(read_film(tmp_path / "one.dcm"), read_film(tmp_path / "two.dcm"))


def test_signed_pixels_are_stretched_over_their_own_range(tmp_path, pixels):
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.int16) * 8 - 1024, bits=16)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_a_photograph_in_color_becomes_gray(tmp_path, pixels):
    write_dicom(tmp_path / "film.dcm", np.stack([pixels] * 3, axis=-1), bits=8, photometric="RGB")

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_several_frames_are_no_film(tmp_path, pixels):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.stack([pixels] * 3), bits=8)

    error = refusal(path)
    assert (error.message, error.hint) == (f"Expected one film. Received: {path} holds 3 frames.", HINT)


def test_a_single_frame_that_is_counted_is_a_film(tmp_path, pixels):
    write_dicom(tmp_path / "film.dcm", pixels[None], bits=8)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


@pytest.mark.parametrize("kept", [132, 200, 700, -500])
def test_a_dicom_file_that_was_cut_short_is_refused(tmp_path, pixels, kept):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8)
    path.write_bytes(path.read_bytes()[:kept])

    error = refusal(path)
    assert error.message.startswith(f"Expected a DICOM film. Received: {path}: ")
    assert error.hint == HINT


def test_a_dicom_file_without_pixels_is_refused(tmp_path, pixels):
    path = tmp_path / "report.dcm"
    write_dicom(path, pixels, bits=8)
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)

    assert refusal(path).message.startswith(f"Expected a DICOM film. Received: {path}: ")


def test_noise_after_the_magic_word_is_refused(tmp_path):
    path = tmp_path / "film.dcm"
    path.write_bytes(bytes(128) + b"DICM" + np.random.default_rng(0).bytes(2000))

    assert refusal(path).message.startswith(f"Expected a DICOM film. Received: {path}: ")


def test_odd_metadata_is_no_reason_to_refuse_or_to_speak(tmp_path, pixels):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8, PatientAge="065Y")
    path.write_bytes(path.read_bytes().replace(b"065Y", b"65 y"))

    assert np.array_equal(read_film(path), pixels)


@pytest.mark.parametrize("value", [0, 7])
def test_a_blank_dicom_film_is_refused(tmp_path, value):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.full((40, 40), value, np.uint16), bits=12)

    assert refusal(path).message == f"Expected a film. Received: {path} is blank, every pixel is 0."


def test_a_small_dicom_film_is_refused(tmp_path, pixels):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels[:20], bits=8)

    assert refusal(path).message == (f"Expected a film of at least 32 × 32 pixels. Received: {path} is 56 × 20.")
