"""`audit.html` of a run: the audit of a model to read, with examples of every view."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxr_cli.auditing.model_films import AskedFilm
from cxr_cli.auditing.model_findings import ALARM_KEPT, FRAGILE, LUNGS_KEPT, WARNING_KEPT
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.model_views import VIEWS
from cxr_cli.pages.render import write_page

EXAMPLES = 2  # films of each class
_SIDE = 200  # pixels of an example


@dataclass(frozen=True)
class ExampleFilm:
    """A film of the page, in every view."""

    asked: AskedFilm
    shown: np.ndarray  # (V, S, S) uint8, as the model is shown it


def write_model_page(path: Path, record: ModelAuditRecord, examples: Sequence[ExampleFilm]) -> None:
    """Write the page.

    Raises:
        WorkspaceError: it can't be written.
    """
    levels = {finding.about: finding.level for finding in record.findings}
    write_page(
        path,
        "model_audit.html",
        record=record,
        views=[(VIEWS[one.view], one, levels.get(one.view, "ok")) for one in record.views],
        rules={"alarm": ALARM_KEPT, "warning": WARNING_KEPT, "lungs": LUNGS_KEPT, "fragile": FRAGILE},
        examples=[_example(record, one) for one in examples],
    )


def _example(record: ModelAuditRecord, example: ExampleFilm) -> dict[str, Any]:
    film = example.asked.film
    return {
        "name": film.name,
        "truth": film.truth,
        "pictures": [
            {
                "picture": Image.fromarray(shown).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR),
                "caption": f"{view.title}: P({record.positive}) {raw:.3f}",
            }
            for view, shown, raw in zip(VIEWS.values(), example.shown, example.asked.raw, strict=True)
        ],
    }
