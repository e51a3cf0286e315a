"""Parquet files of the cluster: the plan's films, and parts that appear complete or not at all."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.workspace.files import write_bytes

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 10_000  # in a row group: the most that a worker reads to look up its films


def write_films(films: Iterable[Path], target: Path | None) -> tuple[int, str]:
    """Count and hash films as they are listed, and write them to a Parquet file.

    Args:
        films: in a fixed order.
        target: the file, with a column `image` of bytes, because not every file name is text. None writes no list.

    Returns:
        How many there are, and the SHA-256 of their paths.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("image", pa.binary())])
    digest, count = hashlib.sha256(), 0
    with pq.ParquetWriter(target, schema) if target else nullcontext() as writer:
        for paths in _batches((os.fsencode(film) for film in films), _ROWS):
            digest.update(b"\0".join(paths) + b"\0")
            count += len(paths)
            if writer:
                writer.write_table(pa.table([paths], schema=schema))
    return count, digest.hexdigest()


def read_films(source: Path, *, number: int, size: int) -> list[Path]:
    """The films of partition `number`, counted from 0, where each has `size` films but the last."""
    import pyarrow.parquet as pq

    first = number * size
    rows = pq.ParquetFile(source).read_row_group(first // _ROWS)["image"][first % _ROWS :][:size]
    return [Path(os.fsdecode(path)) for path in rows.to_pylist()]


def write_part(path: Path, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """Write a part atomically.

    Args:
        path: the file, in a folder that is there.
        rows: one dict a row.
        columns: name -> Arrow's name of the type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows, schema=pa.schema([pa.field(name, kind) for name, kind in columns.items()]))
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    write_bytes(path, buffer.getvalue().to_pybytes())


def read_part(path: Path, *, rows: int) -> "pa.Table | None":
    """Read a part; None if it is missing or lacks rows, and must be made again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowInvalid):
        return None
    return table if table.num_rows == rows else None


def text(name: object) -> str:
    """A path, or an error that names it, as Unicode; other bytes of a file name are written with backslashes."""
    return str(name).encode(errors="backslashreplace").decode()


def _batches(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
