"""The state of a training after a whole epoch, in one file, from which a killed one goes on to the same result.

Keras's BackupAndRestore keeps the weights and the optimizer. It knows nothing of the best model so far, the history, a
training's phases and what else the callbacks remember; and it writes over its file in place: a kill in that very moment
leaves nothing to go on from.
"""

import contextlib
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.progress import EpochRow
from cxr_cli.recipe.options import TrainingOptions, options_by_name, read_options
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.files import whole_file
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import Record, decode_record, read_record, stamp


class CheckpointRecord(Record, frozen=True, kw_only=True):
    """The first entry of a checkpoint: what is trained, and how far it is."""

    VERSION = 1
    MADE_BY = "cxr train"

    run: str
    options: dict[str, Any]
    dataset_fingerprint: str
    weights: dict[str, str]  # where the backbone came from, with its sha256
    feed: str  # what the training is fed with
    original: str | None  # what it is to reproduce: a run's name, or a path
    history: list[EpochRow]
    phase_is_over: bool  # that of the last epoch


_SHARE = 50  # a checkpoint is left out that would come sooner than so many times what the one before took
_RECORD = "record"


@dataclass(frozen=True)
class State:
    """What a training is after an epoch: arrays in the order in which Keras has them."""

    record: CheckpointRecord
    model: list[np.ndarray] = field(default_factory=list)  # of what is trained, with its random generators
    optimizer: list[np.ndarray] = field(default_factory=list)  # none before the first epoch
    best: list[np.ndarray] = field(default_factory=list)  # the weights of the best epoch; none where this is the best


class Checkpoints:
    """The checkpoints of one training: each takes the place of the one before, and the last is left to be removed."""

    def __init__(
        self, path: Path, *, run: str, options: TrainingOptions, dataset: str, original: str | None, resume: bool
    ) -> None:
        """What is trained: `dataset` is its fingerprint. With `resume`, what `path` holds is gone on from."""
        self._path = path
        self._run = run
        self._options = options
        self._dataset = dataset
        self._original = original
        self._resume = resume
        self._weights: dict[str, str] = {}
        self._feed = ""
        self._written = self._took = 0.0

    def open(self, *, weights: dict[str, str], feed: str) -> State | None:
        """Say where the backbone's weights came from, and how films are fed. Returns what to go on from, if anything.

        Raises:
            CxrError: what is to be gone on from began otherwise.
        """
        self._weights, self._feed = weights, feed
        if not self._resume:
            return None
        state = _read(self._path)
        if state.record.weights != weights:
            raise CxrError(
                f"Expected the backbone's weights that the training of {self._run} began with: {state.record.weights}. "
                f"Received: {weights}.",
                hint="Put that file back, or start anew without --resume",
            )
        if state.record.feed != feed:
            raise CxrError(
                f"Expected {self._run} to be fed with {state.record.feed}, as it began. Received: {feed}, for what "
                "fits into the cache has changed.",
                hint="Make room on the workspace's disk, or start anew without --resume",
            )
        return state

    def is_due(self) -> bool:
        """Whether the last one is long enough ago that the next costs little."""
        return time.monotonic() - self._written >= _SHARE * self._took

    def write(
        self,
        history: Sequence[EpochRow],
        *,
        over: bool,
        model: Sequence[np.ndarray],
        optimizer: Sequence[np.ndarray],
        best: Sequence[np.ndarray],
    ) -> None:
        """Write one, whole or not at all; see `State`.

        Args:
            history: of the epochs so far.
            over: the last one's phase ends with it.
            model: of what is trained.
            optimizer: of its optimizer.
            best: the weights of the best epoch, where that is not the last one.
        """
        started = time.monotonic()
        record = CheckpointRecord(
            schema_version=CheckpointRecord.VERSION,
            **stamp(),
            run=self._run,
            options=asdict(self._options),
            dataset_fingerprint=self._dataset,
            weights=self._weights,
            feed=self._feed,
            original=self._original,
            history=list(history),
            phase_is_over=over,
        )
        lists = {"model": model, "optimizer": optimizer, "best": best}
        named: dict[str, Any] = {_RECORD: np.frombuffer(msgspec.json.encode(record), np.uint8)}
        named |= {f"{name}-{place}": array for name, arrays in lists.items() for place, array in enumerate(arrays)}
        with whole_file(self._path) as stream:
            np.savez(stream, **named)
        self._written = time.monotonic()
        self._took = self._written - started

    def remove(self) -> None:
        """Remove what there is: the run is whole."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there are others, or there never was one
            self._path.parent.rmdir()


def unfinished(workspace: Workspace, name: str) -> CheckpointRecord | None:
    """What is known of the training of the run called `name` that was not ended, if there is one that can be read."""
    try:
        return _read_record(workspace.checkpoint(name)) if workspace.checkpoint(name).is_file() else None
    except WorkspaceError:
        return None


def is_trained(workspace: Workspace, options: TrainingOptions) -> bool:
    """Whether the run named after the architecture is finished, and was trained on this dataset with these options.

    Options are compared as read: a run that is older than an option was trained with that option's default.

    Raises:
        WorkspaceError: no dataset, or a damaged record.
    """
    run = workspace.new_run(options.arch)
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
    """What is known of the training to go on with.

    Raises:
        CxrError: there is none of that name, or it was of another dataset.
        WorkspaceError: no dataset, or the checkpoint is damaged, or of another version.
    """
    path = workspace.checkpoint(name)
    if not path.is_file():
        others = sorted(other.stem for other in path.parent.glob("[!.]*.npz"))
        raise CxrError(
            f"Expected an unfinished training of {name} in {path.parent}. Received: none that is past its first epoch.",
            hint=f"Unfinished there: {', '.join(others)}"
            if others
            else "Start one without --resume. Once whole, a run is not unfinished; on several devices or machines, "
            "nothing is kept to go on from",
        )
    record = _read_record(path)
    made = read_record(workspace.prepared().record, DatasetRecord)
    if record.dataset_fingerprint != made.fingerprint:
        raise CxrError(
            f"Expected the dataset that the training of {name} began with (fingerprint "
            f"{record.dataset_fingerprint[:12]}). Received: another in {workspace.dataset.root} "
            f"({made.fingerprint[:12]}).",
            hint="Prepare that one again, with the same films, options and seed; or start anew without --resume",
        )
    return record


def check_options(record: CheckpointRecord, options: TrainingOptions) -> None:
    """Refuse to go on with other options than a training began with.

    Raises:
        CxrError: they differ.
    """
    began, wanted = (options_by_name(each) for each in (read_options(record.options, Path(record.run)), options))
    changed = [name for name in began if began[name] != wanted[name]]
    if changed:
        there, here = (
            ", ".join(f"{name.replace('_', '-')} {each[name]}" for name in changed) for each in (began, wanted)
        )
        raise CxrError(
            f"Expected the options that the training of {record.run} began with: {there}. Received: {here}.",
            hint=f"Go on with its own: cxr train --resume {record.run}; or start anew without --resume",
        )


def _read_record(path: Path) -> CheckpointRecord:
    return _read(path, lists=()).record


def _read(path: Path, *, lists: Sequence[str] = ("model", "optimizer", "best")) -> State:
    """The record, and those lists of arrays that are asked for."""
    try:
        with path.open("rb") as stream, np.load(stream) as file:
            record = decode_record(file[_RECORD].tobytes(), CheckpointRecord, path)
            # In the order in which they were written.
            arrays = {kind: [file[name] for name in file.files if name.startswith(f"{kind}-")] for kind in lists}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise WorkspaceError(
            f"Expected the checkpoint of a training in {path}. Received: {error}.",
            hint="Start the training anew, without --resume",
        ) from error
    return State(record=record, **arrays)
