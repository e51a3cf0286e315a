"""The state of training after an epoch, in one file, from which a run that was killed is resumed to the same result.

Keras's BackupAndRestore keeps the weights and the optimizer. It doesn't keep the best model so far, the history, the
phases and what else the callbacks remember; and it overwrites its file in place, so that a kill at that moment leaves
nothing to resume from.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, UsageError, WorkspaceError
from cxr_cli.nearest import did_you_mean
from cxr_cli.progress import EpochRow, LungEpochRow
from cxr_cli.recipe.options import TrainingOptions, options_by_name, read_options
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.arrays import read_arrays
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import Record, decode_record, read_record, stamp
from cxr_cli.workspace.staging import whole_file


class CheckpointRecord(Record, frozen=True, kw_only=True):
    """The first entry of a checkpoint: what is trained, and how far training has come."""

    VERSION = 2
    MADE_BY = "cxr train"

    run: str
    options: dict[str, Any]
    dataset_fingerprint: str
    weights: dict[str, str]  # where the backbone came from, with its sha256
    feed: str  # the kind of input, see `Feed.kind`
    original: str | None  # the run that it is to reproduce: a name or a path
    history: list[EpochRow]
    phase_is_over: bool  # the phase of the last epoch
    lung_history: list[LungEpochRow] = []  # noqa: RUF012 - msgspec copies it; in place of `history`, of a run that finds lungs

    @property
    def epoch(self) -> int:
        """The last epoch."""
        return (self.history or self.lung_history)[-1].epoch


_RECORD = "record"


@dataclass(frozen=True)
class State:
    """The state of training after an epoch: arrays in the order in which Keras has them."""

    record: CheckpointRecord
    model: list[np.ndarray] = field(default_factory=list)  # of the trained model, with its random generators
    optimizer: list[np.ndarray] = field(default_factory=list)  # none before the first epoch
    best: list[np.ndarray] = field(
        default_factory=list
    )  # the weights of the best epoch; none if this epoch is the best


class Checkpoints:
    """The checkpoints of one training run: each replaces the previous one."""

    def __init__(
        self, path: Path, *, run: str, options: TrainingOptions, dataset: str, original: str | None, resume: bool
    ) -> None:
        """Describe what is trained; `dataset` is the fingerprint. `resume` says whether to resume from `path`."""
        self._path = path
        self._run = run
        self._options = options
        self._dataset = dataset
        self._original = original
        self._resume = resume
        self._weights: dict[str, str] = {}
        self._feed = ""

    def open(self, *, weights: dict[str, str], feed: str) -> State | None:
        """Say where the backbone's weights came from, and how films are fed; give the state to resume from, if any.

        Raises:
            CxrError: training began with other weights or another kind of input.
        """
        self._weights, self._feed = weights, feed
        if not self._resume:
            return None
        state = _read(self._path)
        if state.record.weights != weights:
            raise CxrError(
                f"Expected the weights of the backbone that the run {self._run} began with: {state.record.weights}. "
                f"Received: {weights}.",
                hint="Put that file back, or train without --resume",
            )
        if state.record.feed != feed:
            raise CxrError(
                f"Expected {self._run} to be trained on {state.record.feed}, as before. Received: {feed}, because the "
                "space of the cache has changed.",
                hint="Free space on the workspace's disk, or train without --resume",
            )
        return state

    def write(
        self,
        history: Sequence[EpochRow] | Sequence[LungEpochRow],
        *,
        over: bool,
        model: Sequence[np.ndarray],
        optimizer: Sequence[np.ndarray],
        best: Sequence[np.ndarray],
    ) -> None:
        """Write a checkpoint atomically; see `State`.

        Args:
            history: of the epochs so far.
            over: whether the phase of the last epoch ends with it.
            model: the variables of the trained model.
            optimizer: the variables of its optimizer.
            best: the weights of the best epoch, if that is not the last one.
        """
        record = CheckpointRecord(
            schema_version=CheckpointRecord.VERSION,
            **stamp(),
            run=self._run,
            options=asdict(self._options),
            dataset_fingerprint=self._dataset,
            weights=self._weights,
            feed=self._feed,
            original=self._original,
            history=[row for row in history if isinstance(row, EpochRow)],
            lung_history=[row for row in history if isinstance(row, LungEpochRow)],
            phase_is_over=over,
        )
        lists = {"model": model, "optimizer": optimizer, "best": best}
        named: dict[str, Any] = {_RECORD: np.frombuffer(msgspec.json.encode(record), np.uint8)}
        named |= {f"{name}-{place}": array for name, arrays in lists.items() for place, array in enumerate(arrays)}
        with whole_file(self._path) as stream:
            np.savez(stream, **named)

    def remove(self) -> None:
        """Remove the checkpoint, because the run is finished."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there are others, or the folder is missing
            self._path.parent.rmdir()


def unfinished(workspace: Workspace, name: str) -> CheckpointRecord | None:
    """Read the record of the unfinished training run `name`, if there is one that can be read."""
    try:
        return _read_record(workspace.checkpoint(name)) if workspace.checkpoint(name).is_file() else None
    except WorkspaceError:
        return None


def unfinished_names(workspace: Workspace) -> list[str]:
    """The names of the training runs that have a checkpoint."""
    return sorted(path.stem for path in workspace.checkpoints.glob("[!.]*.npz"))


def is_trained(workspace: Workspace, options: TrainingOptions, *, name: str | None = None) -> bool:
    """Whether the run called `name` is finished, and was trained on this dataset with these options.

    The default name is that of the architecture.

    Options are compared as read: a run that is older than an option was trained with that option's default.

    Raises:
        WorkspaceError: no dataset, or a damaged record.
    """
    run = workspace.new_run(name or options.arch)
    if not run.record.is_file():
        return False
    record = read_record(run.record, RunRecord)
    made = read_record(workspace.prepared().record, DatasetRecord)
    return (
        record.stopped_by != "interrupt"
        and record.dataset_fingerprint == made.fingerprint
        and read_options(record.options, run.record) == options
    )


def is_unfinished(workspace: Workspace, name: str, options: TrainingOptions) -> bool:
    """Whether the training run called `name` stopped on this dataset, with these options, and can be resumed.

    Raises:
        WorkspaceError: no dataset, or a damaged record.
    """
    checkpoint = unfinished(workspace, name)
    made = read_record(workspace.prepared().record, DatasetRecord)
    return (
        checkpoint is not None
        and checkpoint.dataset_fingerprint == made.fingerprint
        and read_options(checkpoint.options, workspace.checkpoint(name)) == options
    )


def find_unfinished(workspace: Workspace, name: str) -> CheckpointRecord:
    """Read the record of the training run to resume.

    Raises:
        CxrError: there is none of that name, or it was trained on another dataset.
        WorkspaceError: no dataset, or the checkpoint is damaged, or of another version.
    """
    path = workspace.checkpoint(name)
    if not path.is_file():
        others = unfinished_names(workspace)
        raise CxrError(
            f"Expected an unfinished run {name} in {path.parent}. Received: none that finished its first epoch.",
            hint=f"{did_you_mean(name, others)} Unfinished runs: {', '.join(others)}".lstrip()
            if others
            else "Start one without --resume. A finished run can't be resumed, nor one on several devices or machines, "
            "which keeps no checkpoints",
        )
    record = _read_record(path)
    made = read_record(workspace.prepared().record, DatasetRecord)
    if record.dataset_fingerprint != made.fingerprint:
        raise CxrError(
            f"Expected the dataset that the training run {name} began with (fingerprint "
            f"{record.dataset_fingerprint[:12]}). Received: another in {workspace.dataset.root} "
            f"({made.fingerprint[:12]}).",
            hint="Prepare that one again, with the same films, options and seed; or train without --resume",
        )
    return record


def check_options(record: CheckpointRecord, options: TrainingOptions) -> None:
    """Refuse to resume with other options than training began with.

    Raises:
        CxrError: they differ.
    """
    began, wanted = (options_by_name(each) for each in (read_options(record.options, Path(record.run)), options))
    changed = [name for name in began if began[name] != wanted[name]]
    if changed:
        there, here = (
            ", ".join(f"{name.replace('_', '-')} {each[name]}" for name in changed) for each in (began, wanted)
        )
        raise UsageError(
            f"Expected the options that the training run {record.run} began with: {there}. Received: {here}.",
            hint=f"Resume it with its own: cxr train --resume {record.run}; or train without --resume",
        )


def _read_record(path: Path) -> CheckpointRecord:
    return _read(path, lists=()).record


def _read(path: Path, *, lists: Sequence[str] = ("model", "optimizer", "best")) -> State:
    """Read the record, and the given lists of arrays."""
    what, hint = "the checkpoint of a training run", "Train from the beginning, without --resume"
    arrays = read_arrays(path, what=what, hint=hint, names=lambda name: name.split("-")[0] in (_RECORD, *lists))
    if _RECORD not in arrays:
        raise WorkspaceError(f"Expected {what} in {path}. Received: no record.", hint=hint)
    record = decode_record(arrays[_RECORD].tobytes(), CheckpointRecord, path)
    # In the order in which they were written.
    by_kind = {kind: [array for name, array in arrays.items() if name.startswith(f"{kind}-")] for kind in lists}
    return State(record=record, **by_kind)
