"""`cxr predict`: the class and confidence of each film."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.cli import console, predict_cluster, predict_seen
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.cli.options import ClusterOption, JsonOption, RunOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.progress import track


def predict(
    films: Annotated[list[Path], typer.Argument(help="Films, folders of films, or globs.", show_default=False)],
    run: RunOption = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the answers to this CSV file too.", show_default=False)
    ] = None,
    cluster: ClusterOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="With --cluster: the folder for the answers; the same command goes on where it was stopped.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a trained run sees in each film.

    Example: cxr predict covid.png
    """
    predict_cluster.check(cluster, output, csv_file)
    if cluster and output:
        predict_cluster.predict_on(cluster, films, output, run=run, workspace=workspace, as_json=as_json)
        return
    from cxr_cli.errors import CxrError
    from cxr_cli.films.find import find_films
    from cxr_cli.prediction.predictor import open_predictor
    from cxr_cli.workspace.layout import Workspace

    found = Workspace.find(workspace)
    predictor = open_predictor(found.run(run))
    seen = predict_seen.Seen(predictor, found)
    paths = find_films(films)
    if csv_file and csv_file in paths:
        raise CxrError(f"Expected --csv to name a new file. Received: the film {csv_file}.", hint="--csv answers.csv")
    answered = predictor.predict_all(paths)
    alone = len(paths) == 1
    failures = 0
    with (
        _table(csv_file, predictor.negative, predictor.positive) as write,
        console.json_array() if as_json else nullcontext(_show) as show,
    ):
        for path, answer in answered if alone else track(answered, "Answering", total=len(paths)):
            if isinstance(answer, CxrError):
                failures += 1
                console.error(answer if alone else CxrError(answer.message))
                continue
            if answer.whole:
                console.note(f"{path}: {answer.whole}.")
            row: dict[str, Any] = {
                "image": str(path),
                "class": answer.label,
                "confidence": round(answer.confidence, 6),
                "probabilities": {label: round(value, 6) for label, value in answer.probabilities.items()},
                "model": predictor.run.name,
                "threshold": predictor.record.threshold,
                "seen": seen.match(path, answer),
            }
            show(row if as_json else row | {"decision": answer.decision})
            first, last = ("image", "class", "confidence"), ("model", "threshold", "seen")
            write([*(row[name] for name in first), *row["probabilities"].values(), *(row[name] for name in last)])
    if csv_file:
        console.note(f"Answers: {csv_file}")
    for sentence in seen.notes(alone=alone):
        console.note(sentence)
    if failures < len(paths):
        console.note(f"Answered by the run {predictor.run.name}. {DISCLAIMER}")
    if failures:
        if not alone:
            console.note(f"{failures} of {len(paths)} files gave no answer.")
        raise typer.Exit(exit_code_of(done=len(paths) - failures, failed=failures))


def _show(row: dict[str, Any]) -> None:
    console.result(row["image"])
    console.result(f"  Class      : {row['class']}")
    console.result(f"  Confidence : {row['confidence']:.1%}")
    if row["decision"]:
        console.result(f"  Decided by : {row['decision']}")


@contextmanager
def _table(path: Path | None, negative: str, positive: str) -> Iterator[Callable[[list[Any]], None]]:
    """Writes rows as they come; where the command is stopped midway, it says where they are."""
    from cxr_cli.workspace.files import growing_table, partial

    if path is None:
        yield lambda row: None
        return
    probabilities = [f"probability_{negative}", f"probability_{positive}"]
    columns = ["image", "class", "confidence", *probabilities, "model", "threshold", "seen"]
    try:
        with growing_table(path, columns) as write:
            yield write
    except BaseException:
        if partial(path).is_file():
            console.note(f"Answers so far: {partial(path)}")
        raise
