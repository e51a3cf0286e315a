"""The name of a cross-validation: it overwrites no finished one of other options or another dataset, unless asked."""

from typing import Any

import msgspec

from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import note
from cxr_cli.recipe.options import TrainingOptions, read_options
from cxr_cli.workspace.files import free_names
from cxr_cli.workspace.layout import Workspace


class _Study(msgspec.Struct):
    options: dict[str, Any]
    dataset_fingerprint: str


def study_name(
    workspace: Workspace,
    name: str,
    options: TrainingOptions,
    fingerprint: str,
    *,
    asked: bool,
    replace_study: bool,
) -> str:
    """The name of a study: `name`, or with a number where a finished study of something else is called so.

    A study that was stopped, or that has these options and this dataset, is continued under its name.

    Args:
        workspace: where the studies are.
        name: the name that is wanted.
        options: of training.
        fingerprint: of the dataset.
        asked: whether the user chose the name.
        replace_study: overwrite a finished study of something else.

    Raises:
        WorkspaceError: the user chose a name that is taken.
    """
    for free in free_names(name):
        record = workspace.crossval(free).record
        if replace_study or not record.is_file() or _is_of(workspace, free, options, fingerprint):
            if free != name:
                note(f"Named {free}, because {name} is finished, with other options or another dataset.")
            return free
        if asked:
            raise WorkspaceError(
                f"Expected a name for the cross-validation that is not taken. Received: {name}, which is finished, "
                "with other options or another dataset.",
                hint="To replace it: --replace. To keep it: another --name, or no --name, which adds a number",
            )
    raise AssertionError("there is always another number")


def _is_of(workspace: Workspace, name: str, options: TrainingOptions, fingerprint: str) -> bool:
    path = workspace.crossval(name).record
    try:
        study = msgspec.json.decode(path.read_bytes(), type=_Study)
        return study.dataset_fingerprint == fingerprint and read_options(study.options, path) == options
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, WorkspaceError):
        return False
