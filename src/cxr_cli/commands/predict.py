"""`cxr predict`: the class and confidence of each film."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, RunOption, WorkspaceOption


def predict(
    films: Annotated[list[Path], typer.Argument(help="Films, folders of films, or globs.", show_default=False)],
    run: RunOption = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the answers to this CSV file too.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a trained run sees in each film.

    Example: cxr predict covid.png
    """
    from cxr_cli.errors import CxrError
    from cxr_cli.imaging.reader import find_films
    from cxr_cli.inference.predictor import open_predictor
    from cxr_cli.workspace.layout import Workspace

    predictor = open_predictor(Workspace.find(workspace).run(run))
    paths = find_films(films)
    if csv_file in paths:
        raise CxrError(f"Expected --csv to name a new file. Received: the film {csv_file}.", hint="--csv answers.csv")
    rows: list[dict[str, Any]] = []
    failures = 0
    answered = predictor.answer_all(paths)
    for path, answer in answered if len(paths) == 1 else console.track(answered, "Answering", total=len(paths)):
        if isinstance(answer, CxrError):
            failures += 1
            console.error(answer if len(paths) == 1 else CxrError(answer.message))
            continue
        rows.append(
            {
                "image": str(path),
                "class": answer.label,
                "confidence": round(answer.confidence, 6),
                "probabilities": {label: round(value, 6) for label, value in answer.probabilities.items()},
                "model": predictor.run.name,
            }
        )
        if answer.whole:
            console.note(f"{path}: {answer.whole}.")
        if not as_json:
            _show(rows[-1])
    if as_json:
        console.result_json(rows)
    if csv_file:
        _write_csv(csv_file, rows, predictor.negative, predictor.positive)
        console.note(f"Answers: {csv_file}")
    if rows:
        console.note(f"Answered by the run {predictor.run.name}. {console.DISCLAIMER}")
    if failures:
        if len(paths) > 1:
            console.note(f"{failures} of {len(paths)} files gave no answer.")
        raise typer.Exit(1)


def _show(row: dict[str, Any]) -> None:
    console.result(row["image"])
    console.result(f"  Class      : {row['class']}")
    console.result(f"  Confidence : {row['confidence']:.1%}")


def _write_csv(path: Path, rows: list[dict[str, Any]], negative: str, positive: str) -> None:
    import csv
    import io

    from cxr_cli.workspace.files import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "class", "confidence", f"probability_{negative}", f"probability_{positive}", "model"])
    for row in rows:
        writer.writerow([row["image"], row["class"], row["confidence"], *row["probabilities"].values(), row["model"]])
    write_text(path, text.getvalue())
