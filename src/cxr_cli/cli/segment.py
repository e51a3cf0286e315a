"""`cxr segment`: the lungs of films."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.cli.options import JsonOption, Method, WorkspaceOption
from cxr_cli.cli.segment_output import show_film, show_summary
from cxr_cli.progress import track

if TYPE_CHECKING:
    from cxr_cli.workspace.layout import Workspace

_DEFAULT = next(iter(Method))


def segment(
    films: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Frontal films, folders of films, or globs. Default: those of the prepared dataset.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[Method, typer.Option("--method", help="How the film's gray is clustered.")] = _DEFAULT,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="A folder of masks to compare with; that of film.jpg is film.jpg.png or film.png.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The folder. Default: segmentations/ in the workspace.", show_default=False
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the lungs in frontal films, and write their masks.

    Clusters of gray are joined with a prior of where lungs are. Writes overlays, cluster maps and a table too. A film
    on which it fails is called doubtful, and its mask is kept apart.

    Example: cxr segment covid.png --method fcm
    """
    import msgspec

    from cxr_cli.errors import CxrError
    from cxr_cli.films.find import find_films
    from cxr_cli.lungs.segment import check_reference, named, segment_files, summarize
    from cxr_cli.workspace.folders import SegmentationFolder
    from cxr_cli.workspace.layout import Workspace

    place = Workspace.find(workspace)
    jobs = named(find_films(films) if films else _prepared(place))
    if reference:
        check_reference(reference, jobs.values())
    folder = SegmentationFolder(output) if output else place.segmentations(method)
    found = segment_files(jobs, folder, method=method, reference=reference)
    done, failed = [], []
    for path, film in found if len(jobs) == 1 else track(found, "Finding lungs", total=len(jobs)):
        if isinstance(film, CxrError):
            failed.append(path)
            console.error(film if len(jobs) == 1 else CxrError(film.message))
            continue
        done.append(film)
        if not as_json:
            show_film(film)
    record = summarize(done, failed, folder, method=method, reference=reference)
    if as_json:
        console.result_json(msgspec.to_builtins(record))
    elif done:
        show_summary(record, folder)
    if failed:
        if len(jobs) > 1:
            console.note(f"{len(failed)} of {len(jobs)} files gave no answer.")
        raise typer.Exit(exit_code_of(done=len(done), failed=len(failed)))


def _prepared(workspace: "Workspace") -> list[Path]:
    """The prepared dataset's films from where they came, or its own where those are gone."""
    from cxr_cli.dataset.manifest import read_manifest
    from cxr_cli.errors import CxrError

    dataset = workspace.dataset
    if not dataset.record.is_file():
        raise CxrError(
            f"Expected films, or a prepared dataset in {dataset.root}. Received: neither.",
            hint="Name a film or a folder: cxr segment film.png",
        )
    originals = ((dataset.root / film.path, Path(film.original)) for film in read_manifest(dataset))
    return [original if original.is_file() else copy for copy, original in originals]
