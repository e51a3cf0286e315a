"""Read the films of a dataset on a cluster: one Parquet part per partition, named after the state of its files."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.cluster.connection import connected
from cxr_cli.cluster.partitions import (
    OneByOne,
    died_on,
    films_a_partition,
    installed_version,
    require_shared,
    require_version,
    run_partitions,
)
from cxr_cli.cluster.tables import read_part, write_part
from cxr_cli.dataset.reading import FilmRead, ReadFilms, read_here, read_one
from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import track
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.locks import lock

if TYPE_CHECKING:
    from distributed import Client

_COLUMNS = {
    "path": "binary",
    "sha256": "string",
    "reason": "binary",
    "small": "binary",
}  # bytes: not every file name is text


@dataclass(frozen=True)
class _Partition:
    part: Path
    films: list[Path]


def reader(cluster: str | None, workspace: Workspace) -> AbstractContextManager[ReadFilms]:
    """What reads films for `prepare`: the threads of this machine, or, as `films_read_on` does, a cluster.

    Args:
        cluster: its address. None is this machine.
        workspace: of the dataset.
    """
    return nullcontext(read_here) if cluster is None else films_read_on(cluster, workspace)


@contextmanager
def films_read_on(address: str, workspace: Workspace) -> Iterator[ReadFilms]:
    """Give `prepare` a way to read films on a cluster that shares the file system; continues where a call was stopped.

    The results stay in the workspace until the block succeeds, when the dataset is complete. Films whose path, size or
    time has changed are read again.

    Args:
        address: the address of the cluster; see `connected`.
        workspace: the workspace of the dataset.

    Raises:
        ClusterError: the cluster failed.
        WorkspaceError: another call reads for this workspace, or it can't be written to.
    """
    folder = workspace.reading.absolute()
    with connected(address) as client, lock(folder):
        yield partial(_read_films, client, folder)
    shutil.rmtree(folder, ignore_errors=True)


def _read_films(client: "Client", folder: Path, films: Sequence[Path]) -> Iterator[FilmRead]:
    size = films_a_partition(len(films))
    cuts = [slice(first, first + size) for first in range(0, len(films), size)]
    parts = [folder / f"{_state(films[cut])}.parquet" for cut in cuts]
    # From the folder's listing: a network file system remembers for a while that a single file was missing.
    there = set(os.listdir(folder))  # noqa: PTH208 - names
    left = [(part, cut) for part, cut in zip(parts, cuts, strict=True) if part.name not in there]

    def finished() -> Iterator[None]:
        task = partial(_read_partition, installed_version())
        partitions = (_Partition(part, [film.absolute() for film in films[cut]]) for part, cut in left)
        for count in run_partitions(client, task, partitions, piecewise=_read_piecewise):
            yield from [None] * count  # one per film, so that films are counted

    for _ in track(finished(), "Reading films", total=sum(len(films[cut]) for _, cut in left)):
        pass
    for part, cut in zip(parts, cuts, strict=True):
        table = read_part(part, rows=len(films[cut]))
        if table is None:
            raise WorkspaceError(
                f"Expected the workers' results in {part}. Received: no complete file.",
                hint=f"Delete {folder} and run the same command again",
            )
        columns = (table[name].to_pylist() for name in ("sha256", "reason", "small"))
        for film, digest, reason, small in zip(films[cut], *columns, strict=True):
            # The workers know films by their absolute paths.
            yield FilmRead(digest, os.fsdecode(reason).replace(str(film.absolute()), str(film)), small)


def _state(films: Sequence[Path]) -> str:
    """Hash the state of files: 64 hex digits."""
    digest = sha256()
    for film in films:
        try:
            status = film.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = "unreadable"
        digest.update(os.fsencode(film.absolute()) + f"\0{state}\0".encode())
    return digest.hexdigest()


def _read_partition(expected_version: str, partition: _Partition) -> int:
    """On a worker: read a partition's films and write its part."""
    require_version(expected_version)
    require_shared(partition.part.parent)
    if not any(film.exists() for film in partition.films):
        require_shared(partition.films[0])
    rows = [_read_row(film) for film in partition.films]
    write_part(partition.part, rows, _COLUMNS)
    return len(rows)


def _read_piecewise(partition: _Partition, one_by_one: OneByOne) -> int:
    """On the client: write the part of a partition on which one worker after another died."""
    read = one_by_one(_read_row, partition.films)
    rows = [
        row or _as_row(film, FilmRead("", died_on(film).message, b""))
        for film, row in zip(partition.films, read, strict=True)
    ]
    write_part(partition.part, rows, _COLUMNS)
    return len(rows)


def _read_row(film: Path) -> dict[str, Any]:
    return _as_row(film, read_one(film))


def _as_row(film: Path, read: FilmRead) -> dict[str, Any]:
    return {"path": os.fsencode(film), **read._asdict(), "reason": os.fsencode(read.reason)}
