"""The sha256 of files, as a record keeps them, and the check of a file against its record."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cxr_cli.errors import WorkspaceError


def digests_of(paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of those files that exist, by file name."""
    return {path.name: _digest(path) for path in paths if path.is_file()}


def check_digest(path: Path, digests: Mapping[str, str], *, hint: str) -> None:
    """Make sure that a file is the one that its record knows. A changed record beside a changed file isn't noticed.

    Args:
        path: the file, beside its record.
        digests: of `digests_of`, from the record. Without any, as in a record of an early version, nothing is checked.
        hint: what the user can do if the file is another one.

    Raises:
        WorkspaceError: the file has other content, is missing or can't be read, or the record doesn't list it.
    """
    if not digests or (path.name not in digests and not path.exists()):
        return
    if path.name not in digests:
        raise WorkspaceError(f"Expected no {path}, which the record beside it doesn't list. Received: one.", hint=hint)
    try:
        found = _digest(path)
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error
    if found != digests[path.name]:
        raise WorkspaceError(
            f"Expected {path} as it was written, with the sha256 {digests[path.name][:12]}…. "
            f"Received: a file that was changed or replaced since, {found[:12]}….",
            hint=hint,
        )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
