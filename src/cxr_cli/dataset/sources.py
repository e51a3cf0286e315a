"""The films of a source, each file read once: content, small pictures, near-duplicates and groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from cxr_cli.dataset.duplicates import DuplicatePair, find_duplicates, small_pictures
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.reading import FilmRead, ReadFilms, read_here
from cxr_cli.dataset.selection import Candidate, Selection
from cxr_cli.dataset.split import group_films
from cxr_cli.errors import MetadataError
from cxr_cli.films.phash import phashes, spectra

_AT_ONCE = 1000  # films that are hashed


@dataclass(frozen=True)
class SourceFilms:
    """The films of a source that can be read, in the order of its selection."""

    candidates: Sequence[Candidate]
    digests: Sequence[str]  # SHA-256 of each file
    small: np.ndarray  # (N, 96, 96) uint8, of `small_pictures`
    duplicates: Sequence[DuplicatePair]
    groups: Sequence[str]  # patients, joined where they share a film

    def films(self, *, paths: Sequence[str], labels: Sequence[str], splits: Sequence[str]) -> list[Film]:
        """Rows of a manifest.

        Args:
            paths: of the images, one per film, as the rows of the three arguments are.
            labels: their classes.
            splits: the parts that they are in.
        """
        blocks = (self.small[top : top + _AT_ONCE] for top in range(0, len(self.small), _AT_ONCE))
        hashes = (phashes(spectra(block)).tolist() for block in blocks)
        columns = (self.candidates, paths, labels, splits, self.groups, self.digests)
        return [
            Film(
                path=path,
                label=label,
                split=split,
                patient=film.patient,
                group=group,
                source=film.source,
                view=film.view,
                sex=film.sex,
                age=film.age,
                finding=film.finding,
                location=film.location,
                sha256=digest,
                phash=f"{phash:016x}",
                original="" if film.private else str(film.image),
            )
            for film, path, label, split, group, digest, phash in zip(
                *columns, chain.from_iterable(hashes), strict=True
            )
        ]


def read_source(selection: Selection, read: ReadFilms = read_here) -> SourceFilms:
    """Read the files of the films that were selected, and find near-duplicates and groups among them.

    Films that can't be read are moved to the excluded ones of `selection`.

    Args:
        selection: the films.
        read: reads their files. Defaults to the threads of this machine.

    Raises:
        MetadataError: no film can be read.
    """
    results: list[FilmRead] = []

    def pictures() -> Iterator[bytes]:
        for result in read([film.image for film in selection.kept]):
            results.append(result._replace(small=b""))
            yield result.small

    small = small_pictures(pictures())
    failed = [(film, result.reason) for film, result in zip(selection.kept, results, strict=True) if result.reason]
    rejected = [film.excluded(reason) for film, reason in failed]
    selection.failed |= {
        one.filename if film.private else str(film.image): one.reason
        for one, (film, _) in zip(rejected, failed, strict=True)
    }
    selection.unread += [reason for film, reason in failed if film.private]
    selection.reject("image can be read", rejected)
    selection.kept = [film for film, result in zip(selection.kept, results, strict=True) if not result.reason]
    selection.count_patients()
    if not selection.kept:
        raise MetadataError(
            f"Expected image files that can be read. Received: {len(rejected)}, none of them. {rejected[0].reason}",
            hint="Check the image files",
        )
    digests = [result.sha256 for result in results if not result.reason]
    duplicates = find_duplicates(digests, small)
    patients = [f"{film.source}:{film.patient}" if film.patient else "" for film in selection.kept]
    groups = group_films(patients, digests, [(pair.first, pair.second) for pair in duplicates])
    return SourceFilms(selection.kept, digests, small, duplicates, groups)
