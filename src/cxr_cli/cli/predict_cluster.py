"""`cxr predict --cluster`: the checks of its options, and what it tells of an archive's answers."""

from pathlib import Path

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.cli.options import connecting
from cxr_cli.disclaimer import DISCLAIMER


def check(cluster: str | None, output: Path | None, csv_file: Path | None) -> None:
    """Refuse options that don't go together."""
    if cluster and not output:
        raise typer.BadParameter("give the folder for the answers: --output FOLDER", param_hint="--cluster")
    if output and not cluster:
        raise typer.BadParameter("goes with --cluster only", param_hint="--output")
    if cluster and csv_file:
        raise typer.BadParameter("a cluster writes Parquet: leave it out", param_hint="--csv")


def predict_on(
    cluster: str, films: list[Path], output: Path, *, run: str | None, workspace: Path | None, as_json: bool
) -> None:
    """Answer for an archive on a cluster, and tell what became of it; exits with 4 if some films could not be read."""
    from cxr_cli.cluster.predicting import predict_on_cluster
    from cxr_cli.workspace.folders import PredictionsFolder
    from cxr_cli.workspace.layout import Workspace

    console.note(connecting(cluster))
    record = predict_on_cluster(cluster, Workspace.find(workspace).run(run), films, output)
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(record))
    else:
        rows = [("Films", record.films), *record.answers.items(), ("no answer", record.errors)]
        console.table([(name if name == "Films" else f"  {name}", f"{count:,}") for name, count in rows], indent=0)
        if record.films_before:
            console.result(f"{record.films_before:,} of them were answered before.")
        now, speed = record.films - record.films_before, f"{record.films_a_second:.1f} a second"
        console.result(f"{now:,} films in {record.seconds:,.0f} s, {speed}, by {record.threads} workers.")
    console.note(f"Answers: {PredictionsFolder(output).parts}")
    console.note(f"Answered by the run {record.run}. {DISCLAIMER}")
    if record.errors:
        console.note(f"{record.errors:,} of {record.films:,} files gave no answer; the column error says why.")
        raise typer.Exit(exit_code_of(done=record.films - record.errors, failed=record.errors))
