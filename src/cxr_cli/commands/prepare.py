"""`cxr prepare`: metadata and images to a split dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, SeedOption, WorkspaceOption

if TYPE_CHECKING:
    from cxr_cli.dataset.prepare import Prepared


def prepare(
    metadata: Annotated[
        list[Path],
        typer.Option("--metadata", help="CSV file in the ieee8023 schema; may be given again.", show_default=False),
    ],
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of the image files. Default: the metadata's own.", show_default=False),
    ] = None,
    views: Annotated[str, typer.Option("--views", help="Views to keep, with commas between.")] = "PA,AP,AP Supine",
    positive: Annotated[str, typer.Option("--positive", help="The finding that makes a film positive.")] = "COVID-19",
    split: Annotated[str, typer.Option("--split", help="Shares of train, val and test.")] = "70/15/15",
    seed: SeedOption = 0,
    link: Annotated[bool, typer.Option("--link", help="Hard links in place of copies.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read metadata and images, and split them by patient into train, val and test.

    Example: cxr prepare --metadata dataset/metadata.csv
    """
    from cxr_cli.dataset import prepare as core
    from cxr_cli.dataset.split import parse_shares
    from cxr_cli.workspace.layout import Workspace

    prepared = core.prepare(
        Workspace.find(workspace),
        metadata,
        images=images,
        views=[view.strip() for view in views.split(",") if view.strip()],
        positive=positive,
        shares=parse_shares(split),
        seed=seed,
        link=link,
        track=console.track,
    )
    for column in prepared.missing_columns:
        effect = "films count as one patient each" if column == "patientid" else "its rule was skipped"
        console.note(f"Note: a metadata file has no column {column!r}: {effect}.")
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(prepared.record))
    else:
        _show(prepared)


def _show(prepared: "Prepared") -> None:
    record = prepared.record
    steps = [("rows in the metadata", "", record.rows)]
    steps += [(step.rule, f"-{step.removed}" if step.removed else "0", step.left) for step in record.funnel]
    console.table([("Rows", "left out", "kept"), *steps], indent=0)
    console.result()
    labels = list(record.class_indices)
    rows = [
        (part, *(counts[label] for label in labels), record.patients[part]) for part, counts in record.films.items()
    ]
    totals = [sum(row[i] for row in rows) for i in range(1, len(labels) + 2)]  # type: ignore[misc]
    console.table([("Films", *labels, "patients"), *rows, ("all", *totals)], indent=0)
    console.result()
    for label, findings in record.findings.items():
        shown = ", ".join(f"{finding} {count}" for finding, count in list(findings.items())[:6])
        more = f", and {len(findings) - 6} more" if len(findings) > 6 else ""
        console.result(f"{label}: {shown}{more}")
    small = [f"{part} {label} {n}" for part, counts in record.films.items() for label, n in counts.items() if n < 10]
    if small:
        console.result(f"Fewer than ten films ({', '.join(small)}): figures on so few say little.")
    if record.films_without_patient:
        console.result(
            f"{record.films_without_patient} films name no patient and count as one each: "
            "leakage between the parts can't be excluded."
        )
    console.result()
    console.result(f"Dataset : {prepared.dataset.root}")
    console.result(f"Left out: {prepared.dataset.excluded}")
    console.result(f"Pictures: {prepared.dataset.distribution_picture.parent}")
