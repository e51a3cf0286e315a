"""A password for the page: a form, a cookie, and one guess per second."""

import asyncio
import hashlib
import hmac
import secrets
import time
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.web.guard import LOGIN, STATIC
from cxr_cli.web.limits import PageLimits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_SESSIONS = 1000  # logins that are valid at the same time; of more, the oldest ends
_AFTER_WRONG = 1.0  # seconds, for everybody: the password is one, whoever guesses
_OPEN = frozenset({f"{STATIC}page.css", f"{STATIC}icon.svg"})  # how the form looks
_FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>cxr: log in</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="static/icon.svg"><link rel="stylesheet" href="static/page.css"></head>
<body class="login"><main>
<h1>Chest X-ray classifier</h1><p>{disclaimer}</p><p role="alert">{problem}</p>
<form method="post" action="login"><p><label>Password<br>
<input type="password" name="password" required autofocus autocomplete="current-password"></label></p>
<p><button>Open the page</button></p></form></main></body></html>"""


class PageLogin:
    """The page behind a password.

    Args:
        app: the page.
        password: what opens it.
        port: where it listens; cookies of a host are sent to all its ports.
        limits: how long a login lasts, and how many wait to be checked.
    """

    def __init__(self, app: "ASGIApp", password: str, *, port: int, limits: PageLimits) -> None:
        self.app = app
        self.limits = limits
        self._digest = _digest(password)
        self._cookie = f"cxr-login-{port}"
        self._sessions: dict[str, float] = {}  # digest of each cookie -> when it ends, the oldest first
        self._checking = asyncio.Lock()
        self._waiting = 0

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass on the requests of who is logged in, and log in who knows the password."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from starlette.requests import ClientDisconnect, Request
        from starlette.responses import PlainTextResponse, RedirectResponse

        request = Request(scope, receive)
        if scope["path"] == LOGIN:
            try:
                response = await self._log_in(request) if scope["method"] == "POST" else _form()
            except ClientDisconnect:
                response = PlainTextResponse("Expected a password. Received: only part of it in time.\n", 408)
        elif self._is_in(request) or scope["path"] in _OPEN:
            await self.app(scope, receive, send)
            return
        elif scope["path"] == "/":
            response = RedirectResponse("login", status_code=303)
        else:
            response = PlainTextResponse("Expected a login. Received: none. Open the page to log in.\n", 401)
        await response(scope, receive, send)

    async def _log_in(self, request: "Request") -> "Response":
        from starlette.responses import RedirectResponse

        body = await request.body()
        if self._waiting >= self.limits.logins_waiting:
            return _form("Too many passwords are being tried. Try again later.", status=429)
        password = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        self._waiting += 1
        try:
            async with self._checking:
                if not hmac.compare_digest(_digest(password), self._digest):
                    await asyncio.sleep(_AFTER_WRONG)
                    return _form("This is not the password.", status=403)
        finally:
            self._waiting -= 1
        token = secrets.token_urlsafe(32)
        seconds = self.limits.login_hours * 3600
        if len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[_digest(token).hex()] = time.monotonic() + seconds
        response = RedirectResponse("./", status_code=303)
        response.set_cookie(
            *(self._cookie, token),
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def _is_in(self, request: "Request") -> bool:
        token = request.cookies.get(self._cookie, "")
        return self._sessions.get(_digest(token).hex(), 0.0) > time.monotonic()


def _form(problem: str = "", *, status: int = 200) -> "Response":
    from starlette.responses import HTMLResponse

    return HTMLResponse(_FORM.format(disclaimer=escape(DISCLAIMER), problem=escape(problem)), status_code=status)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
