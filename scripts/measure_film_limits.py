"""Read the largest films that the limits allow, and files that claim more, and measure time and memory of each.

    python scripts/measure_film_limits.py [--pixels 64000000]

Each file is read in a process of its own. Seconds are of processor time; memory is the largest resident size of that
process, or of the one in which it decodes. What a process takes that reads nothing is subtracted from both. Files that
claim more must be refused, in hardly any time or memory.
"""
# ruff: noqa: D103, T201

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

_READ = """
import json, os, sys, time
from pathlib import Path
from cxr_cli.errors import ImageError
from cxr_cli.films import apart
from cxr_cli.films.reader import read_film

def peak(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000

if sys.argv[1]:
    try:
        answer = str(read_film(Path(sys.argv[1])).shape)
    except ImageError as error:
        answer = error.message.replace(sys.argv[1], "FILE")
else:
    answer = ""
memory = max(map(peak, ["self", *(worker._process.pid for worker in apart._idle)]))
apart._end_all()
used = os.times()
print(json.dumps([answer, used.user + used.system + used.children_user + used.children_system, memory]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=64_000_000)
    parser.add_argument("--bombs", action="store_true", help="only the files that claim more")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        _, seconds_before, memory_before = _measure("")
        print("| file | bytes | seconds | memory, MB | answer |\n| --- | --- | --- | --- | --- |")
        for title, write in (*(() if given.bombs else _largest(int(given.pixels**0.5))), *_bombs()):
            path = Path(name) / "film"
            write(path)
            answer, seconds, memory = _measure(str(path))
            used = f"{seconds - seconds_before:.1f} | {memory - memory_before:.0f}"
            print(f"| {title} | {path.stat().st_size:,} | {used} | {answer} |", flush=True)


def _measure(path: str) -> tuple[str, float, float]:
    done = subprocess.run([sys.executable, "-c", _READ, path], capture_output=True, text=True, check=True)
    answer, seconds, memory = json.loads(done.stdout)
    return answer, seconds, memory


def _largest(side: int) -> Iterator[tuple[str, Callable[[Path], None]]]:
    noise = np.random.default_rng(0).integers(-40, 40, (side, side), dtype=np.int16)
    film = (np.linspace(100, 3900, side)[:, None].astype(np.int16) + noise).astype(np.uint16)
    gray = Image.fromarray((film >> 4).astype(np.uint8))

    def save(kind: str, mode: str = "L", **options: object) -> Callable[[Path], None]:
        return lambda path: gray.convert(mode).save(path, format=kind, **options)

    yield "PNG, 8 bits", save("PNG", compress_level=1)
    yield "PNG, 16 bits", lambda path: Image.fromarray(film).save(path, format="PNG", compress_level=1)
    yield "PNG, RGBA", save("PNG", "RGBA", compress_level=1)
    yield "TIFF, float", lambda path: Image.fromarray(film.astype(np.float32)).save(path, format="TIFF")
    yield "TIFF, CMYK, LZW", save("TIFF", "CMYK", compression="tiff_lzw")
    yield "JPEG", save("JPEG")
    yield "JPEG, RGB, progressive", save("JPEG", "RGB", progressive=True, quality=95, subsampling=0)
    yield "WebP, lossy", save("WEBP", method=0)
    yield "GIF", save("GIF")
    yield "BMP, RGB", save("BMP", "RGB")
    yield "JPEG 2000, 8 bits", lambda path: path.write_bytes(imagecodecs.jpeg2k_encode(np.asarray(gray), level=90))
    yield "DICOM, 16 bits", lambda path: _write_dicom(path, film)
    yield "DICOM, window", lambda path: _write_dicom(path, film, WindowCenter="2000", WindowWidth="4000")
    yield "DICOM, RLE", lambda path: _write_rle(path, film)
    yield "DICOM, deflated", lambda path: _write_dicom(path, film, uid.DeflatedExplicitVRLittleEndian)
    for title, syntax, encode in (
        ("JPEG Lossless", uid.JPEGLosslessSV1, lambda f: imagecodecs.jpeg8_encode(f, bitspersample=12, lossless=True)),
        ("JPEG Extended", uid.JPEGExtended12Bit, lambda f: imagecodecs.jpeg8_encode(f, bitspersample=12)),
        ("JPEG-LS", uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        (
            "JPEG 2000",
            uid.JPEG2000,
            lambda f: imagecodecs.jpeg2k_encode(f, codecformat="j2k", level=40, bitspersample=12),
        ),
        ("HTJ2K", uid.HTJ2KLossless, lambda f: imagecodecs.htj2k_encode(f, reversible=True)),
    ):
        yield (
            f"DICOM, {title}",
            lambda path, syntax=syntax, encode=encode: _write_dicom(path, film, syntax, encode(film)),
        )


def _jpeg_2000(film: np.ndarray) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(film, codecformat="j2k", reversible=True, bitspersample=12))


def _bombs() -> Iterator[tuple[str, Callable[[Path], None]]]:
    def png(path: Path) -> None:
        header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
        rows = zlib.compressobj(9)
        data = b"".join(rows.compress(bytes(60_001)) for _ in range(60_000)) + rows.flush()
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b""))

    def resized(kind: str, size: int, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
        stream = io.BytesIO()
        Image.linear_gradient("L").resize((size, size)).save(stream, format=kind)
        return lambda path: path.write_bytes(change(stream.getvalue()))

    def scans(path: Path) -> None:
        stream = io.BytesIO()
        Image.linear_gradient("L").resize((4000, 4000)).save(stream, format="JPEG", progressive=True)
        data = stream.getvalue()
        last = data.rindex(b"\xff\xda")
        path.write_bytes(data[:-2] + data[last:-2] * 3000 + data[-2:])

    yield "PNG of 60,000 × 60,000", png
    yield "GIF of 65,535 × 65,535", resized("GIF", 64, lambda data: data[:6] + b"\xff" * 4 + data[10:])
    yield "GIF, a frame of 65,535 × 65,535", resized("GIF", 64, _widen_frame)
    yield "WebP of 65,535 × 65,535", _write_wide_webp
    yield "TIFF of 4,000,000,000 × 64", resized("TIFF", 64, lambda data: _set_tag(data, 256, 4_000_000_000))
    yield "JPEG with 3,000 scans", scans
    small = np.zeros((64, 64), np.uint16)
    yield "DICOM of 65,535 × 65,535", lambda path: _write_dicom(path, small, Rows=65535, Columns=65535)
    yield "DICOM, deflated, 1 GB of zeros", _write_inflated
    yield (
        "DICOM of 64 × 64, its frame 20,000 × 20,000",
        lambda path: _write_dicom(
            path,
            small,
            uid.JPEGLSLossless,
            imagecodecs.jpegls_encode(np.zeros((20_000, 20_000), np.uint8)),
        ),
    )
    yield "DICOM, an element of 4 GB", _write_long_element
    yield "DICOM, an endless JPEG 2000", _write_endless


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def _widen_frame(data: bytes) -> bytes:
    place = data.index(b"\x2c\0\0\0\0") + 5
    return data[:place] + b"\xff" * 4 + data[place + 4 :]


def _set_tag(data: bytes, tag: int, value: int) -> bytes:
    place = data.index(
        tag.to_bytes(2, "little") + b"\x04\0\1\0\0\0"
        if tag.to_bytes(2, "little") + b"\x04\0" in data
        else tag.to_bytes(2, "little") + b"\x03\0\1\0\0\0"
    )
    return data[: place + 2] + b"\x04\0\1\0\0\0" + value.to_bytes(4, "little") + data[place + 12 :]


def _write_dicom(
    path: Path, stored: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, frame: bytes = b"", **tags: object
) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, "1.2"
    meta.TransferSyntaxUID = uid.UID(syntax)
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation, data.SamplesPerPixel = "DX", "MONOCHROME2", 1
    data.Rows, data.Columns = stored.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = encapsulate([frame]) if frame else stored.tobytes()
    data["PixelData"].VR = "OB" if frame else "OW"
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def _write_rle(path: Path, film: np.ndarray) -> None:
    _write_dicom(path, film)
    data = pydicom.dcmread(path)
    data.compress(uid.RLELossless)
    data.save_as(path)


def _write_inflated(path: Path) -> None:
    _write_dicom(path, np.zeros((64, 64), np.uint16), uid.DeflatedExplicitVRLittleEndian)
    data = path.read_bytes()
    end = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(10**6)
    path.write_bytes(data[:end] + b"".join(packer.compress(zeros) for _ in range(1000)) + packer.flush())


def _write_long_element(path: Path) -> None:
    _write_dicom(path, np.zeros((64, 64), np.uint16))
    data = path.read_bytes()
    place = data.index(b"\xe0\x7f\x10\x00OW\0\0") + 8
    path.write_bytes(data[:place] + b"\xf0\xff\xff\xff" + data[place + 4 :])


def _write_wide_webp(path: Path) -> None:
    frames = [Image.linear_gradient("L"), Image.radial_gradient("L")]
    stream = io.BytesIO()
    frames[0].save(stream, format="WEBP", save_all=True, append_images=frames[1:])
    data = stream.getvalue()
    place = data.index(b"VP8X") + 12
    path.write_bytes(data[:place] + b"\xfe\xff\0" * 2 + data[place + 6 :])


def _write_endless(path: Path) -> None:
    box = bytes.fromhex("0000000c6a5020200d0a870a") + bytes(8) + b"\xff\x4f\xff\x51" + bytes(4)
    box += b"".join(size.to_bytes(4, "big") for size in (64, 64, 0, 0)) + bytes(40)
    _write_dicom(path, np.zeros((64, 64), np.uint16), uid.JPEG2000, box)


if __name__ == "__main__":
    main()
