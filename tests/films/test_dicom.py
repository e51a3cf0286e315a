"""DICOM films are read as a workstation shows them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr_cli.errors import ImageError, UsageError
from cxr_cli.films.dicom import is_dicom
from cxr_cli.films.reader import frame_chosen, read_film

HINT = "Give one radiograph (modality CR, DX or RF), or export it from the workstation as PNG"


def refusal(path: Path) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_film(path)
    return caught.value


def test_8_bits_without_a_window_are_unchanged(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "film.dcm", pixels, bits=8)

    film = read_film(tmp_path / "film.dcm")
    assert film.dtype == np.uint8
    assert np.array_equal(film, pixels)


def test_dicom_needs_no_suffix(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "IM000001", pixels, bits=8)

    assert np.array_equal(read_film(tmp_path / "IM000001"), pixels)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("meta", [True, False])
def test_dicom_needs_no_preamble(tmp_path, pixels, write_dicom, syntax, meta):
    path = tmp_path / "IM000001"
    write_dicom(path, pixels, bits=8, syntax=syntax)
    content = path.read_bytes()[132:]
    path.write_bytes(content if meta else content[12 + int.from_bytes(content[8:12], "little") :])

    assert np.array_equal(read_film(path), pixels)


def test_texts_that_begin_like_dicom_are_no_dicom():
    assert not is_dicom(b"\x08\x00 a text" + bytes(200))
    assert not is_dicom(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + b"no other element" * 20)
    assert not is_dicom(b"\x08\x00\x05\x00")


def test_monochrome1_is_the_inverse_of_monochrome2(tmp_path, pixels, write_dicom):
    stored = pixels.astype(np.uint16) * 16
    window = {"WindowCenter": "1800", "WindowWidth": "2400"}
    write_dicom(tmp_path / "two.dcm", stored, bits=12, **window)
    write_dicom(tmp_path / "one.dcm", stored, bits=12, photometric="MONOCHROME1", **window)

    two, one = read_film(tmp_path / "two.dcm"), read_film(tmp_path / "one.dcm")
    assert np.array_equal(one, 255 - two)
    assert two[pixels == 255].min() == 255
    assert one[pixels == 255].max() == 0


def test_rescale_and_window_map_pixels_to_black_and_white(tmp_path, pixels, write_dicom):
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

    # PS3.3 C.11.2.1.2: black below c - 0.5 - (w - 1) / 2, white above, linear between.
    values = stored * 2.0 - 1000
    expected = np.clip((values - 2999.5) / 3999 + 0.5, 0, 1) * 255
    assert (film[values <= 1000] == 0).all()
    assert (film[values > 4999] == 255).all()
    assert np.abs(film - expected).max() <= 1


def test_a_window_wider_than_the_pixels_is_not_stretched(tmp_path, pixels, write_dicom):
    stored = (1800 + pixels.astype(np.float64) * 400 / 255).round().astype(np.uint16)
    write_dicom(tmp_path / "film.dcm", stored, bits=12, WindowCenter="2048", WindowWidth="4096")

    film = read_film(tmp_path / "film.dcm")

    assert (stored.min(), stored.max()) == (1800, 2200)
    assert (film.min(), film.max()) == (112, 137)


# PS3.3 C.11.2.1.2 and C.11.2.1.3, for a window with center 0 and width 200.
DISPLAYED = {
    "LINEAR": lambda values: (values + 0.5) / 199 + 0.5,
    "LINEAR_EXACT": lambda values: values / 200 + 0.5,
    "SIGMOID": lambda values: 1 / (1 + np.exp(-4 * values / 200)),
}


@pytest.mark.parametrize("slope", ["1", "-1"])
@pytest.mark.parametrize("function", DISPLAYED)
def test_each_voi_function_follows_the_standard(tmp_path, pixels, function, slope, write_dicom):
    stored = pixels.astype(np.uint16) * 2
    rescale = {"RescaleSlope": slope, "RescaleIntercept": str(-255 * int(slope)), "RescaleType": "US"}
    window = {"WindowCenter": "0", "WindowWidth": "200", "VOILUTFunction": function}
    write_dicom(tmp_path / "film.dcm", stored, bits=12, **rescale, **window)

    values = int(slope) * (stored.astype(float) - 255)
    expected = np.rint(DISPLAYED[function](values).clip(0, 1) * 255)
    assert np.array_equal(read_film(tmp_path / "film.dcm"), expected)


def test_a_lookup_table_takes_precedence_over_a_window(tmp_path, pixels, write_dicom):
    table = pydicom.Dataset()
    table.LUTDescriptor = [256, 1000, 12]
    table.add_new("LUTData", "US", [4095 - 8 * entry for entry in range(256)])
    lookup = {"VOILUTSequence": [table], "WindowCenter": "9", "WindowWidth": "9"}
    write_dicom(tmp_path / "film.dcm", 1000 + pixels.astype(np.uint16), bits=12, **lookup)

    expected = np.rint((4095 - 8 * pixels.astype(float)) / 4095 * 255)
    assert np.array_equal(read_film(tmp_path / "film.dcm"), expected)


def write_both(write_dicom: Callable[..., None], folder: Path, displayed: np.ndarray) -> None:
    """Write a film as an 8-bit PNG, and as a 12-bit DICOM whose window shows the same."""
    Image.fromarray(displayed).save(folder / "film.png")
    noise = np.random.default_rng(0).integers(-3, 4, displayed.shape)
    stored = (500 + displayed.astype(int) * 12 + noise).astype(np.uint16)
    window = {"WindowCenter": str(500 + 255 * 6), "WindowWidth": str(255 * 12), "VOILUTFunction": "LINEAR_EXACT"}
    write_dicom(folder / "film.dcm", stored, bits=12, **window)
    inverted = {**window, "WindowCenter": str(4095 - 500 - 255 * 6)}
    write_dicom(folder / "inverted.dcm", 4095 - stored, bits=12, photometric="MONOCHROME1", **inverted)


def test_a_windowed_dicom_equals_the_png_that_a_workstation_shows(tmp_path, pixels, write_dicom):
    write_both(write_dicom, tmp_path, pixels // 4 + 90)  # a film of low contrast must not be stretched

    shown = read_film(tmp_path / "film.png").astype(int)
    for name in ("film.dcm", "inverted.dcm"):
        assert np.abs(read_film(tmp_path / name) - shown).max() <= 1


@pytest.mark.realdata
def test_a_real_film_is_equal_as_dicom_and_png(tmp_path, shared, write_dicom):
    films = sorted((shared / "data" / "covid-chestxray" / "images").glob("*.jpg"))[::60]
    for film in films:
        write_both(write_dicom, tmp_path, read_film(film))
        shown = read_film(tmp_path / "film.png").astype(int)
        for name in ("film.dcm", "inverted.dcm"):
            assert np.abs(read_film(tmp_path / name) - shown).max() <= 1
    assert films


def test_more_than_8_bits_without_a_window_are_mapped_as_in_a_png(tmp_path, pixels, write_dicom):
    stored = 1000 + pixels.astype(np.uint16) * 7
    write_dicom(tmp_path / "film.dcm", stored, bits=12)
    Image.fromarray(stored).save(tmp_path / "film.png")

    assert np.array_equal(read_film(tmp_path / "film.dcm"), read_film(tmp_path / "film.png"))


def test_8_bits_without_a_window_keep_their_values(tmp_path, pixels, write_dicom):
    gray = pixels // 2 + 30
    write_dicom(tmp_path / "film.dcm", gray, bits=8)
    rescaled = {"RescaleSlope": "-1", "RescaleIntercept": "9", "RescaleType": "US"}
    write_dicom(tmp_path / "negative.dcm", gray, bits=8, **rescaled)
    write_dicom(tmp_path / "signed.dcm", (gray.astype(int) - 128).astype(np.int8), bits=8)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), gray)
    assert np.array_equal(read_film(tmp_path / "negative.dcm"), 255 - gray)
    assert np.array_equal(read_film(tmp_path / "signed.dcm"), gray)


def test_the_first_of_several_windows_is_used(tmp_path, pixels, write_dicom):
    stored = pixels.astype(np.uint16) * 16
    write_dicom(tmp_path / "one.dcm", stored, bits=12, WindowCenter="2000", WindowWidth="1000")
    write_dicom(tmp_path / "two.dcm", stored, bits=12, WindowCenter=["2000", "9"], WindowWidth=["1000", "5"])

    assert np.array_equal(read_film(tmp_path / "one.dcm"), read_film(tmp_path / "two.dcm"))


def test_signed_pixels_are_stretched_over_their_range(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.int16) * 8 - 1024, bits=16)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_dicom_color_becomes_gray_as_in_a_png(tmp_path, write_dicom):
    rgb = np.random.default_rng(1).integers(0, 256, (40, 56, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "film.png")
    write_dicom(tmp_path / "rgb.dcm", rgb, bits=8, photometric="RGB")
    write_dicom(tmp_path / "deep.dcm", rgb.astype(np.uint16) * 257, bits=16, photometric="RGB")
    ybr = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    write_dicom(tmp_path / "ybr.dcm", ybr, bits=8, photometric="YBR_FULL")

    film = read_film(tmp_path / "film.png").astype(int)
    assert np.array_equal(read_film(tmp_path / "rgb.dcm"), film)
    assert np.array_equal(read_film(tmp_path / "deep.dcm"), film)
    assert np.abs(read_film(tmp_path / "ybr.dcm") - film).max() <= 2


def test_several_frames_are_refused(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.stack([pixels] * 3), bits=8)

    error = refusal(path)
    assert error.message == f"Expected one film. Received: {path} holds 3 frames."
    assert error.hint == "Export it alone; or choose it in predict, gradcam or segment: --frame N, with N from 1 to 3"


def test_a_frame_can_be_chosen(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.stack([pixels, pixels[::-1], 255 - pixels]), bits=8)

    for number, expected in ((1, pixels), (2, pixels[::-1]), (3, 255 - pixels)):
        with frame_chosen(number):
            assert np.array_equal(read_film(path), expected)
    with frame_chosen(4), pytest.raises(ImageError) as caught:
        read_film(path)
    assert caught.value.message == f"Expected a file with a frame 4. Received: {path} holds 3."
    with pytest.raises(UsageError, match="Expected a frame from 1 on"), frame_chosen(0):
        pass


def test_an_enhanced_file_has_a_window_for_each_frame(tmp_path, pixels, write_dicom):
    def group(center: int) -> pydicom.Dataset:
        window, frame = pydicom.Dataset(), pydicom.Dataset()
        window.WindowCenter, window.WindowWidth, window.VOILUTFunction = center, 255, "LINEAR_EXACT"
        frame.FrameVOILUTSequence = [window]
        return frame

    stored = pixels.astype(np.uint16) + np.array([[[0]], [[1000]]], np.uint16)
    groups = {"PerFrameFunctionalGroupsSequence": [group(127), group(1127)]}
    write_dicom(tmp_path / "film.dcm", stored, bits=12, **groups)

    for number in (1, 2):
        with frame_chosen(number):
            assert np.abs(read_film(tmp_path / "film.dcm").astype(int) - pixels).max() <= 1


def test_number_of_frames_1_is_accepted(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "film.dcm", pixels[None], bits=8)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


@pytest.mark.parametrize("kept", [132, 200, 700, -500])
def test_a_truncated_dicom_is_refused(tmp_path, pixels, kept, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8)
    path.write_bytes(path.read_bytes()[:kept])

    error = refusal(path)
    assert error.message.startswith(f"Expected a DICOM film. Received: {path}: ")
    assert error.hint == HINT


def test_a_dicom_without_pixels_is_refused(tmp_path, pixels, write_dicom):
    path = tmp_path / "report.dcm"
    write_dicom(path, pixels, bits=8)
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)

    assert refusal(path).message.startswith(f"Expected a DICOM film. Received: {path}: ")


def test_noise_after_the_dicom_prefix_is_refused(tmp_path):
    path = tmp_path / "film.dcm"
    path.write_bytes(bytes(128) + b"DICM" + np.random.default_rng(0).bytes(2000))

    assert refusal(path).message.startswith(f"Expected a DICOM film. Received: {path}: ")


def test_odd_metadata_causes_neither_errors_nor_warnings(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8, PatientAge="065Y")
    path.write_bytes(path.read_bytes().replace(b"065Y", b"65 y"))

    assert np.array_equal(read_film(path), pixels)


@pytest.mark.parametrize("value", [0, 7])
def test_a_blank_dicom_is_refused(tmp_path, value, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.full((40, 40), value, np.uint16), bits=12)

    assert refusal(path).message == f"Expected a film. Received: {path}, which is blank, every pixel is 0."


def test_a_small_dicom_is_refused(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels[:20], bits=8)

    assert refusal(path).message == (f"Expected a film of at least 32 × 32 pixels. Received: {path}, which is 56 × 20.")
