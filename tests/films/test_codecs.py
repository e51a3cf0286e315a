"""Each transfer syntax that an archive has is read, in another process that can be stopped."""

import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from cxr_cli.errors import ImageError
from cxr_cli.films import apart, dicom
from cxr_cli.films.reader import read_film

PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"  # written by many programs


@pytest.fixture
def stored() -> np.ndarray:
    """(40, 56) uint16 of 12 bits, smooth."""
    coarse = np.random.default_rng(3).integers(0, 4096, (6, 8)).astype(np.float32)
    return (
        np.asarray(Image.fromarray(coarse).resize((56, 40), Image.Resampling.BICUBIC)).clip(0, 4095).astype(np.uint16)
    )


def jpeg(**options: object) -> object:
    return lambda film: imagecodecs.jpeg8_encode(film, bitspersample=12, **options)


def jpeg_2000(film: np.ndarray) -> bytes:
    return imagecodecs.jpeg2k_encode(film, codecformat="j2k", reversible=True, bitspersample=12)


def htj2k(film: np.ndarray) -> bytes:
    return imagecodecs.htj2k_encode(film, reversible=True)


LOSSLESS = [
    (uid.JPEGLossless, jpeg(lossless=True, predictor=6)),
    (uid.JPEGLosslessSV1, jpeg(lossless=True, predictor=1)),
    (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    (uid.JPEG2000Lossless, jpeg_2000),
    (uid.HTJ2KLossless, htj2k),
    (uid.HTJ2KLosslessRPCL, htj2k),
]
LOSSY = [
    (uid.JPEGExtended12Bit, jpeg(level=98)),
    (uid.JPEGLSNearLossless, lambda film: imagecodecs.jpegls_encode(film, level=3)),
    (uid.JPEG2000, lambda film: imagecodecs.jpeg2k_encode(film, codecformat="j2k", level=60, bitspersample=12)),
    (uid.HTJ2K, lambda film: imagecodecs.htj2k_encode(film, level=0.0001)),
]
WINDOW = {"WindowCenter": "2048", "WindowWidth": "4096"}


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS, ids=lambda value: getattr(value, "keyword", ""))
def test_a_lossless_syntax_gives_every_pixel(tmp_path, write_dicom, stored, syntax, encode):
    write_dicom(tmp_path / "plain.dcm", stored, bits=12, **WINDOW)
    write_dicom(tmp_path / "film.dcm", stored, bits=12, syntax=syntax, frames=[encode(stored)], **WINDOW)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), read_film(tmp_path / "plain.dcm"))


@pytest.mark.parametrize(("syntax", "encode"), LOSSY, ids=lambda value: getattr(value, "keyword", ""))
def test_a_lossy_syntax_gives_nearly_every_pixel(tmp_path, write_dicom, stored, syntax, encode):
    write_dicom(tmp_path / "plain.dcm", stored, bits=12, **WINDOW)
    write_dicom(tmp_path / "film.dcm", stored, bits=12, syntax=syntax, frames=[encode(stored)], **WINDOW)

    plain = read_film(tmp_path / "plain.dcm").astype(int)
    assert np.abs(read_film(tmp_path / "film.dcm") - plain).max() <= 2


@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian]
)
def test_an_uncompressed_syntax_gives_every_pixel(tmp_path, write_dicom, stored, syntax):
    write_dicom(tmp_path / "plain.dcm", stored, bits=12, **WINDOW)
    write_dicom(tmp_path / "film.dcm", stored, bits=12, syntax=syntax, **WINDOW)

    assert np.array_equal(read_film(tmp_path / "film.dcm"), read_film(tmp_path / "plain.dcm"))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_signed_pixels_and_run_lengths(tmp_path, write_dicom, stored, syntax, signed):
    film = stored.astype(np.int16) - 2048 if signed else stored
    write_dicom(tmp_path / "film.dcm", film, bits=16)
    plain = read_film(tmp_path / "film.dcm")
    data = pydicom.dcmread(tmp_path / "film.dcm")
    if syntax == uid.RLELossless:
        data.compress(syntax)
        data.save_as(tmp_path / "film.dcm")
    else:
        frame = imagecodecs.jpeg2k_encode(film, codecformat="j2k", reversible=True)
        write_dicom(tmp_path / "film.dcm", film, bits=16, syntax=syntax, frames=[frame])

    assert np.array_equal(read_film(tmp_path / "film.dcm"), plain)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("JPGExtended.dcm", (1024, 256)),  # 12 bits
        ("SC_rgb_jpeg_gdcm.dcm", (100, 100)),  # JPEG Lossless in color
        ("SC_rgb_jls_lossy_line.dcm", (100, 100)),
        ("SC_rgb_dcmtk_+eb+cy+s2.dcm", (100, 100)),  # JPEG Baseline, YBR_FULL_422
        ("GDCMJ2K_TextGBR.dcm", (400, 400)),  # YBR_RCT
        ("J2K_pixelrep_mismatch.dcm", (512, 512)),
        ("MR_small_RLE.dcm", (64, 64)),
        ("MR_small_bigendian.dcm", (64, 64)),
    ],
)
def test_files_of_other_programs_are_read(name, shape):
    film = read_film(PYDICOM / name)

    assert film.shape == shape
    assert film.std() > 1


@pytest.fixture
def without_imagecodecs(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS + LOSSY[:1], ids=lambda value: getattr(value, "keyword", ""))
def test_without_the_extra_pillow_decodes_jpeg_2000_and_the_rest_is_refused(
    tmp_path, write_dicom, stored, without_imagecodecs, syntax, encode
):
    write_dicom(tmp_path / "plain.dcm", stored, bits=12, **WINDOW)
    write_dicom(tmp_path / "film.dcm", stored, bits=12, syntax=syntax, frames=[encode(stored)], **WINDOW)
    if "2000" in syntax.name:
        film = dicom.decode_dicom(tmp_path / "film.dcm")
        assert np.array_equal(film, dicom.decode_dicom(tmp_path / "plain.dcm"))
        return
    with pytest.raises(ImageError) as refused:
        dicom.decode_dicom(tmp_path / "film.dcm")
    kind = syntax.name.partition(",")[0]
    reason = f"its pixels are compressed as {kind}, which needs the extra dicom"
    assert refused.value.message == f"Expected a DICOM film. Received: {tmp_path / 'film.dcm'}: {reason}."
    assert refused.value.hint == 'Install it: pip install "cxr-cli[dicom]"'


@pytest.mark.parametrize(
    "name",
    [
        "SC_jpeg_no_color_transform.dcm",  # JPEG Baseline
        "JPEG2000.dcm",  # signed, lossy
        "J2K_pixelrep_mismatch.dcm",
        "examples_ybr_color.dcm",  # RLE
    ],
)
def test_files_of_other_programs_are_the_same_without_the_extra(monkeypatch, name):
    path = next(PYDICOM.rglob(name))
    frame = 1 if "ybr" in name else None
    film = dicom.decode_dicom(path, frame)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)

    assert np.array_equal(dicom.decode_dicom(path, frame), film)


def test_what_pillow_turns_out_not_to_decode_names_the_extra(without_imagecodecs):
    with pytest.raises(ImageError, match="can't be decoded without the extra dicom, or is damaged"):
        dicom.decode_dicom(PYDICOM / "GDCMJ2K_TextGBR.dcm")


def test_a_film_in_color_is_the_same_in_each_syntax():
    names = ("SC_rgb_rle.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_gdcm_KY.dcm")
    first, *others = [read_film(PYDICOM / name).astype(int) for name in names]

    for film in others:
        assert np.abs(film - first).mean() < 2


def refusal(path: Path) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_film(path)
    return caught.value


def test_a_decoder_that_never_ends_is_stopped(tmp_path, write_dicom, stored, monkeypatch):
    """A box of length 0 in a JPEG 2000 file keeps pydicom busy for ever."""
    endless = bytes.fromhex("0000000c6a5020200d0a870a") + bytes(8) + b"\xff\x4f\xff\x51" + bytes(4)
    endless += b"".join(size.to_bytes(4, "big") for size in (56, 40, 0, 0)) + bytes(40)
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=12, syntax=uid.JPEG2000Lossless, frames=[endless])
    monkeypatch.setenv("CXR_MAX_SECONDS", "1")

    began = time.process_time()
    error = refusal(path)

    assert time.process_time() - began < 1  # the other process was busy
    assert error.message == f"Expected a film that is decoded in 1 seconds of processor time. Received: {path}."
    assert error.hint == "If you trust the file, raise the limit with the environment variable CXR_MAX_SECONDS"
    write_dicom(path, stored, bits=12, syntax=uid.JPEG2000Lossless, frames=[jpeg_2000(stored)])
    assert read_film(path).shape == (40, 56)  # in a new process


def test_a_decoder_that_crashes_costs_the_film_only(tmp_path, write_dicom, stored, monkeypatch):
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=12, syntax=uid.JPEG2000Lossless, frames=[jpeg_2000(stored)])
    monkeypatch.setattr(apart, "_START", "import os, sys; sys.stdin.readline(); os.abort()")
    monkeypatch.setattr(apart, "_idle", [])

    assert refusal(path).message == f"Expected a film. Received: {path} makes its decoder fail (exit code -6)."


def test_a_bug_in_the_other_process_is_no_error_of_the_film(tmp_path, write_dicom, stored, monkeypatch):
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=12, syntax=uid.JPEG2000Lossless, frames=[jpeg_2000(stored)])
    bug = "import cxr_cli.films.worker as worker; worker.decode_dicom = None; worker.serve()"
    monkeypatch.setattr(apart, "_START", f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); {bug}")
    monkeypatch.setattr(apart, "_idle", [])

    with pytest.raises(RuntimeError, match="'NoneType' object is not callable"):
        read_film(path)


def test_a_frame_of_another_size_is_refused_before_it_is_decoded(tmp_path, write_dicom, stored):
    path = tmp_path / "film.dcm"
    for syntax, encode in ((uid.JPEG2000Lossless, jpeg_2000), (uid.JPEGLSLossless, imagecodecs.jpegls_encode)):
        write_dicom(path, stored[:, :40], bits=12, syntax=syntax, frames=[encode(stored)])

        reason = "its compressed frame has 56 × 40 pixels, its header says 40 × 40"
        assert refusal(path).message == f"Expected a DICOM film. Received: {path}: {reason}."


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS + LOSSY, ids=lambda value: getattr(value, "keyword", ""))
def test_a_frame_that_is_cut_short_is_refused(tmp_path, write_dicom, stored, syntax, encode):
    path, frame = tmp_path / "film.dcm", encode(stored)
    for share in (0.5, 0.98):
        write_dicom(path, stored, bits=12, syntax=syntax, frames=[frame[: int(len(frame) * share)]])

        reason = "its compressed frame is cut short"
        assert refusal(path).message == f"Expected a DICOM film. Received: {path}: {reason}."


def test_a_frame_of_another_kind_is_refused(tmp_path, write_dicom, stored):
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=12, syntax=uid.JPEGLSLossless, frames=[jpeg_2000(stored)])

    assert "its compressed frame is not of the kind JPEG-LS Lossless" in refusal(path).message


def test_a_video_is_refused_in_words(tmp_path, write_dicom, stored):
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=8, syntax=uid.MPEG2MPML, frames=[bytes(100)])

    error = refusal(path)
    assert error.message == (
        f"Expected a DICOM film. Received: {path}: its pixels are compressed as MPEG2 Main Profile / Main Level, "
        "which is not for films."
    )
    assert error.hint == dicom.HINT


def test_a_deflated_bomb_is_refused_before_it_is_read(tmp_path, write_dicom, monkeypatch):
    path = tmp_path / "film.dcm"
    write_dicom(path, np.zeros((2000, 2000), np.uint16), bits=12, syntax=uid.DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 20_000
    monkeypatch.setenv("CXR_MAX_BYTES", "1000000")

    error = refusal(path)
    assert error.message == f"Expected a film of at most 1,000,000 bytes. Received: {path} holds more, deflated."
    assert error.hint.endswith("CXR_MAX_BYTES")


def test_memory_is_limited(tmp_path, write_dicom, stored, monkeypatch):
    path = tmp_path / "film.dcm"
    write_dicom(path, stored, bits=12)
    monkeypatch.setenv("CXR_MAX_MEMORY", "10000")

    error = refusal(path)
    assert error.message == f"Expected a film of at most 10,000 bytes of memory. Received: {path} needs about 17,920."
