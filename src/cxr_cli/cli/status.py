"""`cxr status`: whether the installation and the workspace are whole."""

from typing import TYPE_CHECKING

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.cli.options import JsonOption, WorkspaceOption
from cxr_cli.extras import EXTRA_OF

if TYPE_CHECKING:
    from cxr_cli.upkeep.status import Status


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Check the installation and the workspace, and show the next step.

    Shows versions, extras, cached weights and free disk space. Reads every record of the workspace, and compares the
    files of each run with their sha256 in its record. Changes nothing. Exits with 1 if something is damaged.

    Example: cxr status
    """
    from cxr_cli.api.upkeep import status as find

    found = find(workspace=workspace)
    if as_json:
        console.result_json(_as_json(found))
    else:
        _show(found)
    if not found.is_whole:
        raise typer.Exit(ExitCode.ERROR)


def _as_json(found: "Status") -> dict[str, object]:
    import msgspec

    return {**msgspec.to_builtins(found, enc_hook=str), "whole": found.is_whole}


def _show(found: "Status") -> None:
    known = {name: number for name, number in found.versions.items() if number}
    main = [name for name in ("cxr", "bundled model", "Python") if name in known]
    lines = [("Versions", ", ".join(f"{name} {known[name]}" for name in main))]
    lines.append(("", ", ".join(f"{name} {number}" for name, number in known.items() if name not in main)))
    missing = [name for name, number in found.versions.items() if not number and name not in EXTRA_OF]
    if missing:
        lines.append(("", f"not installed: {', '.join(missing)}"))
    lines.append(("System", found.system))
    lines += _extras(found)
    cached = ", ".join(f"{name} ({_size(size)})" for name, size in found.weights.items()) or "none"
    lines.append(("Weights", f"{cached} in {found.weights_folder}"))
    lines.append(("Workspace", f"{found.workspace}, {_size(found.workspace_bytes)}; {_size(found.free_bytes)} free"))
    lines += _contents(found)
    lines += [("In use", f"{place}: {who}") for place, who in found.in_use.items()]
    if found.left_overs:
        count = len(found.left_overs)
        what = "1 file or folder" if count == 1 else f"{count} files and folders"
        lines.append(("Leftovers", f"{what} of commands that are still running, or were killed"))
    for name, text in lines:
        console.result(f"{name:<10} {':' if name else ' '} {text}")
    for fault in found.faults:
        console.result()
        console.result(f"Damaged: {fault.problem}")
        if fault.hint:
            console.result(f"  {fault.hint}")
    console.result()
    console.result(f"Next: {found.next}")


def _extras(found: "Status") -> list[tuple[str, str]]:
    there = [extra.name for extra in found.extras if not extra.missing]
    lines = [("Extras", ", ".join(there) or "none")]
    return lines + [
        ("", f'not installed: {extra.name}, for {extra.purpose}: pip install "cxr-cli[{extra.name}]"')
        for extra in found.extras
        if extra.missing
    ]


def _contents(found: "Status") -> list[tuple[str, str]]:
    dataset = "none is prepared"
    if found.dataset_films is not None:
        dataset = f"{found.dataset_films:,} films, prepared on {found.dataset_prepared[:10]}"
    runs = ", ".join(found.runs) or "none"
    if found.runs:
        runs += f"; {found.checked_files} files are as they were written"
    lines = [("Dataset", dataset), ("Runs", runs)]
    if found.unfinished:
        lines.append(("", f"unfinished: {', '.join(found.unfinished)}"))
    if found.results:
        lines.append(("Results", ", ".join(f"{name} {count}" for name, count in found.results.items())))
    return lines


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
