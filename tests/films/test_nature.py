"""What a file says against being a frontal chest film."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydicom.data import get_testdata_file

from cxr_cli.auditing.files import read_properties
from cxr_cli.films.nature import why_no_chest_film


def test_gray_pictures_are_no_objection(tmp_path, film):
    Image.open(film).convert("RGB").save(tmp_path / "rgb.png")
    Image.open(film).convert("RGBA").save(tmp_path / "rgba.png")
    Image.open(film).convert("P").save(tmp_path / "palette.png")

    assert [why_no_chest_film(path) for path in (film, *sorted(tmp_path.iterdir()))] == [""] * 4


def test_a_tint_is_no_objection_nor_is_an_arrow_in_color(tmp_path, film):
    gray = np.asarray(Image.open(film).convert("L"), dtype=np.float64)
    tinted = Image.fromarray(np.stack([gray, gray * 0.9, gray * 0.7], axis=-1).astype(np.uint8))
    ImageDraw.Draw(tinted).line((10, 10, 80, 80), fill=(255, 0, 0), width=4)
    tinted.save(tmp_path / "tinted.jpg")

    assert why_no_chest_film(tmp_path / "tinted.jpg") == ""


def test_a_picture_in_colors_is_one(tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(colors).resize((256, 256)).save(tmp_path / "colors.png")

    assert why_no_chest_film(tmp_path / "colors.png") == "a picture in colors"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("Modality", "DX", ""),
        ("Modality", "", ""),
        ("Modality", "MR", "the DICOM file says modality MR, not a radiograph"),
        ("BodyPartExamined", "CHEST", ""),
        ("BodyPartExamined", "THORAX AP", ""),
        ("BodyPartExamined", "KNEE", "the DICOM file says body part KNEE, not chest"),
        ("ViewPosition", "AP", ""),
        ("ViewPosition", "LL", "the DICOM file says view LL, not frontal"),
    ],
)
def test_the_header_of_a_dicom_file(tmp_path, field, value, reason):
    import pydicom

    data = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    data.Modality = "CR"
    setattr(data, field, value)
    data.save_as(tmp_path / "film.dcm")

    assert why_no_chest_film(tmp_path / "film.dcm") == reason


def test_a_modality_of_another_type_is_no_objection(tmp_path, pixels, write_dicom):
    path = tmp_path / "film.dcm"
    write_dicom(path, pixels, bits=8)
    data = path.read_bytes()
    place = data.index(b"\x08\x00\x60\x00CS")
    path.write_bytes(data[: place + 4] + b"DS" + data[place + 6 :])

    assert why_no_chest_film(path) == ""


def test_a_jpeg_of_12_bits_is_no_objection(tmp_path, pixels):
    path = tmp_path / "film.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(pixels.astype(np.uint16) * 16, bitspersample=12))

    assert why_no_chest_film(path) == ""
    properties = read_properties(path)
    assert (properties.size, properties.kind) == ("56 × 40", "JPEG, gray, 12 bit")
