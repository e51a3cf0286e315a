"""What the page says, as HTML. All text from outside is escaped."""

import base64
import io
import shlex

from PIL import Image

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.doubts import alarm
from cxr_cli.errors import CxrError
from cxr_cli.evaluation.caveats import caveats
from cxr_cli.evaluation.current import why_outdated
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.transforms import WHOLE_FILM, FilmBox
from cxr_cli.metrics.table import meaning_of, metrics_in
from cxr_cli.recipe.record import RunRecord
from cxr_cli.visible import visible_html as escape
from cxr_cli.web.predicting import ShownAbstention, ShownPrediction
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

WAITING = '<div class="cxr-waiting"><p>The prediction appears here.</p></div>'


def header() -> str:
    """The page's header, which stays visible."""
    return f"<header><h1>Chest X-ray classifier</h1><p>{escape(DISCLAIMER)}</p></header>"


def prediction(shown: ShownPrediction | ShownAbstention, *, name: str) -> str:
    """A run's prediction for the film called `name`: class, probabilities, film and heat map; or why there is none."""
    if isinstance(shown, ShownAbstention):
        return _abstention(shown, name=name)
    result = shown.prediction
    bars = "".join(
        f'<li class="{"cxr-chosen" if label == result.label else ""}"><span>{escape(label)}</span>'
        f'<span class="cxr-bar" aria-hidden="true"><i style="width: {value:.1%}"></i></span>'
        f"<span>{value:.1%}</span></li>"
        for label, value in result.probabilities.items()
    )
    answer = result.answer
    decision = f'<p class="cxr-decision">{escape(answer.decision)}</p>' if answer.decision else ""
    sets = "".join(f'<p class="cxr-decision">{escape(sentence)}</p>' for sentence in shown.sets)
    known = f'<p class="cxr-warning">{escape(shown.seen)}</p>' if shown.seen else ""
    caption = " ".join(filter(None, (shown.caption, result.part)))
    return (
        f"{_section(shown)}<p>{escape(name)}, predicted by {escape(shown.run)}</p>"
        f"<h2>{escape(answer.label)} <span>{answer.confidence or ''}</span></h2>{decision}{sets}{known}"
        f'<ul class="cxr-bars">{bars}</ul>'
        f'<div class="cxr-pictures">{_film(shown, name)}<figure>'
        f'<div class="cxr-film" role="img" aria-label="The heat map over the film">'
        f'<img class="cxr-heat" src="{_data_url(shown.heat, "PNG")}" alt="">{_frame(result.box)}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure></div></section>"
    )


def _frame(box: FilmBox) -> str:
    """The edge of the part of the film that the model was shown, if that is not all of it."""
    if box == WHOLE_FILM:
        return ""
    left, top, right, bottom = box
    return f'<i class="cxr-frame" style="inset: {top:.2%} {1 - right:.2%} {1 - bottom:.2%} {left:.2%}"></i>'


def _abstention(shown: ShownAbstention, *, name: str) -> str:
    return (
        f"{_section(shown)}<p>{escape(name)}, not predicted by {escape(shown.run)}</p>"
        f"<h2>no class <span>{escape(shown.reason)}</span></h2>"
        f'<div class="cxr-pictures">{_film(shown, name)}</div></section>'
    )


def _section(shown: ShownPrediction | ShownAbstention) -> str:
    """The start of a section, with the film as a property, so that the page has it once for both pictures."""
    film = _data_url(shown.film, "JPEG", quality=92)
    shape = f"{shown.size[0]} / {shown.size[1]}"
    return f'<section class="cxr-prediction" style="--cxr-film: url({film}); --cxr-shape: {shape}">'


def _film(shown: ShownPrediction | ShownAbstention, name: str) -> str:
    size = f"{shown.size[0]} × {shown.size[1]} pixels"
    return (
        '<figure><div class="cxr-film" role="img" aria-label="The film"></div>'
        f"<figcaption>{escape(name)}, {size}</figcaption></figure>"
    )


def error(problem: CxrError) -> str:
    """An error and its hint, worded as on the command line."""
    text = f"<p>Error: {escape(problem.message)}</p><p>{escape(problem.hint)}</p>"
    return f'<div class="cxr-error" role="alert">{text}</div>'


def figures(workspace: Workspace, run: str) -> str:
    """How a run did on its test films, as `cxr evaluate` measured it, and whether that is out of date."""
    command = f"cxr evaluate {run} --workspace {shlex.quote(str(workspace.root))}"
    try:
        folder = workspace.run(run)
        trained = read_record(folder.record, RunRecord)
        path = workspace.evaluation(run, "test").record
        if path.is_file():
            dataset = workspace.dataset.record
            evaluation = read_record(path, EvaluationRecord)
            made = read_record(dataset, DatasetRecord) if dataset.is_file() else None
            text = _evaluation(evaluation, outdated=why_outdated(evaluation, trained, made), command=command)
        elif folder.version:
            text = f"<p>See its model card, <code>{escape(folder.model_card.name)}</code> in the package.</p>"
        else:
            text = f"<p>Not tested yet: <code>{escape(command)}</code></p>"
    except CxrError as problem:
        return error(problem)
    return f'<section class="cxr-figures"><h3>How {escape(run)} did on its test films</h3>{text}</section>'


def _evaluation(evaluation: EvaluationRecord, *, outdated: str, command: str) -> str:
    doubts = caveats(evaluation)
    if outdated:
        doubts.insert(0, alarm(f"These figures are out of date, because {outdated}.", f"Test the run again: {command}"))
    point = evaluation.operating_point
    chosen = f" ({escape(point.chosen)})" if point else ""
    return (
        f"<table>{_rows(evaluation)}</table><p>{evaluation.counted()}. "
        f"Positive class: {escape(evaluation.positive)}, from a probability of {evaluation.threshold:.3g}{chosen}.</p>"
        + "".join(f'<p class="cxr-warning">{escape(str(doubt))}</p>' for doubt in doubts)
    )


def _rows(evaluation: EvaluationRecord) -> str:
    text = ""
    for metric in metrics_in("page"):
        value, interval = evaluation.metrics[metric.name], evaluation.intervals[metric.name]
        meaning = meaning_of(
            metric, evaluation.confusion_matrix, positive=evaluation.positive, negative=evaluation.negative
        )
        figure = "not defined" if value is None else f"{value:.3f}"
        if interval:
            figure += f" <small>({interval.low:.2f} to {interval.high:.2f})</small>"
        text += f'<tr><th scope="row">{metric.label}</th><td>{figure}</td><td>{escape(meaning)}</td></tr>'
    return text


def _data_url(picture: Image.Image, kind: str, **options: int) -> str:
    data = io.BytesIO()
    picture.save(data, format=kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"
