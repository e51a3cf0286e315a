"""Requests that are not the page's own are refused, and every response tells the browser to be strict."""

import re
from pathlib import Path

import pytest

from cxr_cli import web
from cxr_cli.web.guard import HostNames

FILMS, PIXELS = "/api/films", "/api/pixels"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::2]:80", "a@127.0.0.1"]
)
def test_a_request_under_another_name_is_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/static/page.js"), ("POST", FILMS)):
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
    assert client.http.post(FILMS, content=film.read_bytes(), headers=headers).status_code == 403
    assert client.http.post(PIXELS, content=film.read_bytes(), headers=headers).status_code == 403
    assert client.http.get("/api/start", headers=headers).status_code == 403
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


READ = ("/", "/api/start", "/api/health", "/api/runs/x", "/static/page.js", "/samples/covid.png")
OTHERS = ("/login", "/docs", "/openapi.json", "/api", "/api/", "/api/runs/", "/api/runs/x/y", "/static/", "/samples/")
OPEN = {*(("GET", path) for path in READ), *(("POST", path) for path in (FILMS, PIXELS))}


def test_every_address_but_those_of_the_page_is_closed(client):
    paths = {*READ, FILMS, PIXELS, *OTHERS}
    opened = {
        (method, path)
        for path in paths
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
        if client.http.request(method, path).status_code not in {404, 405}
    }

    assert opened == OPEN


def test_the_files_of_the_page_are_those_of_the_package(client):
    folder = Path(web.__file__).with_name("static")
    for path in folder.iterdir():
        response = client.http.get(f"/static/{path.name}")
        assert (response.status_code, response.content) == (200, path.read_bytes())
    kinds = {name: client.http.get(f"/static/{name}").headers["content-type"].split(";")[0] for name in KINDS}
    assert kinds == KINDS  # a browser runs a module of no other kind


KINDS = {"page.js": "text/javascript", "page.css": "text/css", "icon.svg": "image/svg+xml"}


@pytest.mark.parametrize("file", ["/etc/passwd", "etc/passwd", "../../../../etc/passwd", "SAMPLE", "RECORD", "LINK"])
@pytest.mark.parametrize("route", ["/static/", "/samples/", "/api/", "/file=", "/"])
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
    answers = [
        client.http.get("/"),
        client.http.get("/x"),
        client.http.get("/api/start"),
        client.http.get("/static/page.js"),
        client.http.get("/samples/covid.png"),
        client.http.post(FILMS, content=film.read_bytes()),
        client.http.post(PIXELS, content=b"no film"),
        client.http.get("/", headers={"host": "x"}),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_the_page_has_no_script_and_no_style_of_its_own(client):
    page = client.http.get("/").text

    assert re.findall(r"<script(?! type=.module. src=.static/[a-z]+\.js.></script>)", page) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://", page) == []


@pytest.mark.parametrize("query", ["", "run=", "run=%00", "name=%ff%fe", "run=a&run=b", "x=y", "run=" + "x" * 2000])
def test_a_film_with_strange_words_gets_an_answer_in_words(server, client, query):
    response = client.http.post(f"{FILMS}?{query}", content=b"no film")

    assert response.status_code == 200
    assert response.json()["error"]["message"].startswith("Expected ")
    assert len(server.lines) == 2  # and says nothing on the terminal


def test_a_name_is_shown_in_one_line_without_what_steers_a_terminal(client):
    answer = client.send(b"no film", name="a\nb\u202e\x1b[31m.png" + "x" * 300).json()

    assert answer["row"]["image"] == ("a b [31m.png" + "x" * 300)[:200]


@pytest.mark.parametrize("run", ["../evaluations", "/etc", "..", "\x00"])
def test_a_run_is_named_not_a_path(client, film, run):
    message = client.answer(film, run)["error"]["message"]

    assert message.startswith("Expected the name of a trained run in ")
    figures = client.http.get(f"/api/runs/{run.replace('/', '%5C').replace(chr(0), '%00')}")
    if figures.status_code != 404:  # ".." is the folder above
        assert figures.json()["error"]["message"].startswith("Expected the name of a trained run in ")
