"""What to say before a dataset is replaced."""

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.reading import is_there
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.staging import listed


def replaced_in_words(workspace: Workspace) -> str:
    """Say which dataset a new one will replace, and which runs have tests on it; empty where there is none.

    Call it under the lock of the dataset.
    """
    if not is_there(workspace.dataset.record):
        return ""
    try:
        earlier = read_record(workspace.dataset.record, DatasetRecord)
    except WorkspaceError:  # damaged: all the more a reason to make it again
        return ""
    films = sum(count for labels in earlier.films.values() for count in labels.values())
    named = earlier.options.get("metadata") or [earlier.options.get("folders") or ""]
    sources = ", ".join(filter(None, named)) or ("DICOM files" if earlier.options.get("dicom") else "")
    sentence = f"Replaces the dataset of {films:,} films" + (f" made from {sources}" if sources else "")
    runs = [
        run
        for run in sorted(listed(workspace.evaluations("")))
        if any(is_there(workspace.evaluation(run, part).record) for part in PARTS)
    ]
    if runs:
        sentence += f"; the tests of {', '.join(runs)} will be out of date, unless the films stay the same"
    return f"{sentence}."
