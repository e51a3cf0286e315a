"""The images that a DICOMDIR lists, the table of contents of a CD or a folder (PS3.10, 8.6)."""

from pathlib import Path

from cxr_cli.errors import ImageError
from cxr_cli.films.dicom import is_dicom, read_meta
from cxr_cli.films.dicom_reasons import reason_in_words
from cxr_cli.films.inside import Inside
from cxr_cli.films.limits import BYTES
from cxr_cli.films.silence import READING

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_HINT = "Give the folder itself: its films are found without the DICOMDIR"


def is_dicomdir(path: Path) -> bool:
    """Whether a file is a DICOMDIR, by its content; False if it can't be read."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return is_dicom(stream.read(132)) and read_meta(path).kind == _MEDIA_STORAGE_DIRECTORY
    except OSError:  # `read_film` says why
        return False


def list_dicomdir(path: Path) -> list[Path]:
    """List the images of a DICOMDIR, in its order. Files that are missing are listed too.

    Raises:
        ImageError: it is damaged, lists no image, or an image that is not in its folder.
    """
    import pydicom

    if path.stat().st_size > BYTES.value:
        raise ImageError(f"Expected a DICOMDIR of at most {BYTES}. Received: {path} is larger.", hint=BYTES.hint)
    try:
        with READING:
            records = pydicom.dcmread(path).DirectoryRecordSequence
            names = [
                record.ReferencedFileID
                for record in records
                if record.get("DirectoryRecordType") == "IMAGE" and "ReferencedFileID" in record
            ]
        parts = [[name] if isinstance(name, str) else [str(part) for part in name] for name in names]
    # pydicom raises many kinds for a broken file
    except Exception as error:  # noqa: BLE001
        # Not even as the cause: a traceback would show its text, which quotes the header.
        raise ImageError(f"Expected a DICOMDIR. Received: {path}: {reason_in_words(error)}.", hint=_HINT) from None
    if not parts:
        raise ImageError(f"Expected a DICOMDIR with images. Received: {path} lists none.", hint=_HINT)
    inside = Inside([path.parent])
    films = []
    for words in parts:
        film = _as_on_disk(path.parent, words)
        if not inside.has(str(film)):
            raise ImageError(
                f"Expected a DICOMDIR that lists files of its folder. Received: {path} lists {'/'.join(words)}.",
                hint=_HINT,
            )
        films.append(film)
    return films


def _as_on_disk(folder: Path, words: list[str]) -> Path:
    """The file; systems that mount a CD may write its names, which are upper case, in lower case."""
    film = folder.joinpath(*words)
    lower = folder.joinpath(*(word.lower() for word in words))
    return lower if not film.exists() and lower.exists() else film
