"""What every request passes first, and what every response gets: ASGI, around the page.

A request is refused, in words, unless it is sent to a name of this server (else a hostile site could let its own name
point here: DNS rebinding), by the page itself rather than by another site, to a route that the page needs, and with a
body that is small enough and not too slow.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cxr_cli.web.limits import THIS_MACHINE, PageLimits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALL_ADDRESSES = frozenset({"0.0.0.0", "::"})
# The addresses of the page. Those that end with a slash have a name after it.
START, HEALTH, FIGURES = "/api/start", "/api/health", "/api/runs/"
FILMS, PIXELS = "/api/films", "/api/pixels"  # a film is the body of a request
STATIC, SAMPLES, LOGIN = "/static/", "/samples/", "/login"
_NEEDED = {
    "GET": re.compile(
        rf"/|{LOGIN}|{START}|{HEALTH}|{FIGURES}[^/]+|({STATIC}|{SAMPLES})\w[\w.-]*",
        re.ASCII,
    ),
    "POST": re.compile(f"{FILMS}|{PIXELS}|{LOGIN}"),
}
_NEEDED["HEAD"] = _NEEDED["GET"]
_UPLOADS = frozenset({FILMS, PIXELS})
# `blob:` for pictures that the page makes of a film, and for the files that it offers to save.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY,
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:/@\s]+))(?::\d{1,5})?")


@dataclass(frozen=True)
class HostNames:
    """The names that the page answers to, whatever the port: a tunnel may have another one.

    Args:
        names: in lower case.
        proxied: those of a proxy before the page, which may send requests on under another name.
        any_address: also any IP address. No site can point a name of its own at a request for an address.
    """

    names: frozenset[str]
    proxied: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, host: str, proxied: Collection[str]) -> "HostNames":
        """The names of a page that listens on `host`, and of the proxies before it."""
        extra = frozenset(name.lower() for name in proxied)
        names = {host.lower(), *extra}
        if host in THIS_MACHINE | _ALL_ADDRESSES:
            names |= THIS_MACHINE
        if host not in THIS_MACHINE:
            names.add(socket.gethostname().lower())
        return cls(frozenset(names), extra, any_address=host in _ALL_ADDRESSES)

    def __contains__(self, host: str) -> bool:
        """Whether a request may be sent to `host`, with or without a port."""
        name = _name_of(host)
        return name in self.names or (self.any_address and _is_address(name))

    def may_send(self, origin: str, host: str) -> bool:
        """Whether the page that sends a request to `host` is at `origin`."""
        netloc = urlsplit(origin).netloc.lower()
        return netloc == host.lower() or _name_of(netloc) in self.proxied


class PageGuard:
    """The page, guarded.

    Args:
        app: the page.
        hosts: the names that it answers to.
        limits: how large and how slow a request may be.
        login: whether the page has one. Defaults to False.
    """

    def __init__(self, app: "ASGIApp", hosts: HostNames, limits: PageLimits, *, login: bool = False) -> None:
        self.app = app
        self.hosts = hosts
        self.limits = limits
        self.login = login

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Refuse a request or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from starlette.responses import PlainTextResponse

        send = _with_headers(send)
        # Only films have parameters.
        query = scope["query_string"] if scope["path"] in _UPLOADS else b""
        scope = {**scope, "query_string": query}
        refusal = self._refusal(scope)
        if refusal:
            status, text = refusal
            await PlainTextResponse(text + "\n", status_code=status)(scope, receive, send)
        else:
            await self.app(scope, _hurried(receive, self.limits), send)

    def _refusal(self, scope: "Scope") -> tuple[int, str] | None:
        """Say with which status and why a request is refused; None if it is not."""
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        method, path, host = scope["method"], scope["path"], headers.get("host", "")
        if host not in self.hosts:
            return 421, (
                f"Expected a request to {' or '.join(sorted(self.hosts.names))}. Received: one to {_printable(host)}.\n"
                "If this is the name of a proxy before the page: cxr serve --allow-host NAME"
            )
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        opened = method == "GET" and headers.get("sec-fetch-dest") == "document" and path in {"/", LOGIN}
        # A link to the page, on another site, is no request by that site.
        foreign = site not in {"none", "same-origin"} and not opened
        if foreign or (origin is not None and not self.hosts.may_send(origin, host)):
            return (
                403,
                f"Expected a request by the page itself. Received: one by {_printable(origin or 'another site')}.",
            )
        if method not in _NEEDED or not _NEEDED[method].fullmatch(path) or (path == LOGIN and not self.login):
            return 404, "Expected an address of the page. Received: another one."
        length = headers.get("content-length", "")
        largest = self.limits.film_bytes if path in _UPLOADS else self.limits.body_bytes
        if method == "POST" and not (length.isdecimal() and int(length) <= largest):
            film = f"a film of at most {self.limits.film_mb} MB"
            return 413, f"Expected {film if path in _UPLOADS else f'at most {largest} bytes'}."
        return None


def _with_headers(send: "Send") -> "Send":
    """Add to each response what tells a browser to be strict with it, and to keep nothing."""

    async def send_with_headers(message: "Message") -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*(pair for pair in message["headers"] if pair[0] not in _HEADERS), *_HEADERS.items()]
        await send(message)

    return send_with_headers


def _hurried(receive: "Receive", limits: PageLimits) -> "Receive":
    """Receive a body, and end it as if its sender had left when it comes too slowly."""
    loop = asyncio.get_running_loop()
    started, received, complete = loop.time(), 0, False

    async def receive_in_time() -> "Message":
        nonlocal received, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(started + limits.body_seconds + received / limits.body_rate):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        received += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        return message

    return receive_in_time


def _name_of(host: str) -> str:
    """The name in `name:port` or `[address]:port`, in lower case; empty if it is neither."""
    parts = _HOST.fullmatch(host.lower())
    return (parts[1] or parts[2]).removesuffix(".") if parts else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _printable(text: str) -> str:
    return re.sub(r"[^!-~]", "?", text)[:100] or "no name"
