"""Metadata and images in; a split dataset with its manifest, pictures and record out."""

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cxr_cli.dataset.manifest import Film, films_by_part, fingerprint, write_manifest, write_table
from cxr_cli.dataset.metadata import (
    DEFAULT_POSITIVE,
    DEFAULT_VIEWS,
    Candidate,
    Exclusion,
    Selection,
    select_films,
)
from cxr_cli.dataset.overview import draw_distribution, draw_samples
from cxr_cli.dataset.split import DEFAULT_SHARES, split_by_group
from cxr_cli.errors import ImageError, MetadataError, WorkspaceError
from cxr_cli.imaging.reader import read_film
from cxr_cli.progress import Track, untracked
from cxr_cli.workspace.files import lock, staged_folder
from cxr_cli.workspace.layout import PARTS, DatasetFolder, Workspace
from cxr_cli.workspace.records import DatasetRecord, stamp, write_class_indices, write_record


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made."""

    dataset: DatasetFolder
    record: DatasetRecord
    missing_columns: list[str]  # of the metadata; the rule or grouping that needs them was skipped


def prepare(
    workspace: Workspace,
    metadata: Sequence[Path],
    *,
    images: Path | None = None,
    views: Sequence[str] = DEFAULT_VIEWS,
    positive: str = DEFAULT_POSITIVE,
    shares: Sequence[float] = DEFAULT_SHARES,
    seed: int = 0,
    link: bool = False,
    track: Track = untracked,
) -> Prepared:
    """Make the workspace's dataset; an earlier one is replaced once this one is whole.

    Args:
        workspace: where to.
        metadata: CSV files in the ieee8023 schema.
        images: where the image files are. Defaults to each metadata file's folder.
        views: the views kept.
        positive: the finding that makes a film positive; the positive class is always 1.
        shares: of train, val and test.
        seed: draws the split and the samples shown.
        link: hard links in place of copies. The metadata's image files are never changed.
        track: is told of each film.

    Raises:
        MetadataError: no film is left, or the metadata can't be read.
        SplitError: the films can't be split with both classes in each part.
        WorkspaceError: the workspace is in use or can't be written to.
    """
    for path in [*metadata, *([images] if images else [])]:
        if path.resolve().is_relative_to(workspace.dataset.root.resolve()):
            raise WorkspaceError(
                f"Expected metadata and images outside {workspace.dataset.root}, which is replaced. Received: {path}.",
                hint="Name another workspace: --workspace DIR",
            )
    selection = select_films(metadata, images=images, views=views, positive=positive)
    options: dict[str, object] = {
        "metadata": [str(path) for path in metadata],
        "images": str(images) if images else None,
        "views": list(views),
        "positive": positive,
        "split": "/".join(f"{share:g}" for share in shares),
        "seed": seed,
        "link": link,
    }
    # What can fail for the films' sake fails before anything is written.
    hashes = _read_all(selection, track)
    films = _place(selection, hashes, shares=shares, seed=seed)
    with lock(workspace.root):
        with staged_folder(workspace.dataset.root) as stage:
            made = DatasetFolder(stage)
            _copy_all(films, stage, link=link, track=track)
            write_manifest(made.manifest, films)
            excluded = (asdict(row) for row in selection.excluded)
            write_table(made.excluded, [column.name for column in fields(Exclusion)], excluded)
            record = _record(selection, films, options)
            draw_distribution(made.distribution_picture, record.films)
            draw_samples(made.samples_picture, stage, films, list(record.class_indices), seed=seed)
            write_record(made.record, record)
        # After the dataset: where that fails, the earlier one keeps its classes too.
        write_class_indices(workspace.class_indices, record.class_indices)
    return Prepared(dataset=workspace.dataset, record=record, missing_columns=selection.missing_columns)


def _read_all(selection: Selection, track: Track) -> list[str]:
    """Decode each film once, so that none fails later, and hash its file; an unreadable one joins the excluded."""
    verdicts: list[tuple[str, str]] = []
    with ThreadPoolExecutor() as pool:
        verdicts.extend(
            track(pool.map(_read_one, selection.kept), "Reading films", total=len(selection.kept))  # in order
        )
    rejected = [film.excluded(reason) for film, (_, reason) in zip(selection.kept, verdicts, strict=True) if reason]
    selection.reject("image can be read", rejected)
    selection.kept = [film for film, (_, reason) in zip(selection.kept, verdicts, strict=True) if not reason]
    if not selection.kept:
        raise MetadataError(
            f"Expected image files that can be read. Received: {len(rejected)}, none of them. {rejected[0].reason}",
            hint="Check the image files, or say where they are: --images DIR",
        )
    return [digest for digest, reason in verdicts if not reason]


def _read_one(film: Candidate) -> tuple[str, str]:
    try:
        read_film(film.image)
        return hashlib.sha256(film.image.read_bytes()).hexdigest(), ""
    except ImageError as error:
        return "", error.message


def _place(selection: Selection, hashes: list[str], *, shares: Sequence[float], seed: int) -> list[Film]:
    groups = _groups(selection.kept, hashes)
    # To the split a group is its content: what folders and patients are called has no say in who is tested on what.
    content: dict[str, str] = {}
    for group, digest in zip(groups, hashes, strict=True):
        content[group] = min(digest, content.get(group, digest))
    positives = [film.label == selection.positive for film in selection.kept]
    parts = split_by_group([content[group] for group in groups], positives, shares=shares, seed=seed)
    names = _file_names(selection.kept)
    return [
        Film(
            path=DatasetFolder.film(part, film.label, name),
            label=film.label,
            split=part,
            patient=film.patient,
            group=group,
            source=film.source,
            view=film.view,
            sex=film.sex,
            age=film.age,
            finding=film.finding,
            sha256=digest,
            original=str(film.image),
        )
        for film, part, name, group, digest in zip(selection.kept, parts, names, groups, hashes, strict=True)
    ]


def _groups(films: Sequence[Candidate], hashes: Sequence[str]) -> list[str]:
    """A group a film: patients of one source, joined where they share an exact copy of a film.

    A film without a patient stands for a patient of its own.
    """
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for film, digest in zip(films, hashes, strict=True):
        if film.patient:
            # The patient first in the alphabet gives the name: the rows' order has no say in it, nor in the split.
            both = {lead(f"sha256:{digest}"), lead(f"{film.source}:{film.patient}")}
            leading = min(both, key=lambda name: (name.startswith("sha256:"), name))
            leader.update(dict.fromkeys(both, leading))
    return [lead(f"sha256:{digest}") for digest in hashes]


def _file_names(films: Sequence[Candidate]) -> list[str]:
    """The films' own file names; where two sources use the same one, the later gets a number."""
    # By lower case: on Windows and macOS, Film.png and film.png are one file.
    taken: Counter[str] = Counter()
    names = []
    for film in films:
        name = film.image.name
        while taken[name.lower()]:
            taken[film.image.name.lower()] += 1
            name = f"{film.image.stem}-{taken[film.image.name.lower()]}{film.image.suffix}"
        taken[name.lower()] += 1
        names.append(name)
    return names


def _copy_all(films: Sequence[Film], stage: Path, *, link: bool, track: Track) -> None:
    for film in track(films, "Linking films" if link else "Copying films", total=len(films)):
        original, target = Path(film.original), stage / film.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if link:
                target.hardlink_to(original.resolve())
            else:
                shutil.copyfile(original, target)
        except OSError as error:
            raise WorkspaceError(
                f"Expected to {'link' if link else 'copy'} {original} to {target.parent}. Received: {error.strerror}.",
                hint="Hard links need one file system: leave out --link" if link else "Check the free space",
            ) from error


def _record(selection: Selection, films: Sequence[Film], options: dict[str, object]) -> DatasetRecord:
    labels = (selection.negative, selection.positive)
    findings: dict[str, Counter[str]] = {label: Counter() for label in labels}
    groups: dict[str, set[str]] = defaultdict(set)
    for film in films:
        findings[film.label][film.finding] += 1
        groups[film.split].add(film.group)
    return DatasetRecord(
        schema_version=DatasetRecord.VERSION,
        **stamp(),
        options=options,
        rows=selection.rows,
        funnel=selection.funnel,
        findings={label: dict(counts.most_common()) for label, counts in findings.items()},
        films=films_by_part(films, labels),
        patients={part: len(groups[part]) for part in PARTS},
        films_without_patient=sum(not film.patient for film in films),
        # Never from the folders' order: alphabetical order would make "covid" 0, and every answer its opposite.
        class_indices={selection.negative: 0, selection.positive: 1},
        fingerprint=fingerprint(films),
    )
