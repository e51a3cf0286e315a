"""A page with a password: who does not know it gets nothing, and can't guess it fast."""

import asyncio
import time

import httpx
import pytest

from cxr_cli.web.limits import PageLimits
from cxr_cli.web.login import PageLogin

PASSWORD = "corrécte horse"


async def page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the page"})


def talk(conversation, *, scheme="http", **limits):
    """Let `conversation`, a coroutine function of a client, talk to a page with a password."""

    async def run():
        login = PageLogin(page, PASSWORD, port=7860, limits=PageLimits(**limits))
        transport = httpx.ASGITransport(login)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://127.0.0.1:7860") as client:
            return await conversation(client)

    return asyncio.run(run())


def test_without_the_password_nothing_is_served():
    async def conversation(client):
        opened = await client.get("/")
        others = [
            await client.get(path) for path in ("/api/start", "/api/health", "/samples/covid.png", "/static/page.js")
        ]
        others.append(await client.post("/api/films", content=b"x"))
        return opened, others, await client.get("/login")

    opened, others, form = talk(conversation)
    assert (opened.status_code, opened.headers["location"]) == (303, "login")
    assert {(other.status_code, other.text) for other in others} == {
        (401, "Expected a login. Received: none. Open the page to log in.\n")
    }
    assert "For research and teaching only, never a diagnosis." in form.text
    assert "style=" not in form.text  # which the page's policy forbids


def test_a_form_with_more_fields_than_the_password_is_read():
    async def conversation(client):
        return await client.post("/login", data={"password": PASSWORD, "remember": "yes"})

    assert talk(conversation).status_code == 303


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_password_opens_the_page_until_the_cookie_ends(scheme, secure):
    async def conversation(client):
        login = await client.post("/login", data={"password": PASSWORD})
        opened = await client.get("/")
        client.cookies.set("cxr-login-7860", "guess", domain="127.0.0.1")
        client.cookies = {"cxr-login-7860": "guess"}
        return login, opened, await client.get("/api/start")

    login, opened, guessed = talk(conversation, scheme=scheme)
    cookie = login.headers["set-cookie"]
    assert (login.status_code, login.headers["location"]) == (303, "./")
    assert cookie.startswith("cxr-login-7860=")
    assert "; HttpOnly; Max-Age=43200; Path=/; SameSite=strict" in cookie
    assert ("Secure" in cookie) is secure
    assert opened.text == "the page"
    assert guessed.status_code == 401


def test_a_login_ends():
    async def conversation(client):
        await client.post("/login", data={"password": PASSWORD})
        return await client.get("/api/start")

    assert talk(conversation, login_hours=0).status_code == 401


def test_wrong_passwords_are_checked_one_per_second_and_few_wait():
    async def conversation(client):
        start = time.monotonic()
        tries = [client.post("/login", data={"password": text}) for text in ("wrong", PASSWORD + "!", "", "more")]
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
        return statuses, time.monotonic() - start

    statuses, seconds = talk(conversation, logins_waiting=2)
    assert sorted(statuses) == [403, 403, 429, 429]
    assert 2 <= seconds < 4
