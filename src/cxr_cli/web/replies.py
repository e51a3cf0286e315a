"""What the page shows when something is done on it: functions of what a browser sends, HTML out."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_cli.errors import CxrError
from cxr_cli.web import html
from cxr_cli.web.uploads import Uploads
from cxr_cli.web.workers import FilmWorkers
from cxr_cli.workspace.folders import BUNDLED
from cxr_cli.workspace.layout import Workspace, has_bundled_run

_NAME_LENGTH = 200  # characters of a film's name that are shown


@dataclass(frozen=True)
class Replies:
    """The page's replies.

    Args:
        workspace: where the runs are.
        workers: the processes that predict.
        uploads: where dropped films wait.
        first_run: the run to begin with. Defaults to the latest, at the time a page is opened.
    """

    workspace: Workspace
    workers: FilmWorkers
    uploads: Uploads
    first_run: str | None = None

    async def opened(self) -> tuple[dict[str, Any], str]:
        """The page was opened: list the current runs, the latest first, the model in the package last."""
        names = [folder.name for folder in reversed(await asyncio.to_thread(self.workspace.runs))]
        names += [BUNDLED] if has_bundled_run() else []
        first = self.first_run if self.first_run in names else next(iter(names), None)
        listed = {"__type__": "update", "choices": [[name, name] for name in names], "value": first}  # Gradio's form
        return listed, await self._figures(first)

    async def chosen(self, run: object) -> tuple[str, str]:
        """Another run was chosen: clear the prediction, and show the figures of the new run."""
        return html.WAITING, await self._figures(_run(run))

    async def sample(self, path: Path, run: object) -> tuple[str]:
        """A film to try was chosen: show its prediction."""
        return (await self._film(path, path.name, _run(run)),)

    async def upload(self, film: object, run: object) -> tuple[None, str]:
        """A film was dropped: show its prediction, delete it, and empty the drop area."""
        sent = film if isinstance(film, dict) else {}
        try:
            with self.uploads.taken(str(sent.get("path"))) as path:
                return None, await self._film(path, _name(sent.get("orig_name")), _run(run))
        except CxrError as problem:
            return None, html.error(problem)

    async def _film(self, path: Path, name: str, run: str | None) -> str:
        """The prediction of `run` for the film at `path`, called `name`; or the error, in the words of the commands."""
        try:
            return await self.workers.predict(path, name=name, run=run)
        except CxrError as problem:
            return html.error(problem)

    async def _figures(self, run: str | None) -> str:
        return await asyncio.to_thread(html.figures, self.workspace, run) if run else ""


def _run(sent: object) -> str | None:
    return sent if isinstance(sent, str) else None


def _name(sent: object) -> str:
    """A film's name as it can be shown: one line of visible characters."""
    text = "".join(character if character.isprintable() else " " for character in str(sent or ""))
    return " ".join(text.split())[:_NAME_LENGTH] or "the film"
