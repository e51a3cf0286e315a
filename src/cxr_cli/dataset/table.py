"""Metadata files as tables: the bytes of a CSV file in; the columns of the ieee8023 schema out, every value text."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import MetadataError

if TYPE_CHECKING:
    import pandas as pd

# What other releases and other hands call the column of the key's name.
_SYNONYMS = {
    "patientid": ("patient", "subjectid"),
    "filename": ("file", "image", "imagename", "imagefile"),
    "finding": ("findings", "diagnosis", "label"),
}
_REQUIRED = ("filename", "finding")
_USED = ("patientid", "sex", "age", "finding", "view", "modality", "folder", "filename")


def read_table(path: Path) -> "pd.DataFrame":
    """Read one metadata file; every value is text, stripped; the columns are those of the schema that it has.

    Raises:
        MetadataError: the file can't be read or lacks `filename` or `finding`.
    """
    import pandas as pd

    hint = "Give a CSV file with at least the columns filename and finding: cxr prepare --metadata FILE"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MetadataError(f"Expected a metadata file. Received: {path}: {error.strerror}.", hint=hint) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        header, table = _parsed(text)
    except (ValueError, csv.Error) as error:  # pandas' own parser errors are ValueErrors
        reason = str(error).strip()
        raise MetadataError(f"Expected a CSV file with a header. Received: {path}: {reason}.", hint=hint) from error
    columns = _schema_columns(header)
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise MetadataError(
            f"Expected the columns {', '.join(_REQUIRED)} in {path}. Received: {', '.join(filter(None, header))}.",
            hint="Save it with commas between the columns"
            if len(header) == 1 and re.search("[;\t]", header[0])
            else f"Rename or add the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
        )
    return pd.DataFrame({name: table[place] for name, place in columns.items()})


def _parsed(text: str) -> tuple[list[str], "pd.DataFrame"]:
    """The header and the rows below it; columns are numbered, values stripped.

    Raises:
        ValueError: not CSV, or a row says more than the header has names for.
        csv.Error: not CSV.
    """
    import pandas as pd

    if "\0" in text:
        raise ValueError("it is not text")
    # pandas would drop what a row has beyond the first one: give it columns for the longest.
    widths = [len(row) for row in csv.reader(text.splitlines(keepends=True), skipinitialspace=True) if any(row)] or [0]
    table = pd.read_csv(
        io.StringIO(text),
        header=None,
        names=range(max(widths)),
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        index_col=False,
    ).fillna("")
    # No line ends inside a value: it is to fit a line of the manifest.
    table = table.apply(lambda column: column.str.replace(r"[\r\n]+", " ", regex=True).str.strip())
    header, rows = table.iloc[0].tolist()[: widths[0]], table.iloc[1:]
    surplus = rows.iloc[:, widths[0] :].ne("").any(axis=1)
    if surplus.any():
        raise ValueError(f"row {surplus.to_numpy().argmax() + 1} has more than the header's {widths[0]} columns")
    return header, rows


def _schema_columns(header: Sequence[str]) -> dict[str, int]:
    """Where the columns of the schema are: the first of the very name, else the first of another name for it."""
    names = [folded(column) for column in header]
    found = {}
    for name in _USED:
        places = [names.index(known) for known in (name, *_SYNONYMS.get(name, ())) if known in names]
        if places:
            found[name] = places[0] if names[places[0]] == name else min(places)
    return found


def folded(text: str) -> str:
    """`text` without case, spaces, hyphens and other signs, to compare by."""
    return re.sub(r"[^a-z0-9]+", "", text.casefold())
