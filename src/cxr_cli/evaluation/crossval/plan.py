"""A prepared dataset into a plan of folds, and a fold into a workspace in which it is trained and tested."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from cxr_cli.dataset.classes import write_classes
from cxr_cli.dataset.folds import Fold, Skipped, draw_folds, leave_out
from cxr_cli.dataset.manifest import Film, films_by_part, fingerprint, read_manifest, write_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.workspace.files import lock
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record


@dataclass(frozen=True)
class Plan:
    """What is to be trained and tested on what."""

    workspace: Workspace
    made: DatasetRecord
    films: Sequence[Film]
    folds: Sequence[Fold]
    skipped: Sequence[Skipped]
    column: str | None  # whose values are left out, one a fold; None for folds that are drawn
    seed: int

    @property
    def name(self) -> str:
        """What tells it from other plans for the same films, for a folder."""
        return f"leave-out-{self.column}" if self.column else f"{len(self.folds)}-folds"


def plan_folds(workspace: Workspace, *, folds: int = 5, column: str | None = None, seed: int = 0) -> Plan:
    """Cut all of the workspace's dataset, whatever its own parts, into folds.

    Args:
        workspace: where the dataset is.
        folds: how many, where no column is given.
        column: source, view or location: a fold for each of its values, which is left out of the training.
        seed: draws what is drawn.

    Raises:
        SplitError: the films can't be cut so.
        WorkspaceError: there is no dataset, or a damaged one.
    """
    dataset = workspace.prepared()
    made, films = read_record(dataset.record, DatasetRecord), read_manifest(dataset)
    positive = made.classes.positive
    if column:
        drawn, skipped = leave_out(films, column, positive=positive, seed=seed)
    else:
        drawn, skipped = draw_folds(films, folds, positive=positive, seed=seed), []
    return Plan(workspace, made, films, drawn, skipped, column, seed)


def title(column: str | None, name: str) -> str:
    """What a fold is called."""
    return f"without {column} {name}" if column else f"fold {name}"


def write_fold(plan: Plan, fold: Fold, place: Workspace) -> None:
    """Write a fold's dataset: a manifest and a record of its own, whose films are those of the plan's dataset.

    Raises:
        WorkspaceError: the place can't be written to, or is in use.
    """
    dataset = place.dataset
    with lock(place.root):
        dataset.root.mkdir(parents=True, exist_ok=True)
        # Relative, so that the workspace can be moved; of the real folders, so that it may hold links.
        way = os.path.relpath(plan.workspace.dataset.root.resolve(), dataset.root.resolve()).replace(os.sep, "/")
        films = [
            replace(film, split=part, path=f"{way}/{film.path}")
            for film, part in zip(plan.films, fold.parts, strict=True)
            if part
        ]
        write_manifest(dataset.manifest, films)
        write_classes(place.class_indices, plan.made.classes)
        write_record(dataset.record, _record(plan, fold, films))


def _record(plan: Plan, fold: Fold, films: Sequence[Film]) -> DatasetRecord:
    return msgspec.structs.replace(
        plan.made,
        options={**plan.made.options, "split": "fold", "fold": fold.name, "left_out": plan.column, "seed": plan.seed},
        films=films_by_part(films, plan.made.classes),
        patients={part: len({film.group for film in films if film.split == part}) for part in PARTS},
        fingerprint=fingerprint(films, segment=plan.made.segment),
        given_parts=[],
        leaks=[],  # a group is in one part
    )
