"""Why a DICOM file can't be read, without the texts of pydicom, which quote the header."""

import re

HINT = "Give one radiograph (modality CR, DX or RF), or export it from the workstation as PNG"
# Part of a text -> what it means.
_KNOWN = {
    "less than expected": "its pixels are cut short",
    "Unable to decode": "its pixels can't be decoded",
}
_TAG = re.compile(r"\([0-9A-Fa-f]{4}, ?[0-9A-Fa-f]{4}\)")
_OWN_DECODER = "cxr: "  # pydicom repeats what a decoder said after its name


class FaultyFilmError(ValueError):
    """What is wrong with a DICOM film, in words that quote no text of its header.

    Args:
        reason: the words.
        hint: what to do about it. Defaults to what helps with most.
    """

    def __init__(self, reason: str, hint: str = HINT) -> None:
        super().__init__(reason)
        self.hint = hint


def reason_in_words(error: Exception) -> str:
    """Say why a DICOM file can't be read, in words that hold no text of its header: it may be a patient's name."""
    text = str(error).strip()
    if isinstance(error, FaultyFilmError):
        return text
    if (last := text.rpartition("\n")[2].strip()).startswith(_OWN_DECODER):
        return last.removeprefix(_OWN_DECODER).rstrip(".")
    for part, words in _KNOWN.items():
        if part in text:
            return words
    tag = _TAG.search(text)
    return f"its header or pixels are damaged{f', at {tag[0]}' if tag else ''}"
