"""`cxr predict --cluster`: what it shows of an archive's predictions."""

from pathlib import Path

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.cli.options import connecting
from cxr_cli.disclaimer import DISCLAIMER


def predict_on(
    films: list[Path],
    *,
    cluster: str | None,
    output: Path | None,
    csv_file: Path | None,
    frame: int | None,
    dicom: object,
    alpha: float | None,
    prevalence: float | None,
    run: str | None,
    force: bool,
    workspace: Path | None,
    as_json: bool,
) -> None:
    """Predict an archive on a cluster, and show the counts."""
    from cxr_cli.cluster.predicting import check_usage, predict_on_cluster
    from cxr_cli.reporting.run_doubts import run_doubts
    from cxr_cli.workspace.folders import PredictionsFolder
    from cxr_cli.workspace.layout import Workspace

    address, folder = check_usage(cluster, output, csv=csv_file, frame=frame, dicom=dicom)
    console.note(connecting(address))
    place = Workspace.find(workspace)
    predictor = place.run(run)
    record = predict_on_cluster(address, predictor, films, folder, alpha=alpha, prevalence=prevalence, force=force)
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(record))
    else:
        rows = [
            ("Films", record.films),
            *record.answers.items(),
            ("no class", record.abstained),
            ("failed", record.errors),
        ]
        console.show_table(["", ""], [(name if name == "Films" else f"  {name}", f"{count:,}") for name, count in rows])
        if record.films_before:
            console.result(f"{record.films_before:,} of them were predicted before.")
        now, speed = record.films - record.films_before, f"{record.films_a_second:.1f} per second"
        console.result(f"{now:,} films in {record.seconds:,.0f} s, {speed}, by {record.threads} workers.")
    console.show_doubts(run_doubts(place, predictor), aside=True)
    console.note(f"Predictions: {PredictionsFolder(folder).parts}", dim=True)
    console.note(f"Predicted by {predictor.title}. {DISCLAIMER}", dim=True)
    if record.abstained:
        console.note(f"{record.abstained:,} of {record.films:,} films got no class; the column reason says why.")
    if record.errors:
        console.note(f"{record.errors:,} of {record.films:,} files could not be read; the column error says why.")
    without = record.abstained + record.errors
    if without:
        raise typer.Exit(exit_code_of(done=record.films - without, failed=without))
