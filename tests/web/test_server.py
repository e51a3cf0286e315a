"""The server predicts as the command does, keeps no films, and contacts no other host."""

import base64
import contextlib
import http.client
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cxr_cli.web.folder import page_folder


def test_the_prediction_is_the_commands_and_nothing_is_kept(server, client, cxr, film):
    (row,) = json.loads(cxr("predict", film, "-m", "second", "-w", server.workspace.root, "--json").stdout)

    assert client.answer(film, "second")["row"] == row | {"image": "covid.png"}
    assert server.kept() == []


def test_without_a_run_the_latest_one_predicts(client, film):
    assert client.answer(film)["run"] == "simple-cnn"


def test_the_page_begins_with_the_runs_and_the_samples(client):
    start = client.http.get("/api/start").json()

    assert (start["runs"][:2], start["first"], start["film_mb"]) == (["simple-cnn", "second"], "simple-cnn", 100)
    assert start["samples"] == [f"{name}{number}.png" for name in ("covid", "non_covid") for number in ("", "_2", "_3")]
    assert len(base64.b64decode(start["palette"])) == 3 * 256
    assert client.http.get("/api/health").status_code == 204


@pytest.mark.parametrize("kind", ["empty", "text", "cut"])
def test_a_bad_film_gives_the_commands_error_and_is_not_kept(server, client, cxr, film, in_folder, kind):
    name = f"{kind}.png"
    (in_folder / name).write_bytes({"empty": b"", "text": b"no film", "cut": film.read_bytes()[:3000]}[kind])

    said = cxr("predict", name, "-w", server.workspace.root).stderr
    error = client.answer(in_folder / name)["error"]
    assert f"Error: {error['message']} {error['hint']}" == " ".join(said.split())
    refused = client.http.post("/api/pixels", params={"name": name}, content=(in_folder / name).read_bytes())
    assert refused.status_code == 422
    assert name in refused.json()["message"]
    assert server.kept() == []


def test_sixteen_clients_with_the_same_film_all_get_the_same_answer(server, client, film):
    with ThreadPoolExecutor(16) as people:
        said = list(people.map(lambda _: client.answer(film, "second"), range(32)))

    assert said[0]["run"] == "second"
    assert all(answer == said[0] for answer in said)
    assert server.kept() == []


def test_a_viewer_that_leaves_leaves_nothing(server, client, film):
    with client.http.stream("POST", "/api/pixels", params={"name": "x"}, content=film.read_bytes()) as response:
        assert response.status_code == 200
    deadline = time.monotonic() + 10
    while server.kept():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("length", [str(2**40), None])
def test_an_upload_of_too_large_or_unknown_size_is_refused_at_once(server, length):
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest("POST", "/api/films")
    connection.putheader(*(("Content-Length", length) if length else ("Transfer-Encoding", "chunked")))
    connection.endheaders()
    response = connection.getresponse()

    assert (response.status, response.read()) == (413, b"Expected a film of at most 100 MB.\n")
    connection.close()
    assert server.kept() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_leaves_no_files_and_contacts_nobody(own_server, client_of, film, how):
    client = client_of(own_server)
    client.answer(film)
    client.pixels(film)
    with ThreadPoolExecutor(4) as people:
        if how == signal.SIGTERM:  # with all processes hanging, and one film more
            own_server.hang()
            for _ in range(len(own_server.workers()) + 1):
                people.submit(client.answer, film)
            time.sleep(0.5)
        started = time.monotonic()
        probe = own_server.stop(how)
        assert time.monotonic() - started < 5  # at most 2 seconds on a machine with nothing else to do

    assert probe == {"loaded": [], "calls": []}
    assert own_server.process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[how]
    assert list(own_server.temporary.iterdir()) == []
    assert own_server.lines == [
        f"Page: {own_server.address}",
        "Stop with Ctrl-C. For research and teaching only, never a diagnosis.",
        "Stopped.",
    ]


def test_films_that_hang_are_given_up_and_a_killed_server_leaves_nothing_for_long(
    own_server, client_of, film, monkeypatch
):
    client = client_of(own_server)
    own_server.hang()
    with ThreadPoolExecutor(8) as people:
        hanging = [people.submit(client.answer, film) for _ in own_server.workers()]
        assert client.http.get("/").status_code == 200
        with pytest.raises(httpx.ReadTimeout):  # a client that leaves
            client.answer(film, timeout=0.2)
        assert [answer.result()["error"] for answer in hanging] == [
            {
                "message": "Expected a film that can be read and predicted within 2 seconds. Received: covid.png takes "
                "longer.",
                "hint": "Ask whoever runs this page for more time: cxr serve --timeout SECONDS",
            }
        ] * len(hanging)
    assert client.answer(film)["run"] == "simple-cnn"
    assert own_server.kept() == []

    own_server.hang()
    workers, (folder,) = own_server.workers(), own_server.folders()
    assert folder.stat().st_mode & 0o777 == 0o700
    with ThreadPoolExecutor(1) as people:
        left = people.submit(client.answer, film)
        while not own_server.kept():
            time.sleep(0.05)
        own_server.process.kill()
        own_server.process.wait()
        assert isinstance(left.exception(), httpx.HTTPError)
    assert len(own_server.kept()) == 1

    monkeypatch.setattr("tempfile.tempdir", str(own_server.temporary))
    with page_folder() as new, page_folder() as second:
        assert sorted(own_server.folders()) == sorted([new, second])
    assert list(own_server.temporary.iterdir()) == []
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)  # it was stopped, and ends when its server is gone
    deadline = time.monotonic() + 10
    while left := [worker for worker in workers if Path(f"/proc/{worker}/exe").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
