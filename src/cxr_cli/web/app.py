"""The page's addresses: its files, what it shows at first, and what it gets for a film. Starlette, without state."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cxr_cli.errors import CxrError
from cxr_cli.web.answers import FilmAnswer, Problem, page_start, run_figures
from cxr_cli.web.guard import FIGURES, FILMS, HEALTH, PIXELS, SAMPLES, START, STATIC
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.uploads import Uploads
from cxr_cli.web.workers import FilmWorkers
from cxr_cli.workspace.layout import Workspace

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

T = TypeVar("T")
_FILES = Path(__file__).with_name("static")
_NAME_LENGTH = 200  # characters of a film's name that are shown


@dataclass(frozen=True)
class PageApp:
    """The page's replies.

    Args:
        workspace: where the runs are.
        workers: the processes that read films.
        uploads: where films are while they are worked on.
        samples: films to try.
        limits: of films and their number.
        first_run: the run to begin with. Defaults to the latest, at the time a page is opened.
    """

    workspace: Workspace
    workers: FilmWorkers
    uploads: Uploads
    samples: Sequence[Path]
    limits: PageLimits
    first_run: str | None = None

    def build(self) -> "ASGIApp":
        """The ASGI application."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        files = {path.name: path for path in _FILES.iterdir() if path.is_file()}
        samples = {path.name: path for path in self.samples}
        showing = asyncio.Semaphore(self.limits.shown_at_once)

        async def page(request: "Request") -> "Response":
            return _file(files, "page.html")

        async def static(request: "Request") -> "Response":
            return _file(files, request.path_params["name"])

        async def sample(request: "Request") -> "Response":
            return _file(samples, request.path_params["name"])

        async def pixels(request: "Request") -> "Response":
            return await self._pixels(request, showing)

        return Starlette(
            routes=[
                Route("/", page),
                Route(f"{STATIC}{{name}}", static),
                Route(f"{SAMPLES}{{name}}", sample),
                Route(HEALTH, self._health),
                Route(START, self._start),
                Route(f"{FIGURES}{{run}}", self._figures),
                Route(FILMS, self._film, methods=["POST"]),
                Route(PIXELS, pixels, methods=["POST"]),
            ]
        )

    async def _health(self, request: "Request") -> "Response":
        from starlette.responses import Response

        return Response(status_code=204)

    async def _start(self, request: "Request") -> "Response":
        start = await asyncio.to_thread(
            page_start,
            self.workspace,
            first_run=self.first_run,
            samples=[path.name for path in self.samples],
            film_mb=self.limits.film_mb,
        )
        return _json(start)

    async def _figures(self, request: "Request") -> "Response":
        return _json(await asyncio.to_thread(run_figures, self.workspace, request.path_params["run"]))

    async def _film(self, request: "Request") -> "Response":
        """Predict the film in the body of a request."""
        from starlette.requests import ClientDisconnect
        from starlette.responses import Response

        name, run = _film_name(request), request.query_params.get("run") or None
        try:
            async with self.uploads.received(request.stream()) as path:
                answer = await _unless_left(request, self.workers.predict(path, name=name, run=run))
        except ClientDisconnect:  # or it was too slow
            return _too_slow()
        except CxrError as error:
            answer = msgspec.json.encode(FilmAnswer(error=Problem.of(error)))
        if answer is None:
            return Response(status_code=499)  # nobody receives it
        return Response(answer, media_type="application/json")

    async def _pixels(self, request: "Request", showing: asyncio.Semaphore) -> "Response":
        """Send back the film in the body of a request as a viewer can show it."""
        from starlette.requests import ClientDisconnect

        try:
            async with self.uploads.received(request.stream()) as path:
                await showing.acquire()
                into = path.with_suffix(".pixels")
                try:
                    await self.workers.write_pixels(path, into, name=_film_name(request))
                    return _sent_once(into, showing, self.limits)
                except BaseException:
                    into.unlink(missing_ok=True)
                    showing.release()
                    raise
        except ClientDisconnect:
            return _too_slow()
        except CxrError as error:
            return _json(Problem.of(error), status=422)


def _sent_once(path: Path, showing: asyncio.Semaphore, limits: PageLimits) -> "Response":
    """Send a file and remove it, however the sending ends; a receiver that is too slow is left."""
    from starlette.responses import FileResponse
    from starlette.types import Receive, Scope, Send

    class SentOnce(FileResponse):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                seconds = limits.body_seconds + path.stat().st_size / limits.body_rate
                async with asyncio.timeout(seconds):
                    await super().__call__(scope, receive, send)
            except (TimeoutError, OSError):
                return
            finally:
                path.unlink(missing_ok=True)
                showing.release()

    return SentOnce(path, media_type="application/octet-stream")


def _file(files: Mapping[str, Path], name: str) -> "Response":
    from starlette.responses import FileResponse, PlainTextResponse

    path = files.get(name)
    return FileResponse(path) if path else PlainTextResponse("Not found.\n", 404)


def _json(value: msgspec.Struct, *, status: int = 200) -> "Response":
    from starlette.responses import Response

    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _too_slow() -> "Response":
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("Expected a film. Received: only part of it in time.\n", 408)


def _film_name(request: "Request") -> str:
    """A film's name as it can be shown: one line of visible characters."""
    sent = request.query_params.get("name", "")
    text = "".join(character if character.isprintable() else " " for character in sent)
    return " ".join(text.split())[:_NAME_LENGTH] or "the film"


async def _unless_left(request: "Request", work: Coroutine[Any, Any, T]) -> T | None:
    """Wait for `work`. If whoever asked leaves, cancel it and return None."""
    task, left = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        left.cancel()
        task.cancel()


async def _left(request: "Request") -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
