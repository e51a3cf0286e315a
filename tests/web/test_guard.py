"""Requests that are not the page's own are refused, and every response tells the browser to be strict."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from cxr_cli.web.guard import HostNames

PREDICT, UPLOAD = "/gradio_api/run/predict", "/gradio_api/upload"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::2]:80", "a@127.0.0.1"]
)
def test_a_request_under_another_name_is_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/assets/x.js"), ("POST", PREDICT)):
        refused = client.http.request(method, path, headers={"host": host})
        assert (refused.status_code, refused.text[:55]) == (
            421,
            "Expected a request to 127.0.0.1 or ::1 or localhost. Re",
        )


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]"])
def test_each_name_of_this_machine_is_answered_also_through_a_tunnel(client, name):
    for port in ("", ":9999"):
        host = f"{name}{port}"
        assert client.http.get("/", headers={"host": host, "origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"},
    ],
)
def test_a_request_by_another_site_is_refused(server, client, film, headers):
    assert (
        client.http.post(UPLOAD, files={"files": ("film.png", film.read_bytes())}, headers=headers).status_code == 403
    )
    assert client.http.post(PREDICT, json={"fn_index": 0, "data": []}, headers=headers).status_code == 403
    assert client.http.get("/theme.css", headers=headers).status_code == 403
    assert server.kept() == []


def test_a_link_on_another_site_opens_the_page(client):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}

    assert client.http.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "proxied", "answered", "refused"),
    [
        ("127.0.0.1", [], ["localhost:80"], ["10.0.0.2:7860", "films.hospital.example"]),
        ("10.0.0.2", [], ["10.0.0.2:7860"], ["localhost:7860", "10.0.0.3:7860"]),
        ("0.0.0.0", [], ["10.0.0.2:7860", "[fe80::1]:80", "localhost"], ["films.hospital.example"]),
        (
            "127.0.0.1",
            ["Films.hospital.example"],
            ["films.hospital.example", "localhost"],
            ["x.films.hospital.example"],
        ),
    ],
)
def test_the_names_follow_from_the_address_and_the_options(host, proxied, answered, refused):
    names = HostNames.of(host, proxied)

    assert [name for name in answered if name not in names] == []
    assert [name for name in refused if name in names] == []


def test_a_page_behind_a_proxy_with_another_name_may_send():
    names = HostNames.of("127.0.0.1", ["films.hospital.example"])

    assert names.may_send("https://films.hospital.example", "127.0.0.1:7860")
    assert not names.may_send("https://evil.example", "127.0.0.1:7860")


def gradio_routes():
    """Each route of the installed Gradio, as its source declares it, with something in place of each parameter."""
    source = Path(find_spec("gradio").submodule_search_locations[0], "routes.py").read_text()
    for name, method, path in re.findall(r'@(app|router)\.(get|post|head|put|delete)\(\s*f?"([^"]+)"', source):
        prefix = "/gradio_api" if name == "router" else ""
        yield method.upper(), prefix + re.sub(r"{[^}]*}", lambda found: PARAMETERS.get(found[0], "x"), path)


NEEDED = {"/", "/manifest.json", "/theme.css", "/favicon.ico", UPLOAD, "/gradio_api/upload_progress"}
PARAMETERS = {"{path:path}": "x", "{path_or_url:path}": "/etc/passwd", "{url_path:path}": "http://localhost/"}


def test_every_route_of_gradio_that_the_page_does_not_need_is_closed(client):
    routes = sorted(set(gradio_routes()))
    assert len(routes) > 60
    opened = {
        (method, path)
        for method, path in routes
        if client.http.request(method, path, json={} if method == "POST" else None).status_code != 404
    }

    assert {path for _, path in opened} - {"/static/x"} == NEEDED


@pytest.mark.parametrize("file", ["/etc/passwd", "etc/passwd", "../../../../etc/passwd", "SAMPLE", "RECORD", "LINK"])
@pytest.mark.parametrize(
    "route", ["/gradio_api/file=", "/file=", "/gradio_api/file/", "/static/", "/assets/", "/samples/", "/svelte/", "/"]
)
def test_no_path_of_the_disk_is_readable(server, client, tmp_path, route, file):
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    (folder,) = server.temporary.glob("cxr-page-*/samples")
    real = {"SAMPLE": folder / "covid.png", "RECORD": server.workspace.run().record, "LINK": tmp_path / "link.png"}
    path = str(real.get(file, file))
    for sent in (path, path.replace("/", "%2F").replace(".", "%2e"), path.replace("/", "//"), path.replace("/", "\\")):
        # Sent as it is: a client would resolve "..".
        response = client.http.send(
            client.http.build_request("GET", client.http.base_url.copy_with(raw_path=(route + sent).encode()))
        )
        assert response.status_code in {404, 400}, sent
        assert b"root:" not in response.content


def test_every_response_is_strict(client, film):
    page = client.http.get("/")
    nonce = page.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 4
    assert nonce not in client.http.get("/").text

    answers = [
        page,
        client.http.get("/x"),
        client.http.get("/theme.css"),
        client.http.post(PREDICT, json={}),
        client.http.get("/", headers={"host": "x"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "unsafe-eval" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        assert policy.endswith("frame-ancestors 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 60_000,
        b'{"fn_index": 99, "data": []}',
        b'{"fn_index": 0, "data": []}',
        b'{"fn_index": "0", "data": {}}',
        b"\xff\xfe",
    ],
)
def test_an_event_that_is_none_is_refused(server, client, body):
    response = client.http.post(PREDICT, content=body)

    assert (response.status_code, response.text) == (400, "Expected an event of the page. Received: something else.\n")
    assert len(server.lines) == 3  # and says nothing on the terminal


@pytest.mark.parametrize(
    "values", [[{"path": ["x"]}, {"a": 1}], ["x", 5], [{"path": "../models"}, "../../x"], [None, "\x00"]]
)
def test_an_event_with_other_values_gets_an_error_in_words(client, words, values):
    response = client.http.post(PREDICT, json={"fn_index": client.function, "data": values})

    assert response.status_code == 200
    assert words(response.json()["data"][1]).startswith("Error: Expected a film. Received: none, or one that was upl")


def test_a_run_is_named_not_a_path(client, film, words):
    for run in ("../evaluations", "/etc", "..", "\x00"):
        assert words(client.answer(film, run)).startswith("Error: Expected the name of a trained run in ")


def test_a_large_event_is_refused(client):
    assert client.http.post(PREDICT, content=b" " * 70_000).status_code == 413
