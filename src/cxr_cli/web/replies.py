"""What the page shows when something is done on it: plain functions of what a browser sends, HTML out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_cli.errors import CxrError
from cxr_cli.web import html
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.web.uploads import Uploads
from cxr_cli.workspace.folders import BUNDLED
from cxr_cli.workspace.layout import has_bundled_run


@dataclass(frozen=True)
class Replies:
    """The page's replies.

    Args:
        predictors: the runs.
        uploads: where dropped films wait.
        first_run: the run to begin with. Defaults to the latest, at the time a page is opened.
    """

    predictors: RunPredictors
    uploads: Uploads
    first_run: str | None = None

    def runs(self) -> tuple[list[str], str | None]:
        """The names of the current runs, the latest first, the model in the package last; and the one to select."""
        names = [folder.name for folder in reversed(self.predictors.workspace.runs())]
        names += [BUNDLED] if has_bundled_run() else []
        return names, self.first_run if self.first_run in names else next(iter(names), None)

    def figures(self, run: str | None) -> str:
        """How `run` did on its test films."""
        return html.figures(self.predictors.workspace, run) if run else ""

    def chosen(self, run: str) -> tuple[str, str]:
        """Another run was chosen: clear the prediction, and show the figures of the new run."""
        return html.WAITING, self.figures(run)

    def film(self, path: Path, name: str, run: str | None) -> str:
        """The prediction of `run` for the film at `path`, called `name`; or the error, in the words of the commands."""
        try:
            return html.prediction(self.predictors.predict(path, name=name, run=run), name=name)
        except CxrError as problem:
            return html.error(problem)

    def upload(self, upload: Mapping[str, Any] | None, run: str | None) -> tuple[None, str]:
        """The same for a film that was dropped; it is deleted afterwards, and the drop area is empty again."""
        sent = upload or {}
        try:
            with self.uploads.taken(Path(sent.get("path") or "")) as path:
                return None, self.film(path, str(sent.get("orig_name") or "the film"), run)
        except CxrError as problem:
            return None, html.error(problem)
