"""What the functions of the API accept for paths: a str or a Path everywhere."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cxr_cli.errors import UsageError
from cxr_cli.workspace.layout import Workspace

AnyPath = str | Path
AnyPaths = AnyPath | Iterable[AnyPath]


def find_workspace(workspace: AnyPath | None) -> Workspace:
    """Find the workspace: `workspace`, or else $CXR_WORKSPACE, or else ./workspace."""
    return Workspace.find(as_path(workspace))


def as_path(path: AnyPath | None) -> Path | None:
    """Convert to a Path; None stays None."""
    return None if path is None else Path(path)


def as_paths(paths: AnyPaths | None) -> list[Path]:
    """Convert one path, several, or None to a list."""
    if paths is None:
        return []
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def as_text(value: str | None) -> str | None:
    """Convert a choice of an enumeration to its plain text, as records keep it."""
    return None if value is None else str(value)


def choose_run(run: str | None, model: str | None) -> str | None:
    """The run that is named as `run` or as `model`; None if as neither.

    Raises:
        UsageError: they differ.
    """
    if run is not None and model is not None and run != model:
        raise UsageError(f"Expected one run. Received: two, {run} and {model}.", hint=f"Leave out --model {model}")
    return model if run is None else run


def split_views(views: str | Sequence[str] | None) -> list[str]:
    """Split "PA,AP" at its commas; a sequence stays as it is."""
    parts = views.split(",") if isinstance(views, str) else views or []
    return [view.strip() for view in parts if view.strip()]
