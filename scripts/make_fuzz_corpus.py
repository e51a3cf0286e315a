"""Render the seeds of `scripts/fuzz.py`: tiny films in every format, metadata, records and tables.

    python scripts/make_fuzz_corpus.py tests/corpus

Files whose names begin with "found-" are inputs that once failed, and stay.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from fuzz import csv_tables, record_kinds
from PIL import Image

import cxr_cli
from cxr_cli.metrics.calibration import SCORES
from cxr_cli.metrics.sample import CONFUSION
from cxr_cli.metrics.table import METRICS
from cxr_cli.rendering.render import render
from cxr_cli.workspace.folders import PARTS

Named = Iterator[tuple[str, bytes]]
PACKAGE = Path(cxr_cli.__file__).parent
# Some fields of records have a meaning that their type does not say.
KEYS = {
    **dict.fromkeys(("metrics", "intervals", "gaps"), METRICS),
    **dict.fromkeys(("raw", "calibrated"), SCORES),
    **dict.fromkeys(("films", "patients"), PARTS),
    "confusion_matrix": CONFUSION,
}
VALUES = {"class_indices": {"non_covid": 0, "covid": 1}, "framing": {"kind": "mask", "method": "unet"}}
SIDE = 36  # pixels: a film needs 32


def _film() -> np.ndarray:
    """(36, 32) uint8: not square, so that a mix-up of the sides shows."""
    drawn = render(positive=True, seed=7, size=(320, 320)).film
    return np.asarray(Image.fromarray(drawn).resize((32, SIDE)))


def pictures(film: np.ndarray) -> Named:
    """A film in each format of `read_film`, and in each kind of pixels that the format has."""
    gray, deep = Image.fromarray(film), Image.fromarray(film.astype(np.uint16) * 257)
    color, real = gray.convert("RGB"), Image.fromarray(film.astype(np.float32) / 3)
    layer = color.convert("RGBA")
    layer.putalpha(gray)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    twice: dict[str, Any] = {"save_all": True, "append_images": [gray.rotate(90, expand=False)]}
    kinds: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "gray.png": (gray, "PNG", {}),
        "deep.png": (deep, "PNG", {}),
        "bit.png": (gray.convert("1"), "PNG", {}),
        "palette.png": (color.quantize(16), "PNG", {"transparency": 3}),
        "la.png": (layer.convert("LA"), "PNG", {}),
        "rgba.png": (layer, "PNG", {}),
        "exif.png": (gray, "PNG", {"exif": rotated}),
        "animated.png": (gray, "PNG", twice),
        "gray.jpg": (gray, "JPEG", {"quality": 60}),
        "color.jpg": (color, "JPEG", {"quality": 60, "subsampling": 2}),
        "progressive.jpg": (gray, "JPEG", {"quality": 60, "progressive": True}),
        "cmyk.jpg": (color.convert("CMYK"), "JPEG", {"quality": 40}),
        "exif.jpg": (gray, "JPEG", {"quality": 60, "exif": rotated}),
        "gray.tif": (gray, "TIFF", {}),
        "deep.tif": (deep, "TIFF", {"compression": "tiff_lzw"}),
        "real.tif": (real, "TIFF", {"compression": "tiff_deflate"}),
        "inverted.tif": (gray, "TIFF", {"tiffinfo": {262: 0}}),
        "bit.tif": (gray.convert("1"), "TIFF", {"compression": "group4"}),
        "jpeg.tif": (gray, "TIFF", {"compression": "jpeg"}),
        "pages.tif": (gray, "TIFF", {**twice, "compression": "packbits"}),
        "cmyk.tif": (color.convert("CMYK"), "TIFF", {"compression": "tiff_deflate"}),
        "gray.bmp": (gray, "BMP", {}),
        "bit.bmp": (gray.convert("1"), "BMP", {}),
        "lossy.webp": (gray, "WEBP", {"quality": 50}),
        "lossless.webp": (layer, "WEBP", {"lossless": True}),
        "animated.webp": (gray, "WEBP", twice),
        "animated.gif": (gray, "GIF", twice),
        "gray.pgm": (gray, "PPM", {}),
        "deep.pgm": (deep, "PPM", {}),
        "gray.jp2": (gray, "JPEG2000", {"quality_mode": "rates", "quality_layers": [4]}),
        "deep.j2k": (deep, "JPEG2000", {"no_jp2": True}),
    }
    for name, (picture, kind, options) in kinds.items():
        data = io.BytesIO()
        picture.save(data, format=kind, **options)
        yield name, data.getvalue()


def dicom(film: np.ndarray) -> Named:
    """A film in the transfer syntaxes that can be written here, and in each kind of gray and color."""
    import imagecodecs
    from pydicom import Dataset, Sequence
    from pydicom.uid import (
        JPEG2000,
        DeflatedExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        ExplicitVRLittleEndian,
        HTJ2KLossless,
        ImplicitVRLittleEndian,
        JPEG2000Lossless,
        JPEGBaseline8Bit,
        JPEGLosslessSV1,
        JPEGLSLossless,
        RLELossless,
    )

    deep = film.astype(np.uint16) * 16
    for name, syntax in {
        "explicit": ExplicitVRLittleEndian,
        "implicit": ImplicitVRLittleEndian,
        "deflated": DeflatedExplicitVRLittleEndian,
        "big_endian": ExplicitVRBigEndian,
        "rle": RLELossless,
    }.items():
        yield f"{name}.dcm", _written(_header(deep, bits=12), deep, syntax)
    for name, syntax, encode in (
        ("jpegls", JPEGLSLossless, imagecodecs.jpegls_encode),
        ("jpeg_lossless", JPEGLosslessSV1, lambda film: imagecodecs.ljpeg_encode(film, bitspersample=12)),
        ("jpeg2000_deep", JPEG2000Lossless, lambda film: imagecodecs.jpeg2k_encode(film, codecformat="j2k")),
        ("htj2k", HTJ2KLossless, imagecodecs.htj2k_encode),
    ):
        yield f"{name}.dcm", _written(_header(deep, bits=12), bytes(encode(deep)), syntax)
    for name, kind, syntax in (("jpeg", "JPEG", JPEGBaseline8Bit), ("jpeg2000", "JPEG2000", JPEG2000)):
        data = io.BytesIO()
        Image.fromarray(film).save(data, format=kind, **({"no_jp2": True} if kind == "JPEG2000" else {"quality": 60}))
        yield f"{name}.dcm", _written(_header(film, bits=8), data.getvalue(), syntax)
    window = _header(deep, bits=12)
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = [2000, 1000], [3000, 2000], "SIGMOID"
    window.RescaleSlope, window.RescaleIntercept, window.PhotometricInterpretation = 2, -100, "MONOCHROME1"
    yield "window.dcm", _written(window, deep, ExplicitVRLittleEndian)
    table = _header(film, bits=8)
    row = Dataset()
    row.add_new("LUTDescriptor", "US", [256, 0, 8])
    row.add_new("LUTData", "US", list(range(255, -1, -1)))
    table.VOILUTSequence = Sequence([row])
    yield "voi_table.dcm", _written(table, film, ExplicitVRLittleEndian)
    signed = _header(deep, bits=16)
    signed.PixelRepresentation = 1
    yield "signed.dcm", _written(signed, deep.astype(np.int16) - 2000, ExplicitVRLittleEndian)
    frames = _header(film, bits=8)
    frames.NumberOfFrames = 2
    yield "frames.dcm", _written(frames, np.stack([film, film]), ExplicitVRLittleEndian)
    palette = _header(film, bits=8)
    palette.PhotometricInterpretation = "PALETTE COLOR"
    for color in ("Red", "Green", "Blue"):
        palette.add_new(f"{color}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        palette.add_new(f"{color}PaletteColorLookupTableData", "OW", (np.arange(256, dtype=np.uint16) * 257).tobytes())
    yield "palette.dcm", _written(palette, film, ExplicitVRLittleEndian)
    color = _header(film, bits=8)
    color.PhotometricInterpretation, color.SamplesPerPixel, color.PlanarConfiguration = "YBR_FULL", 3, 0
    yield "color.dcm", _written(color, np.stack([film] * 3, axis=-1), ExplicitVRLittleEndian)


def _header(film: np.ndarray, *, bits: int) -> Any:
    from pydicom import Dataset

    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3.4"
    made.Modality, made.BodyPartExamined, made.ViewPosition = "CR", "CHEST", "PA"
    made.PhotometricInterpretation, made.SamplesPerPixel, made.PixelRepresentation = "MONOCHROME2", 1, 0
    made.Rows, made.Columns = film.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = 8 * film.itemsize, bits, bits - 1
    return made


def _written(made: Any, pixels: np.ndarray | bytes, syntax: str) -> bytes:
    """A DICOM file of pixels, or of a compressed film."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRBigEndian, RLELossless

    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == RLELossless:
        made.compress(RLELossless, pixels, generate_instance_uid=False)
    elif isinstance(pixels, bytes):
        made.PixelData = encapsulate([pixels])
        made["PixelData"].VR = "OB"
    else:
        swapped = pixels.byteswap() if syntax == ExplicitVRBigEndian else pixels
        made.PixelData = swapped.tobytes()
        made["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    data = io.BytesIO()
    made.save_as(data, enforce_file_format=True)
    return data.getvalue()


def metadata() -> Named:
    """Metadata in the dialects that people save."""
    header = "patientid,sex,age,finding,view,modality,location,folder,filename"
    rows = [
        "1,M,47,COVID-19,PA,X-ray,here,,covid.png",
        '2,F,,"No Finding, not ""yet""",AP,X-ray,,images,non_covid.png',
        "3,,065Y,Pneumonia/Viral/COVID-19,AP Supine,X-ray,,,..\\covid.png",
    ]
    text = "\n".join([header, *rows]) + "\n"
    yield "plain.csv", text.encode()
    yield "crlf.csv", text.replace("\n", "\r\n").encode("utf-8-sig")
    yield "semicolons.csv", text.replace(",", ";").encode()
    yield "tabs.csv", text.replace(",", "\t").encode("utf-16")
    yield "latin.csv", text.replace("here", "Köln").encode("latin-1")
    yield "other_names.csv", b"Image,Label,extra\ncovid.png,COVID\nnon_covid.png,normal,1\n"
    yield "lines.csv", f'{header}\n1,M,47,"COVID-19\n\nsecond line",PA,X-ray,"a\r\nb",,covid.png\n'.encode()


def records() -> Named:
    """A record of every kind, each field filled, and the run of the package."""
    for kind in record_kinds():
        fields = _example(kind) | {"schema_version": kind.VERSION}
        yield f"{kind.__name__}.json", msgspec.json.encode(msgspec.convert(fields, kind))
    yield "class_indices.json", b'{"non_covid":0,"covid":1}'
    yield "shipped_run.json", (PACKAGE / "bundled" / "model" / "run.json").read_bytes()


def tables() -> Named:
    """A table of every kind, with two rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for table in csv_tables():
            cells = {name: _example(kind) for name, kind in get_type_hints(table.row).items()}
            table.write(path, [table.row(**cells)] * 2)
            yield f"{table.row.__name__.strip('_')}.csv", path.read_bytes()


def _example(kind: Any, name: str = "") -> Any:
    """A value of a type, or of the field of that name."""
    simple = {str: "1", int: 1, float: 0.5, bool: True, Any: 1}
    if name in VALUES:
        return VALUES[name]
    if kind in simple:
        return simple[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner[0]
    if origin is dict:
        return {key: _example(inner[1]) for key in KEYS.get(name, ("covid", "non_covid"))}
    if origin in (list, tuple):
        return [_example(one) for one in inner if one is not Ellipsis]
    if inner:  # or None
        return _example(inner[0], name)
    return {key: _example(one, key) for key, one in get_type_hints(kind).items() if get_origin(one) is not ClassVar}


def main() -> None:
    """Write the seeds; those of an earlier call go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    corpus, film = parser.parse_args().corpus, _film()
    seeds = {
        "pictures": pictures(film),
        "dicom": dicom(film),
        "metadata": metadata(),
        "records": records(),
        "tables": tables(),
    }
    for target, files in seeds.items():
        (corpus / target).mkdir(parents=True, exist_ok=True)
        for old in (corpus / target).glob("*"):
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in files:
            (corpus / target / name).write_bytes(data)


if __name__ == "__main__":
    main()
