"""Properties of an image file that can be read without its pixels: sizes, format, compression."""

from dataclasses import dataclass
from os import SEEK_CUR
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.films import dicom
from cxr_cli.films.jpeg import read_jpeg_frame
from cxr_cli.films.pictures import FORMATS

_MODES = {
    "L": "gray",
    "LA": "gray, transparent",
    "1": "black and white",
    "P": "palette",
    "RGB": "color",
    "RGBA": "color, transparent",
}
_WORDS = {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}  # chunks of a PNG from which Pillow reads EXIF
# In the order of `measures`.
MEASURES = (
    "width", "height", "longer side", "shorter side", "width to height", "pixels", "bytes", "bits per pixel",
    "format", "mode", "EXIF", "color profile", "dots per inch", "progressive", "JPEG quantization", "JPEG subsampling",
)  # fmt: skip
SIZES = MEASURES[:6]


@dataclass(frozen=True, slots=True)
class FileProperties:
    """Of one image file."""

    width: int
    height: int
    bytes: int
    format: str  # "JPEG", "PNG", "DICOM" …
    mode: str  # "gray", "color" …
    exif: bool = False
    profile: bool = False  # a color profile
    density: float = 0  # dots per inch; 0 where the file has none
    progressive: bool = False
    quantization: float = 0  # mean of a JPEG's first table: the larger, the stronger the compression
    subsampling: int = -1  # of a JPEG's colors, by Pillow's number

    @property
    def kind(self) -> str:
        """Format and mode, in words."""
        return f"{self.format}, {self.mode}"

    @property
    def size(self) -> str:
        """Width × height."""
        return f"{self.width} × {self.height}"


def read_properties(path: Path) -> FileProperties:
    """Read the header of an image file. The file is known to be an image: `prepare` has read it."""
    with path.open("rb") as stream:
        if dicom.is_dicom(stream.read(132)):
            return _of_dicom(path)
    if deep := _of_deep_jpeg(path):
        return deep
    with Image.open(path, formats=FORMATS) as picture:
        tables = getattr(picture, "quantization", None)
        return FileProperties(
            width=picture.width,
            height=picture.height,
            bytes=path.stat().st_size,
            format=str(picture.format),
            mode=_MODES.get(picture.mode, picture.mode),
            exif=_has_exif(path, picture),
            profile="icc_profile" in picture.info,
            density=float(picture.info.get("dpi", (0,))[0]),
            progressive=bool(picture.info.get("progressive")),
            quantization=float(np.mean(tables[0])) if tables else 0,
            subsampling=_subsampling(picture) if tables else -1,
        )


def _has_exif(path: Path, picture: Image.Image) -> bool:
    # Pillow decodes all of a PNG to see whether EXIF follows its pixels.
    if picture.format == "PNG" and not _has_words_after_pixels(path):
        return len(Image.Image.getexif(picture)) > 0
    return len(picture.getexif()) > 0


def _has_words_after_pixels(png: Path) -> bool:
    """Whether a chunk that may hold EXIF follows the first one of pixels (PNG, third edition, 5.3 and 11.3)."""
    pixels = False
    with png.open("rb") as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            if pixels and head[4:] in _WORDS:
                return True
            pixels |= head[4:] == b"IDAT"
            stream.seek(int.from_bytes(head[:4], "big") + 4, SEEK_CUR)
    return False


def _of_deep_jpeg(path: Path) -> FileProperties | None:
    """Of a JPEG of more than 8 bits, which Pillow doesn't read."""
    with path.open("rb") as stream:
        frame = read_jpeg_frame(stream.read(2**16))
    if frame is None or frame.bits <= 8:
        return None
    size = path.stat().st_size
    return FileProperties(frame.columns, frame.rows, size, format="JPEG", mode=f"gray, {frame.bits} bit")


def measures(files: list[FileProperties]) -> np.ndarray:
    """Features of files for a classifier: (N, 16) float32, the columns of `MEASURES`; words as numbers."""
    formats, modes = (sorted({getattr(file, name) for file in files}) for name in ("format", "mode"))
    return np.array(
        [
            (
                file.width,
                file.height,
                max(file.width, file.height),
                min(file.width, file.height),
                file.width / file.height,
                file.width * file.height,
                file.bytes,
                8 * file.bytes / (file.width * file.height),
                formats.index(file.format),
                modes.index(file.mode),
                file.exif,
                file.profile,
                file.density,
                file.progressive,
                file.quantization,
                file.subsampling,
            )
            for file in files
        ],
        dtype=np.float32,
    )


def _subsampling(picture: Image.Image) -> int:
    from PIL import JpegImagePlugin

    return JpegImagePlugin.get_sampling(picture)


def _of_dicom(path: Path) -> FileProperties:
    import pydicom

    head = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    return FileProperties(
        width=int(head.Columns),
        height=int(head.Rows),
        bytes=path.stat().st_size,
        format="DICOM",
        mode=f"{head.get('PhotometricInterpretation', 'gray')}, {head.get('BitsStored', 8)} bit",
    )
