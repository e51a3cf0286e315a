"""The routes that take the place of Gradio's own, which keep files, remember pages and run anything in threads."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cxr_cli.errors import CxrError
from cxr_cli.web.guard import PREDICT, PROGRESS, UPLOAD
from cxr_cli.web.page import SAMPLES
from cxr_cli.web.uploads import Uploads

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

T = TypeVar("T")
Reply = Callable[..., Coroutine[Any, Any, tuple[Any, ...]]]  # what a browser sends -> a value for each output
_SCRIPT = Path(__file__).with_name("page.js")


class PageEvent(msgspec.Struct):
    """What Gradio's page sends when something is done on it."""

    fn_index: int
    data: list[Any]


def add_routes(app: "FastAPI", replies: Mapping[int, Reply], uploads: Uploads, samples: Sequence[Path]) -> None:
    """Add the routes.

    Args:
        app: the application that gets them.
        replies: what to call for each event of the page.
        uploads: where dropped films wait.
        samples: the films to try.
    """
    from starlette.exceptions import HTTPException
    from starlette.formparsers import MultiPartException, MultiPartParser
    from starlette.requests import ClientDisconnect
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

    async def upload(request: "Request") -> Response:
        parser = MultiPartParser(request.headers, uploads.counted(request.stream()), max_files=1, max_fields=0)
        try:
            form = await parser.parse()
        except ClientDisconnect:  # or it was too slow
            return PlainTextResponse("Expected a film. Received: too little, too slowly.\n", 408)
        except (MultiPartException, HTTPException, KeyError):
            return PlainTextResponse("Expected one film, as a form sends it. Received: something else.\n", 400)
        except CxrError as error:
            return PlainTextResponse(f"{error.message} {error.hint}\n", 503)
        films = [film for film in form.getlist("files") if not isinstance(film, str)]
        try:
            return JSONResponse([str(await uploads.keep(film.file)) for film in films])
        finally:
            await form.close()

    async def progress(request: "Request") -> Response:
        # The page polls the progress of the upload; there is nothing to wait for.
        return PlainTextResponse('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    async def predict(request: "Request") -> Response:
        try:
            event = msgspec.json.decode(await request.body(), type=PageEvent)
            reply = replies[event.fn_index]
            signature(reply).bind(*event.data)
        except ClientDisconnect:
            return PlainTextResponse("Expected an event of the page. Received: too little, too slowly.\n", 408)
        except (msgspec.DecodeError, RecursionError, LookupError, TypeError):
            return PlainTextResponse("Expected an event of the page. Received: something else.\n", 400)
        data = await _unless_left(request, reply(*event.data))
        if data is None:
            return Response(status_code=499)  # nobody receives it
        return JSONResponse({"data": data, "is_generating": False})

    async def script(request: "Request") -> Response:
        return FileResponse(_SCRIPT)

    films = {path.name: path for path in samples}

    async def sample(request: "Request") -> Response:
        path = films.get(request.path_params["name"])
        return FileResponse(path) if path else PlainTextResponse("Not found.\n", 404)

    app.add_route(UPLOAD, upload, methods=["POST"])
    app.add_route(PROGRESS, progress)
    app.add_route(PREDICT, predict, methods=["POST"])
    app.add_route("/page.js", script)
    app.add_route(f"{SAMPLES}/{{name}}", sample)


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
