"""What a DICOM header says about gray levels is followed as in PS3.3, C.7.6.3 and C.11."""

import numpy as np
import pydicom
import pytest

from cxr_cli.errors import ImageError
from cxr_cli.films.reader import read_film


def table(values: list[int] | bytes, *, first: int, bits: int, count: int | None = None) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.LUTDescriptor = [count or len(values), first, bits]
    item.add_new("LUTData", "OW" if isinstance(values, bytes) else "US", values)
    return item


@pytest.mark.parametrize("packed", [False, True])
def test_a_voi_table_of_8_bits_has_no_wrap(tmp_path, pixels, write_dicom, packed):
    """More than 256 entries of 8 bits: the place in the table needs more bits than its values."""
    values = [entry // 16 for entry in range(4096)]
    items = [table(bytes(values), first=0, bits=8, count=4096) if packed else table(values, first=0, bits=8)]
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.uint16) * 16, bits=12, VOILUTSequence=items)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_values_beyond_a_table_get_its_ends(tmp_path, pixels, write_dicom):
    items = [table([50 * 16, 60 * 16, 70 * 16], first=100, bits=12)]
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.uint16), bits=12, VOILUTSequence=items)

    film = read_film(tmp_path / "film.dcm")
    assert set(film[pixels <= 100]) == {50}
    assert set(film[pixels >= 102]) == {70}


def test_a_table_may_begin_below_zero(tmp_path, pixels, write_dicom):
    stored = pixels.astype(np.int16) - 128
    items = [table(list(range(256)), first=-128, bits=8)]
    for item in items:
        item["LUTDescriptor"].VR = "SS"
    write_dicom(tmp_path / "film.dcm", stored, bits=12, VOILUTSequence=items)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_a_modality_table_comes_before_the_window(tmp_path, pixels, write_dicom):
    tables = [table([4 * (255 - entry) for entry in range(256)], first=0, bits=16)]
    window = {"WindowCenter": "510", "WindowWidth": "1020", "VOILUTFunction": "LINEAR_EXACT"}
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.uint16), bits=12, ModalityLUTSequence=tables, **window)

    assert np.abs(read_film(tmp_path / "film.dcm").astype(int) - (255 - pixels)).max() <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_not_stretched(tmp_path, pixels, write_dicom, photometric):
    stored = 1000 + pixels.astype(np.int16) * 4
    stored[:, :9] = -2000
    write_dicom(tmp_path / "film.dcm", stored, bits=16, photometric=photometric, PixelPaddingValue=-2000)

    film = read_film(tmp_path / "film.dcm")
    inside = pixels[:, 9:].astype(int)
    shown = np.rint((inside - inside.min()) / np.ptp(inside) * 255)
    assert np.array_equal(film[:, 9:], 255 - shown if photometric == "MONOCHROME1" else shown)
    assert film[:, :9].max() == 0


def test_a_range_of_padding(tmp_path, pixels, write_dicom):
    stored = 1000 + pixels.astype(np.uint16) * 4
    stored[:, :3], stored[:, 3:6] = 4090, 4095
    padding = {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4090}
    write_dicom(tmp_path / "film.dcm", stored, bits=12, **padding)

    film = read_film(tmp_path / "film.dcm")
    assert film[:, :6].max() == 0
    assert film[:, 6:].max() == 255


def test_overlays_are_ignored(tmp_path, pixels, write_dicom):
    write_dicom(tmp_path / "film.dcm", pixels, bits=8)
    data = pydicom.dcmread(tmp_path / "film.dcm")
    for number, vr, value in ((0x10, "US", 40), (0x11, "US", 56), (0x40, "CS", "G"), (0x50, "SS", [1, 1])):
        data.add_new((0x6000, number), vr, value)
    data.add_new((0x6000, 0x100), "US", 1)
    data.add_new((0x6000, 0x102), "US", 0)
    data.add_new((0x6000, 0x3000), "OW", b"\xff" * (40 * 56 // 8))
    data.save_as(tmp_path / "film.dcm")

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


def test_an_overlay_in_the_unused_bits_is_ignored(tmp_path, pixels, write_dicom):
    stored = pixels.astype(np.uint16) * 16
    write_dicom(tmp_path / "plain.dcm", stored, bits=12)
    write_dicom(tmp_path / "film.dcm", stored | (np.arange(56, dtype=np.uint16) % 2) << 15, bits=12)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), read_film(tmp_path / "plain.dcm"))


def test_a_palette_is_looked_up(tmp_path, pixels, write_dicom):
    palette = {
        f"{color}PaletteColorLookupTable{part}": value
        for color in ("Red", "Green", "Blue")
        for part, value in (
            ("Descriptor", [256, 0, 16]),
            ("Data", (np.arange(255, -1, -1) * 257).astype("<u2").tobytes()),
        )
    }
    write_dicom(tmp_path / "film.dcm", pixels, bits=8, photometric="PALETTE COLOR", **palette)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), 255 - pixels)


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_each_number_of_bits_is_stretched(tmp_path, pixels, write_dicom, bits):
    write_dicom(tmp_path / "film.dcm", pixels.astype(np.uint16) << (bits - 8), bits=bits)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), pixels)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"WindowCenter": "100", "WindowWidth": "0"}, "its window has a width of 0"),
        ({"WindowCenter": "100", "WindowWidth": "-5"}, "its window has a width of -5"),
        (
            {"WindowCenter": "100", "WindowWidth": "50", "VOILUTFunction": "GAMMA"},
            "its VOI LUT function is none of LINEAR, LINEAR_EXACT, SIGMOID",
        ),
        (
            {"VOILUTSequence": [table([1, 2], first=0, bits=12, count=9)]},
            "its lookup table has 2 values of 12 bits, expected 9 of 8 to 16 bits",
        ),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, pixels, write_dicom, tags, reason):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels.astype(np.uint16) * 9, bits=12, **tags)

    with pytest.raises(ImageError) as caught:
        read_film(path)
    assert caught.value.message == f"Expected a DICOM film. Received: {path}: {reason}."


def test_a_file_of_floats_is_stretched(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8)
    data = pydicom.dcmread(path)
    values = pixels.astype(np.float32) / 100
    values[0, 0] = np.nan
    del data.PixelData, data.BitsStored, data.HighBit, data.PixelRepresentation
    data.BitsAllocated = 32
    data.FloatPixelData = values.tobytes()
    data.save_as(path)

    film = read_film(path)
    assert film[0, 0] == 0
    assert np.array_equal(film.ravel()[1:], pixels.ravel()[1:])
