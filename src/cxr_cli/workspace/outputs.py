"""What a command may overwrite: one rule for all commands, which is also in docs/reference/steps.md.

A file that the user names is never overwritten, unless that is asked for; it is refused before any work is done. What a
command puts into the workspace by itself replaces only an earlier result of the same things: the test of a run on the
same films, the gallery of the same films. Another one gets the next free name, such as simple-cnn-2.
"""

from pathlib import Path

from cxr_cli.errors import WorkspaceError


def refuse_existing(path: Path | None, *, replace: bool) -> None:
    """Refuse to overwrite a file that the user named; see the top of this module.

    Args:
        path: the file, or in a folder of results, the one that says that they are there. None for no file.
        replace: whether to overwrite was asked for.

    Raises:
        WorkspaceError: there is a file, and `replace` is false.
    """
    if path is None or replace or not path.is_file():
        return
    raise WorkspaceError(
        f"Expected an output that does not exist yet. Received: {path}, which exists. Nothing was done.",
        hint="To overwrite it: --replace. To keep it: name another place",
    )
