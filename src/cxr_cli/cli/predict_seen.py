"""What `cxr predict` tells of films that the run was trained on: the answers for them are no test."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxr_cli.prediction.predictor import Prediction, Predictor
    from cxr_cli.workspace.layout import Workspace

_WHAT = {
    "film": "was trained or validated on this film",
    "copy": "was trained or validated on a copy of this film (re-encoded, resized, cropped or inverted)",
    "maybe copy": "may have been trained or validated on a copy of this film",
}


class Seen:
    """Looks up the films that are answered."""

    def __init__(self, predictor: "Predictor", workspace: "Workspace") -> None:
        from cxr_cli.dataset.seen import open_seen

        self._predictor = predictor
        self._seen = open_seen(predictor.run, workspace.dataset, trained_on=predictor.record.dataset_fingerprint)
        self._found: Counter[str] = Counter()
        self._films = 0

    def match(self, path: Path, answer: "Prediction") -> str | None:
        """How the run knows a film: film, copy, maybe copy, or empty; None for a run that doesn't say what it saw."""
        from cxr_cli.films.reader import read_film

        if self._seen is None:
            return None
        shown = None if self._predictor.record.segment else answer.shown  # not the lungs alone
        kind = self._seen.match_file(path, read_film(path) if shown is None else shown)
        self._films += 1
        self._found[kind] += bool(kind)
        return kind

    def notes(self, *, alone: bool) -> list[str]:
        """A sentence on what was found, none where nothing was."""
        total = self._found.total()
        if not total:
            return []
        run = self._predictor.run.name
        if alone:
            (kind,) = (kind for kind, count in self._found.items() if count)
            return [f"Note: {run} {_WHAT[kind]}: the answer is no test."]
        kinds = ", ".join(f"{kind} {self._found[kind]}" for kind in _WHAT if self._found[kind])
        return [
            f"Note: {run} was trained or validated on {total} of these {self._films} films ({kinds}; see seen in CSV "
            "and JSON): the answers for them are no test."
        ]
