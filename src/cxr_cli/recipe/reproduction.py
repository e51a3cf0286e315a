"""Train a run again from its record: what must be the same, and whether it is. No TensorFlow."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, NoRunError, WorkspaceError
from cxr_cli.nearest import did_you_mean
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.options import options_by_name, read_options
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import Reproduction, RunRecord
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

# May differ: the hashes of the weights and of the masks are compared instead, and the kind of input.
_SETTINGS = {"weights", "cache", "masks"}


@dataclass(frozen=True)
class Original:
    """A run that is to be trained again."""

    called: str  # as the user named it
    folder: RunFolder
    record: RunRecord | LungRunRecord

    @property
    def new_name(self) -> str:
        """The default name of the run that reproduces it."""
        return f"{self.called if self._is_named else self.record.arch}-again"

    @property
    def place(self) -> str:
        """A name or path that finds it from any working directory."""
        return self.called if self._is_named else str(self.folder.root.resolve())

    @property
    def _is_named(self) -> bool:
        return self.folder.name == self.called


def find_original(workspace: Workspace, run: str) -> Original:
    """Find a run by its name in the workspace, or by the path of its `run.json` or folder.

    Raises:
        NoRunError: no such run or file.
        WorkspaceError: its record is damaged.
    """
    runs = [*workspace.runs(), *workspace.lung_runs()]
    named = next((each for each in runs if each.name == run), None)
    path = named.root if named else Path(run)
    if path.is_dir():
        path = next((one for one in _records(RunFolder(path)) if one.is_file()), path)
    if not path.is_file():
        names = sorted(each.name for each in runs)
        raise NoRunError(
            f"Expected the name of a run in {workspace.models}, or the path of a run.json. Received: {run}.",
            hint=f"{did_you_mean(run, names)} Runs there: {', '.join(names) or 'none'}".lstrip(),
        )
    folder = RunFolder(path.parent)
    if path.name == folder.lung_record.name:
        return Original(called=run, folder=folder, record=read_record(path, LungRunRecord))
    return Original(called=run, folder=folder, record=read_record(path, RunRecord))


def _records(run: RunFolder) -> tuple[Path, Path]:
    return run.record, run.lung_record


def check_dataset(original: Original, made: DatasetRecord, *, command: str) -> None:
    """Refuse to reproduce a run on another dataset.

    Raises:
        CxrError: the dataset or its split is not the one that the original was trained on.
    """
    expected = original.record.dataset_fingerprint
    if made.fingerprint != expected:
        raise CxrError(
            f"Expected the dataset that {original.called} was trained on (fingerprint {expected[:12]}, "
            f"{_count(original.record.films)} films). Received: other films or another split ({made.fingerprint[:12]}, "
            f"{_count(made.films)} films), on which nothing can be reproduced.",
            hint=f"To train on this dataset with those options anyway, name the new run: {command} --name NAME",
        )


def _count(films: dict[str, dict[str, int]]) -> int:
    return sum(sum(labels.values()) for labels in films.values())


def hash_weights(weights: Sequence[np.ndarray], trees: bytes = b"") -> str:
    """Compute the sha256 of a network's weights, in Keras's order, and of its boosted trees."""
    digest = hashlib.sha256()
    for weight in weights:
        digest.update(f"{weight.dtype.str} {weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    digest.update(trees)
    return digest.hexdigest()


def compare_with_original(original: Original, record: RunRecord | LungRunRecord, run: RunFolder) -> Reproduction:
    """Compare a run with the one that it should reproduce.

    Args:
        original: the earlier run.
        record: the record of the new run.
        run: the folder of the new run.
    """
    before, after = original.record, record
    options = [
        options_by_name(read_options(each.options, each_run.record))
        for each, each_run in ((before, original.folder), (after, run))
    ]
    changed = [
        f"{name.replace('_', '-')} {options[1][name]} (before: {options[0][name]})"
        for name in sorted(options[0])
        if options[0][name] != options[1][name] and name not in _SETTINGS
    ]
    if before.dataset_fingerprint != after.dataset_fingerprint:
        changed.append("another dataset or split")
    if before.weights.get("sha256") != after.weights.get("sha256"):
        changed.append("a backbone with other weights")
    then: dict[str, float] = {}
    now: dict[str, float] = {}
    if isinstance(before, RunRecord) and isinstance(after, RunRecord):
        if before.feed and before.feed != after.feed:
            changed.append(f"fed with {after.feed} (before: {before.feed})")
        then, now = _raw_probabilities(original.folder, before), _raw_probabilities(run, after)
    elif isinstance(before, LungRunRecord) and isinstance(after, LungRunRecord):
        changed += ["other masks"] if before.masks_sha256 != after.masks_sha256 else []
    same_films = then.keys() == now.keys() and bool(now)
    return Reproduction(
        of=original.called,
        changed=changed,
        versions=[
            f"{name} {version} (before: {before.versions.get(name, 'none')})"
            for name, version in after.versions.items()
            if version != before.versions.get(name)
        ],
        same_weights=before.weights_sha256 == after.weights_sha256 if before.weights_sha256 else None,
        max_probability_difference=max(abs(then[film] - now[film]) for film in now) if same_films else None,
        films=len(now) if same_films else 0,
    )


def _raw_probabilities(run: RunFolder, record: RunRecord) -> dict[str, float]:
    """The raw P(positive) of each validation film, by image; none where the predictions were not kept."""
    try:
        return {film.image: film.raw_probability for film in read_validation(run, record)}
    except WorkspaceError:
        return {}
