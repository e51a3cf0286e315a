"""Reading films of any image format; files that are no films are errors with their path and a hint."""

import contextlib
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from cxr_cli.errors import ImageError
from cxr_cli.films import apart
from cxr_cli.films.pictures import decode_picture
from cxr_cli.films.reader import frame_chosen, read_at, read_film, read_for
from cxr_cli.films.transforms import resize
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.threads import in_threads

HINT = "Give a radiograph as PNG, JPEG, TIFF, BMP, WebP or DICOM, for example: cxr predict film.png"


def refusal(path: Path) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_film(path)
    return caught.value


def luma(rgb: np.ndarray) -> np.ndarray:
    """ITU-R 601."""
    return rgb.astype(float) @ (0.299, 0.587, 0.114)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("film.png", {}),
        ("film.bmp", {}),
        ("film.tif", {}),
        ("film.tiff", {"compression": "tiff_lzw"}),
        ("film.webp", {"lossless": True}),
        ("film.pgm", {}),
        ("film.jp2", {"irreversible": False}),
        ("film.gif", {}),
    ],
)
def test_lossless_gray_formats_keep_every_pixel(tmp_path, pixels, name, options):
    Image.fromarray(pixels).save(tmp_path / name, **options)

    film = read_film(tmp_path / name)

    assert film.dtype == np.uint8
    assert np.array_equal(film, pixels)


@pytest.mark.parametrize("name", ["film.tif", "film.bmp", "film.webp", "film.gif", "film.pgm", "film.jp2", "film.jpg"])
def test_any_format_can_be_the_first_film_of_a_process(tmp_path, pixels, name):
    """Pillow loads formats when it needs them: a fresh process knows fewer than a test that runs after others."""
    Image.fromarray(pixels).save(tmp_path / name)
    code = "import sys, pathlib; from cxr_cli.films.reader import read_film, read_for; "
    code += "print(read_film(pathlib.Path(sys.argv[1])).shape)"

    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True)

    assert (answer.stdout, answer.stderr) == ("(40, 56)\n", "")


def test_a_jpeg_is_read_up_to_compression_loss(tmp_path, pixels):
    smooth = np.asarray(Image.fromarray(pixels[:5, :7]).resize((56, 40), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(tmp_path / "film.jpg", quality=95)

    assert np.abs(read_film(tmp_path / "film.jpg").astype(int) - smooth).max() < 12


def test_the_content_decides_the_format_not_the_name(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "film.jpg", format="PNG")
    Image.fromarray(pixels).save(tmp_path / "film", format="BMP")

    assert np.array_equal(read_film(tmp_path / "film.jpg"), pixels)
    assert np.array_equal(read_film(tmp_path / "film"), pixels)


def test_color_becomes_its_luma(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (40, 56, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "film.png")

    assert np.abs(read_film(tmp_path / "film.png") - luma(rgb)).max() <= 1


def test_gray_stored_as_color_is_the_same_film(tmp_path, pixels):
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "film.png")

    assert np.array_equal(read_film(tmp_path / "film.png"), pixels)


def test_a_palette_is_looked_up(tmp_path, pixels):
    palette = Image.fromarray(pixels // 64).convert("P")
    palette.putpalette([value for gray in (10, 90, 170, 250) for value in (gray, gray, gray)])
    palette.save(tmp_path / "film.png")

    assert np.array_equal(read_film(tmp_path / "film.png"), 10 + 80 * (pixels // 64))


def test_transparent_pixels_are_put_on_black(tmp_path, pixels):
    alpha = np.full_like(pixels, 255)
    alpha[:20] = 0
    alpha[20:30] = 128
    layers = [Image.fromarray(layer) for layer in (pixels, pixels, pixels, alpha)]
    Image.merge("RGBA", layers).save(tmp_path / "rgba.png")
    Image.merge("LA", [layers[0], layers[3]]).save(tmp_path / "la.png")

    for name in ("rgba.png", "la.png"):
        film = read_film(tmp_path / name).astype(int)
        assert (film[:20] == 0).all()
        assert np.abs(film[20:30] - pixels[20:30] / 2).max() <= 2
        assert np.array_equal(film[30:], pixels[30:])


def test_a_transparent_color_becomes_black(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "film.png", transparency=255)

    assert np.array_equal(read_film(tmp_path / "film.png"), np.where(pixels == 255, 0, pixels))


def test_16_bits_are_stretched_between_minimum_and_maximum(tmp_path, pixels):
    Image.fromarray(1000 + pixels.astype(np.uint16) * 4).save(tmp_path / "film.png")
    Image.fromarray(1000 + pixels.astype(np.uint16) * 4).save(tmp_path / "film.tif")

    assert np.array_equal(read_film(tmp_path / "film.png"), pixels)
    assert np.array_equal(read_film(tmp_path / "film.tif"), pixels)


def test_floats_are_stretched_whatever_is_no_number(tmp_path, pixels):
    values = pixels.astype(np.float32) / 17 - 3
    Image.fromarray(values).save(tmp_path / "film.tif")
    assert np.array_equal(read_film(tmp_path / "film.tif"), pixels)

    for bad, shown in ((np.nan, 0), (np.inf, 255), (-np.inf, 0)):
        values[3, 3], pixels[3, 3] = bad, shown
        Image.fromarray(values).save(tmp_path / "bad.tif")
        assert np.array_equal(read_film(tmp_path / "bad.tif"), pixels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_white_is_zero_tiff_is_inverted_at_any_depth(tmp_path, pixels, depth):
    path = tmp_path / "film.tif"
    Image.fromarray(pixels.astype(depth)).save(path)
    data = bytearray(path.read_bytes())
    entry = data.index((TiffImagePlugin.PHOTOMETRIC_INTERPRETATION).to_bytes(2, "little") + b"\x03\x00\x01\x00\x00\x00")
    assert data[entry + 8] == 1
    data[entry + 8] = 0
    path.write_bytes(data)

    assert np.array_equal(read_film(path), 255 - pixels)


def test_one_bit_is_black_and_white(tmp_path, pixels):
    Image.fromarray(pixels > 127).save(tmp_path / "film.png")

    assert np.array_equal(read_film(tmp_path / "film.png"), np.where(pixels > 127, 255, 0))


def test_a_cmyk_jpeg_is_read_as_it_is_displayed(tmp_path):
    gray = np.repeat(np.linspace(10, 245, 56).astype(np.uint8)[None], 40, axis=0)
    Image.fromarray(gray).convert("CMYK").save(tmp_path / "film.jpg", quality=95)
    with Image.open(tmp_path / "film.jpg") as saved:
        assert saved.mode == "CMYK"

    assert np.abs(read_film(tmp_path / "film.jpg").astype(int) - gray).max() < 8


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda film: film),
        (2, np.fliplr),
        (3, lambda film: np.rot90(film, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda film: np.rot90(film, -1)),
        (7, lambda film: np.rot90(film, 2).T),
        (8, np.rot90),
    ],
)
def test_exif_orientation_is_applied(tmp_path, pixels, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "film.png", exif=exif)

    assert np.array_equal(read_film(tmp_path / "film.png"), upright(pixels))


def test_the_first_frame_of_an_animation_is_used(tmp_path, pixels):
    first, second = Image.fromarray(pixels), Image.fromarray(255 - pixels)
    first.save(tmp_path / "film.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "film.tif", save_all=True, append_images=[second])

    assert np.array_equal(read_film(tmp_path / "film.gif"), pixels)
    assert np.array_equal(read_film(tmp_path / "film.tif"), pixels)


def test_missing_paths_folders_and_empty_files_are_refused_with_the_reason(tmp_path):
    (tmp_path / "empty.png").touch()

    for path, reason in (
        (tmp_path / "missing.png", f"{tmp_path / 'missing.png'}: No such file or directory."),
        (tmp_path, f"{tmp_path}: Is a directory."),
        (tmp_path / "empty.png", f"{tmp_path / 'empty.png'}, which is empty (0 bytes)."),
    ):
        error = refusal(path)
        assert (error.message, error.hint) == (f"Expected a film. Received: {reason}", HINT)


@pytest.mark.parametrize(
    "content",
    [
        b"filename,finding\n",
        b"%PDF-1.7\n" + bytes(200),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n",
        b"\0",
        bytes(132),
    ],
)
def test_a_file_that_is_not_an_image_is_refused(tmp_path, content):
    path = tmp_path / "film.png"
    path.write_bytes(content)

    error = refusal(path)
    assert (error.message, error.hint) == (f"Expected a film. Received: {path}, which is not an image.", HINT)


@pytest.mark.parametrize("name", ["film.png", "film.jpg", "film.tif", "film.bmp", "film.gif", "film.webp"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path, pixels, name, share):
    path = tmp_path / name
    Image.fromarray(np.tile(pixels, (4, 4))).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])

    error = refusal(path)
    assert error.message.startswith(f"Expected a film. Received: {path}, which is ")
    assert error.message.endswith(").") or error.message.endswith("is not an image.")
    assert error.hint == HINT


@pytest.mark.parametrize("name", ["film.png", "film.jpg"])
def test_a_truncated_png_or_jpeg_is_reported_as_truncated(tmp_path, name):
    path = tmp_path / name
    Image.effect_noise((200, 200), 90).save(path)
    path.write_bytes(path.read_bytes()[:9000])

    error = refusal(path)
    assert error.message.startswith(f"Expected a film. Received: {path}, which is damaged or cut short (")
    assert "truncated" in error.message


def test_a_damaged_file_is_refused_or_read_and_never_crashes(tmp_path, pixels):
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "film"
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000"):
        Image.fromarray(pixels).save(path, format=kind, **({"exif": exif} if kind in {"PNG", "JPEG", "TIFF"} else {}))
        whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        for _ in range(40):
            data = whole.copy()
            places = rng.integers(0, min(len(data), 300), rng.integers(1, 5))
            data[places] = rng.integers(0, 256, len(places))
            path.write_bytes(data.tobytes())
            try:
                assert read_film(path).ndim == 2
            except ImageError as error:
                assert str(path) in error.message  # noqa: PT017 - either is right


@pytest.mark.parametrize(("width", "height"), [(31, 200), (200, 31), (1, 1)])
def test_a_too_small_film_is_refused_with_its_size(tmp_path, width, height):
    path = tmp_path / "film.png"
    Image.effect_noise((width, height), 50).save(path)

    error = refusal(path)
    assert error.message == (
        f"Expected a film of at least 32 × 32 pixels. Received: {path}, which is {width} × {height}."
    )
    assert error.hint == HINT


def test_a_film_of_32_by_32_pixels_is_accepted(tmp_path, pixels):
    Image.fromarray(pixels[:32, :32]).save(tmp_path / "film.png")

    assert read_film(tmp_path / "film.png").shape == (32, 32)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_film_is_refused_with_its_value(tmp_path, value):
    path = tmp_path / "film.png"
    Image.new("L", (64, 64), value).save(path)

    error = refusal(path)
    assert error.message == f"Expected a film. Received: {path}, which is blank, every pixel is {value}."
    assert error.hint == HINT


def test_a_decompression_bomb_is_refused_at_once(tmp_path, pixels, monkeypatch):
    path = tmp_path / "film.png"
    Image.fromarray(pixels).save(path)
    monkeypatch.setenv("CXR_MAX_PIXELS", "2239")

    error = refusal(path)
    assert error.message == f"Expected a film of at most 2,239 pixels. Received: {path} has 56 × 40."
    assert error.hint == "If you trust the file, raise the limit with the environment variable CXR_MAX_PIXELS"
    monkeypatch.setenv("CXR_MAX_PIXELS", "2240")
    assert read_film(path).shape == (40, 56)


def test_the_limit_of_pillow_holds_too(tmp_path, pixels, monkeypatch):
    path = tmp_path / "film.png"
    Image.fromarray(pixels).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1119)

    assert refusal(path).message == f"Expected a film of at most 2,238 pixels. Received: {path} has more."


def test_reading_in_threads_does_not_change_the_warning_filters(tmp_path, pixels, monkeypatch):
    path = tmp_path / "film.png"
    Image.fromarray(pixels).save(path)
    warnings.simplefilter("ignore")  # as outside of the tests, where warnings are not errors
    before = list(warnings.filters)
    # The first thread ends while the second still reads.
    second_began, first_ended = threading.Event(), threading.Event()
    order: list[str] = []
    open_image = Image.open

    def one_after_another(*arguments: object, **options: object) -> Image.Image:
        if not order:
            order.append("first")
            assert second_began.wait(10)
        else:
            order.append("second")
            second_began.set()
            assert first_ended.wait(10)
            monkeypatch.setenv("CXR_MAX_PIXELS", "2000")
        return open_image(*arguments, **options)

    monkeypatch.setattr(Image, "open", one_after_another)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(read_film, path)
        while not order:
            pass
        second = pool.submit(read_film, path)
        assert first.result(10).shape == (40, 56)
        first_ended.set()
        with pytest.raises(ImageError, match="at most 2,000 pixels"):
            second.result(10)

    assert warnings.filters == before


SMALL = 8  # input side of a model: JPEGs of 64 pixels or more per side are decoded at reduced size for it


@pytest.fixture
def chest() -> Image.Image:
    """(80, 120) uint8 smooth shapes, like those of a film at its original size."""
    shapes = np.random.default_rng(2).integers(0, 256, (7, 10)).astype(np.uint8)
    return Image.fromarray(shapes).resize((120, 80), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000"])
def test_at_the_input_size_formats_other_than_jpeg_equal_the_resized_film(tmp_path, chest, kind):
    chest.save(tmp_path / "film", format=kind)

    small = read_at(tmp_path / "film", SMALL)

    assert (small.shape, small.dtype) == ((SMALL, SMALL), np.uint8)
    assert np.array_equal(small, resize(read_film(tmp_path / "film"), SMALL))


@pytest.mark.parametrize(("mode", "size"), [("L", (63, 120)), ("RGB", (63, 63)), ("CMYK", (120, 63))])
def test_a_slightly_larger_jpeg_is_decoded_at_full_size(tmp_path, chest, mode, size):
    chest.resize(size).convert(mode).save(tmp_path / "film.jpg")

    assert np.array_equal(read_at(tmp_path / "film.jpg", SMALL), resize(read_film(tmp_path / "film.jpg"), SMALL))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["", "progressive"])
def test_a_large_jpeg_is_decoded_at_reduced_size_with_small_differences(tmp_path, chest, mode, orientation, options):
    path = tmp_path / "film.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    # 961 is odd: at 1/2, the last column represents half a column.
    chest.resize((961, 640), Image.Resampling.BICUBIC).convert(mode).save(path, quality=92, exif=exif, **options)

    whole, small = resize(read_film(path), 60), read_at(path, 60)

    difference = np.abs(small.astype(int) - whole)
    assert difference.max() > 0  # else it was decoded at full size
    assert difference.max() <= 4
    assert difference.mean() < 0.5


def test_a_decoded_film_gives_the_same_pixels_as_its_file(tmp_path, chest):
    for name, size in (("small.jpg", (70, 60)), ("large.jpg", (120, 80)), ("large.png", (120, 80))):
        chest.resize(size).save(tmp_path / name)
        film = read_film(tmp_path / name)

        assert np.array_equal(
            resize(read_for(tmp_path / name, SMALL, film=film), SMALL), read_at(tmp_path / name, SMALL)
        )


def test_a_multi_picture_jpeg_is_decoded_at_reduced_size(tmp_path, chest):
    other = chest.rotate(180)
    chest.save(tmp_path / "film.jpg", format="MPO", save_all=True, append_images=[other], quality=95)
    chest.save(tmp_path / "alone.jpg", quality=95)
    with Image.open(tmp_path / "film.jpg") as saved:
        assert saved.format == "MPO"

    assert np.array_equal(read_at(tmp_path / "film.jpg", SMALL), read_at(tmp_path / "alone.jpg", SMALL))


def test_errors_of_a_large_jpeg_are_the_same_at_reduced_size(tmp_path, chest, monkeypatch):
    chest.save(tmp_path / "whole.jpg", quality=95)
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "head.jpg").write_bytes(data[:300])
    (tmp_path / "text.jpg").write_text("no film")
    (tmp_path / "empty.jpg").touch()
    Image.new("L", (120, 80), 77).save(tmp_path / "blank.jpg")
    chest.resize((2000, 31)).save(tmp_path / "narrow.jpg")

    for path in [*tmp_path.glob("[!w]*.jpg"), tmp_path / "missing.jpg"]:
        with pytest.raises(ImageError) as caught:
            read_at(path, SMALL)
        assert (caught.value.message, caught.value.hint) == (refusal(path).message, HINT)
    monkeypatch.setenv("CXR_MAX_PIXELS", "9599")
    with pytest.raises(ImageError, match="at most 9,599 pixels"):
        read_at(tmp_path / "whole.jpg", SMALL)


def test_a_jpeg_that_is_blank_only_at_reduced_size_is_accepted(tmp_path):
    pixels = np.full((512, 512), 128, np.uint8)
    pixels[::2] += 1  # cancels out where two rows become one
    Image.fromarray(pixels).save(tmp_path / "film.jpg", quality=100)
    assert len(np.unique(read_film(tmp_path / "film.jpg"))) == 2

    assert read_at(tmp_path / "film.jpg", SMALL).shape == (SMALL, SMALL)


class Notes(Watcher):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_of_pages_and_frames_the_first_is_read_and_it_is_said(tmp_path, pixels, kind):
    path = tmp_path / "film"
    pages = [Image.fromarray(pixels), Image.fromarray(255 - pixels), Image.fromarray(pixels[::-1])]
    options = {"lossless": True} if kind == "WEBP" else {}
    pages[0].save(path, format=kind, save_all=True, append_images=pages[1:], **options)

    notes = Notes()
    with watched_by(notes):
        for film in in_threads(read_film, [path] * 3, threads=2):
            assert np.array_equal(film, pixels)
    assert notes.texts == [f"{path} holds several pages or frames: the first is read."]
    with watched_by(notes), frame_chosen(2):
        assert np.array_equal(next(in_threads(read_film, [path])), 255 - pixels)
    assert len(notes.texts) == 1
    with frame_chosen(4):
        assert refusal(path).message == f"Expected a file with a frame 4. Received: {path} holds fewer."


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_a_png_of_16_bits_is_stretched_with_transparency_and_colors_too(tmp_path, pixels, channels):
    deep = pixels.astype(np.uint16) * 12  # most devices give 12 bits
    layers = [deep, np.full_like(deep, 65535)] if channels == 2 else [deep, deep, deep, np.full_like(deep, 65535)]
    (tmp_path / "film.png").write_bytes(imagecodecs.png_encode(np.dstack(layers[:channels])))

    assert np.abs(read_film(tmp_path / "film.png").astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("options", [{"lossless": True}, {"level": 100}])
def test_a_jpeg_of_12_bits_is_stretched(tmp_path, pixels, options):
    path = tmp_path / "film.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(pixels.astype(np.uint16) * 16, bitspersample=12, **options))

    assert np.abs(read_film(path).astype(int) - pixels).max() <= 2
    path.write_bytes(path.read_bytes()[:200])
    assert str(path) in refusal(path).message


@pytest.mark.parametrize(
    ("name", "encode", "kind"),
    [
        ("film.jpg", lambda film: imagecodecs.jpeg8_encode(film, bitspersample=12), "a JPEG of 12 bits"),
        ("film.png", lambda film: imagecodecs.png_encode(np.dstack([film] * 3)), "a PNG of 16 bits with colors"),
    ],
)
def test_what_pillow_reads_with_8_bits_is_refused_without_its_extra(tmp_path, pixels, monkeypatch, name, encode, kind):
    path = tmp_path / name
    path.write_bytes(encode(pixels.astype(np.uint16) * 16))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)

    with pytest.raises(ImageError) as refused:
        decode_picture(path, at_least=None, frame=None, slow=True)
    assert refused.value.message.startswith(f"Expected a film. Received: {path}, {kind}")
    assert refused.value.message.endswith(", which needs the extra dicom.")
    assert refused.value.hint == 'Install it: pip install "cxr-cli[dicom]"'


@pytest.mark.parametrize("kind", [2, 5, 7, 10, 11, 12])  # text, fractions, bytes, floats
def test_a_tiff_whose_tags_have_odd_types_is_refused(tmp_path, pixels, kind):
    path = tmp_path / "film.tif"
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    entry = data.index(TiffImagePlugin.STRIPOFFSETS.to_bytes(2, "little") + b"\x04\0\x01\0\0\0")
    path.write_bytes(data[: entry + 2] + bytes([kind, 0]) + data[entry + 4 :])

    assert refusal(path).message.startswith(f"Expected a film. Received: {path}, which is damaged or cut short (")


def test_an_image_of_another_kind_is_not_called_no_image(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))

    assert refusal(path).message == (
        f"Expected a film. Received: {path}, which is an image of a kind that can't be read, or damaged."
    )


def test_a_jpeg_with_thousands_of_scans_is_decoded_where_it_can_be_stopped(tmp_path, chest, monkeypatch):
    path = tmp_path / "film.jpg"
    chest.save(path, progressive=True)
    data = path.read_bytes()
    last = data.rindex(b"\xff\xda")
    path.write_bytes(data[:-2] + data[last:-2] * 100 + data[-2:])
    monkeypatch.setattr(apart, "_idle", [])

    with contextlib.suppress(ImageError):
        read_film(path)
    assert len(apart._idle) == 1
    apart._idle.pop().end()
