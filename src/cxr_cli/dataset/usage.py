"""Arguments of `prepare` that don't go together, in words for Python and the command line alike."""

import os
from collections.abc import Mapping
from pathlib import Path

from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.workspace.layout import Workspace

# What goes with which source of films.
_GOES_WITH = {
    "findings": ("dicom",),
    "images": ("metadata",),
    "views": ("metadata", "dicom"),
    "hold_out": ("metadata",),
    "patient_pattern": ("folders",),
}


def check_sources(sources: Mapping[str, object], further: Mapping[str, object]) -> None:
    """Refuse arguments that don't go together.

    Args:
        sources: what films may come from; exactly one may be given.
        further: the arguments that go with some of them; None where they are not given.

    Raises:
        UsageError: none or several sources, or an argument of another one.
    """
    given = [name for name, value in sources.items() if value]
    if len(given) != 1:
        raise UsageError(
            f"Expected one of metadata, folders and dicom. Received: {' and '.join(given) or 'none of them'}.",
            hint="For example: cxr prepare --metadata FILE; or: cxr prepare --folders DIR; "
            "or: cxr prepare --dicom DIR --findings FILE",
        )
    for name, value in further.items():
        if value is not None and given[0] not in _GOES_WITH[name]:
            wanted = " or ".join(_GOES_WITH[name])
            raise UsageError(f"Expected {name} with {wanted} only. Received: {name} without it.", hint="Leave it out")
    if given == ["dicom"] and further["findings"] is None:
        raise UsageError(
            "Expected dicom with findings, which the headers lack. Received: dicom alone.",
            hint="Name a CSV file with a column finding, and one of SOPInstanceUID, AccessionNumber and filename: "
            "--findings FILE",
        )


def refuse_inside(workspace: Workspace, path: Path, what: str) -> None:
    """Refuse a source inside the dataset that is about to be replaced.

    Raises:
        WorkspaceError: `path` lies there.
    """
    if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(workspace.dataset.root)):
        raise WorkspaceError(
            f"Expected {what} outside {workspace.dataset.root}, which is replaced. Received: {path}.",
            hint="Name another workspace: --workspace DIR",
        )
