"""`cxr predict`: the class and confidence of each film."""

from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import console, predict_cluster
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.cli.options import (
    AlphaOption,
    ClusterOption,
    DicomOutOption,
    ForceOption,
    FrameOption,
    JsonOption,
    ReplaceOption,
    RunOption,
    WorkspaceOption,
)
from cxr_cli.disclaimer import DISCLAIMER


def predict(
    films: Annotated[
        list[Path] | None, typer.Argument(help="Films, folders of films, or globs.", show_default=False)
    ] = None,
    run: RunOption = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Write the predictions to this CSV file too; - for stdout.", show_default=False),
    ] = None,
    alpha: AlphaOption = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence",
            metavar="SHARE",
            help="Give probabilities for this prevalence of the disease, for example 0.05; classes stay the same.",
            show_default=False,
        ),
    ] = None,
    frame: FrameOption = None,
    cluster: ClusterOption = None,
    dicom_out: DicomOutOption = None,
    dicomweb: Annotated[
        str | None,
        typer.Option(
            "--dicomweb",
            metavar="URL",
            help="In place of films: the address of a DICOMweb server to fetch them from, with --study.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="UID", help="With --dicomweb: the study to predict.", show_default=False),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option("--series", metavar="UID", help="With --study: this series alone.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="With --cluster: the folder for the predictions. The same command continues where it was stopped. "
            "A name that ends in .csv is used as with --csv.",
            show_default=False,
        ),
    ] = None,
    replace: ReplaceOption = False,
    force: ForceOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the class of each film with a trained run.

    P is the probability of the positive class, as the run estimates it. The operating point decides the class,
    and the confidence is the probability of that class: see docs/reference/predictions.md.

    A picture that is not an upright frontal chest film, or unlike the run's own films, gets no class.

    Example: cxr predict covid.png
    """
    if not (films or dicomweb or study or series):
        raise typer.BadParameter(
            "Expected films, or a DICOMweb server with a study. For example: cxr predict film.png, or cxr predict films"
        )
    if output and not cluster:
        _check_output(output)
    if cluster:
        predict_cluster.predict_on(
            films or [],
            cluster=cluster,
            output=output,
            csv_file=csv_file,
            frame=frame,
            alpha=alpha,
            prevalence=prevalence,
            dicom=dicom_out or dicomweb,
            run=run,
            force=force,
            workspace=workspace,
            as_json=as_json,
        )
        return
    from cxr_cli.api.opening import opened_films
    from cxr_cli.cli.missing_workspace import say_missing
    from cxr_cli.cli.predict_output import STDOUT, rows_shown, summary
    from cxr_cli.errors import CxrError
    from cxr_cli.prediction.abstention import abstention_summary
    from cxr_cli.prediction.files import predict_files, seen_sentence, seen_summary
    from cxr_cli.prediction.predictor import open_predictor
    from cxr_cli.recipe.prevalence import shift_in_words
    from cxr_cli.recipe.sets import open_sets
    from cxr_cli.reporting.run_doubts import run_doubts
    from cxr_cli.workspace.layout import Workspace

    table = _table(csv_file, output, as_json=as_json)
    place = Workspace.find(workspace)
    say_missing(workspace, run)
    predictor = open_predictor(place.run(run), prevalence=prevalence)
    sets = None if alpha is None else open_sets(predictor.run, alpha)
    doubts = run_doubts(place, predictor.run)
    with ExitStack() as stack:
        paths, reports = stack.enter_context(
            opened_films(
                films or (),
                predictor,
                frame=frame,
                dicomweb=dicomweb,
                study=study,
                series=series,
                dicom_out=dicom_out,
            )
        )
        name, alone = predictor.run.name_and_version, len(paths) == 1
        classes, failed = Counter(dict.fromkeys(predictor.classes, 0)), 0
        seen, reasons = Counter[str](), Counter[str]()
        as_csv, csv = table == STDOUT, None if table == STDOUT else table
        show = rows_shown(predictor, sets, films=len(paths), doubts=doubts, as_json=as_json, as_csv=as_csv, stack=stack)
        results = predict_files(
            predictor,
            paths,
            dataset=place.dataset,
            csv=csv,
            replace=replace,
            sets=sets,
            force=force,
            by_name=bool(dicomweb),
        )
        stack.enter_context(closing(results))
        for result in results:
            if result.row.reason:
                reasons[result.row.reason] += 1
            elif result.error:
                failed += 1
                console.show_error(result.error if alone else CxrError(result.error.message))  # one hint for all
            if result.row.class_ is not None:
                classes[result.row.class_] += 1
            seen.update(filter(None, [result.row.seen]))
            if result.row.note:
                console.note(f"{result.row.image}: {result.row.note}.")
            if reports:
                reports.add(result.film, result.row)
            show(result.row)
    predicted = classes.total()
    if not alone:
        console.note(summary(classes, abstained=len(paths) - predicted - failed, failed=failed))
    if predicted:
        console.show_doubts(doubts, aside=True)
    if csv:
        console.note(f"Predictions: {csv}", dim=True)
    if reports:
        reports.tell()
        for problem in reports.failed:
            console.show_error(problem)
    if seen:
        console.note(seen_sentence(name, next(iter(seen))) if alone else seen_summary(name, seen, predicted))
    if reasons:
        console.note(abstention_summary(reasons, films=len(paths), forced=force))
    if predicted:
        for sentence in sets.notes if sets else ():
            console.note(sentence)
        if prevalence is not None:
            console.note(shift_in_words(predictor.record, prevalence))
        why = f" ({place.models} has no trained run)" if predictor.run.version and run is None else ""
        console.note(f"Predicted by {predictor.run.title}{why}. {DISCLAIMER}", dim=True)
    done = predicted - len(reports.failed if reports else [])
    if done < len(paths):
        raise typer.Exit(exit_code_of(done=predicted, failed=len(paths) - done))


def _check_output(output: Path) -> None:
    """Refuse an output that is no CSV file, and say how to get what its name asks for."""
    from cxr_cli.errors import UsageError

    suffix = output.suffix.lower()
    if suffix == ".csv":
        return
    if suffix == ".json":
        hint = f"For JSON: cxr predict DIR --json > {output}"
    elif suffix:
        hint = f"Spreadsheets open CSV: -o {output.with_suffix('.csv')}"
    else:
        hint = f"For a CSV file: -o {output}.csv. For a folder of Parquet files: add --cluster local"
    raise UsageError(
        f"Expected the name of a CSV file. Received: {output}. Without a cluster, -o writes CSV.", hint=hint
    )


def _table(csv_file: Path | None, output: Path | None, *, as_json: bool) -> Path | None:
    """The CSV file, which ``--output FILE.csv`` can only mean too; `STDOUT` for ``-``."""
    from cxr_cli.cli.predict_output import STDOUT
    from cxr_cli.errors import UsageError

    if csv_file and output:
        raise UsageError(
            f"Expected one CSV file. Received: {csv_file} and {output}.", hint=f"Leave out --output {output}"
        )
    table = csv_file or output
    if table == STDOUT and as_json:
        raise UsageError(
            "Expected one kind of table on stdout. Received: JSON and CSV.", hint="Leave out --json, or --csv -"
        )
    return table
