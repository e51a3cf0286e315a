"""The folds of a cross-validation, and the workspace in which each of them is trained and tested."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from cxr_cli.dataset.classes import write_classes
from cxr_cli.dataset.duplicates import read_small
from cxr_cli.dataset.folds import Fold, Skipped, draw_folds
from cxr_cli.dataset.folds import leave_out as leave_out_values
from cxr_cli.dataset.manifest import Film, dataset_fingerprint, films_by_part, read_manifest, write_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import UsageError
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.locks import lock
from cxr_cli.workspace.records import read_record, write_record

DEFAULT_FOLDS = 5
LEAVE_OUT_COLUMNS = ("source", "view", "location")  # of the manifest
_FEWEST_FOLDS = 2


@dataclass(frozen=True)
class FoldPlan:
    """Which films each fold trains on, and which it tests."""

    workspace: Workspace
    made: DatasetRecord
    films: Sequence[Film]
    folds: Sequence[Fold]
    skipped: Sequence[Skipped]
    column: str | None  # the column whose values are left out, one per fold; None where folds are drawn
    repeats: int
    seed: int  # of the first repeat

    @property
    def in_repeat(self) -> int:
        """The number of folds in one repeat."""
        return len(self.folds) // self.repeats

    @property
    def name(self) -> str:
        """What distinguishes it from other plans for the same films, for a folder's name.

        Not the repeats: more of them can be added to those that are there.
        """
        return f"leave-out-{self.column}" if self.column else f"{self.in_repeat}-folds"

    def title(self, fold: Fold) -> str:
        """Name one of its folds for people."""
        return fold_title(self.column, fold.name, fold.repeat if self.repeats > 1 else None)

    def seed_of(self, fold: Fold) -> int:
        """The random seed of a fold: of its films, and of its training."""
        return self.seed + fold.repeat - 1


def plan_folds(
    workspace: Workspace,
    *,
    folds: int | None = None,
    repeats: int = 1,
    leave_out: str | None = None,
    seed: int = 0,
) -> FoldPlan:
    """Divide the whole dataset, whatever its own split, into folds.

    Args:
        workspace: where the dataset is.
        folds: number of folds to draw, by patient. Defaults to 5.
        repeats: how many times the dataset is divided into folds, each time with another seed. Defaults to 1.
        leave_out: one of `LEAVE_OUT_COLUMNS`, in place of `folds`: one fold for each of its values, which is left out
            of training and tested on.
        seed: random seed of the folds; that of each further repeat is one more.

    Raises:
        UsageError: `leave_out` with `folds` or `repeats`, too few folds or repeats, or an unknown column.
        SplitError: the films can't be divided like this.
        WorkspaceError: no dataset, or a damaged one.
    """
    _check(folds, repeats, leave_out)
    dataset = workspace.prepared()
    made, films = read_record(dataset.record, DatasetRecord), read_manifest(dataset)
    positive = made.classes.positive
    if leave_out:
        drawn, skipped = leave_out_values(films, leave_out, positive=positive, seed=seed)
    else:
        drawn, skipped = draw_folds(films, folds or DEFAULT_FOLDS, positive=positive, seed=seed, repeats=repeats), []
    return FoldPlan(workspace, made, films, drawn, skipped, leave_out, repeats, seed)


def _check(folds: int | None, repeats: int, leave_out: str | None) -> None:
    if folds is not None and leave_out:
        raise UsageError(
            f"Expected folds or a column to leave out. Received: {folds} folds and {leave_out}.",
            hint="Leave out one of them",
        )
    if folds is not None and folds < _FEWEST_FOLDS:
        raise UsageError(
            f"Expected {_FEWEST_FOLDS} or more folds. Received: {folds}.", hint="For example: cxr crossval --folds 5"
        )
    if repeats < 1:
        raise UsageError(
            f"Expected 1 or more repeats. Received: {repeats}.", hint="For example: cxr crossval --repeats 3"
        )
    if repeats > 1 and leave_out:
        raise UsageError(
            f"Expected one repeat where each {leave_out} is left out: its films are the same each time. "
            f"Received: {repeats}.",
            hint="Leave out --repeats, or draw folds: --folds 5",
        )
    if leave_out is not None and leave_out not in LEAVE_OUT_COLUMNS:
        raise UsageError(
            f"Expected one of {', '.join(LEAVE_OUT_COLUMNS)} to leave out. Received: {leave_out}.",
            hint="For example: cxr crossval --leave-out source",
        )


def fold_title(column: str | None, name: str, repeat: int | None = None) -> str:
    """Name a fold for people; `repeat` is its number, None where there is only one."""
    if column:
        return f"without {column} {name}"
    return f"fold {name}" if repeat is None else f"repeat {repeat}, fold {name}"


def write_fold(plan: FoldPlan, fold: Fold, place: Workspace) -> None:
    """Write a fold's dataset: its own manifest and record, which refer to the films of the plan's dataset.

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
        small = read_small(plan.workspace.dataset, films=len(plan.films))
        np.save(dataset.small, small[[bool(part) for part in fold.parts]])
        write_classes(place.class_indices, plan.made.classes)
        write_record(dataset.record, _record(plan, fold, films))


def _record(plan: FoldPlan, fold: Fold, films: Sequence[Film]) -> DatasetRecord:
    return msgspec.structs.replace(
        plan.made,
        options={
            **plan.made.options,
            "split": "fold",
            "fold": fold.name,
            "left_out": plan.column,
            "seed": plan.seed_of(fold),
        },
        films=films_by_part(films, plan.made.classes),
        patients={part: len({film.group for film in films if film.split == part}) for part in PARTS},
        fingerprint=dataset_fingerprint(films, plan.made.framing),
        given_parts=[],
        leaks=[],  # a group is in one part
    )
