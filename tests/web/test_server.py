"""The server predicts as the command does, keeps no films, and contacts no other host."""

import http.client
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.web.folder import page_folder


def test_the_prediction_is_the_commands_and_nothing_is_kept(server, client, film, words):
    answer = open_predictor(server.workspace.run("second")).predict(read_film(film))

    text = words(client.answer(film, "second"))
    assert text.startswith(f"covid.png, predicted by second {answer.label} {answer.confidence:.1%} ")
    assert f"non_covid {answer.probabilities['non_covid']:.1%} covid {answer.probabilities['covid']:.1%} " in text
    assert server.kept() == []


def test_without_a_run_the_latest_one_predicts(client, film, words):
    assert words(client.answer(film)).startswith("covid.png, predicted by simple-cnn ")


@pytest.mark.parametrize("kind", ["empty", "text", "cut"])
def test_a_bad_film_gives_the_commands_error_and_is_not_kept(server, client, cxr, film, in_folder, words, kind):
    name = f"{kind}.png"
    (in_folder / name).write_bytes({"empty": b"", "text": b"no film", "cut": film.read_bytes()[:3000]}[kind])

    said = cxr("predict", name, "-w", server.workspace.root).stderr
    assert words(client.answer(in_folder / name)) == " ".join(said.split())
    assert server.kept() == []


def test_sixteen_clients_with_the_same_film_all_get_a_prediction(server, client, film, words):
    with ThreadPoolExecutor(16) as people:
        said = {words(text) for text in people.map(lambda _: client.answer(film, "second"), range(32))}

    assert len(said) == 1
    assert said.pop().startswith("covid.png, predicted by second ")
    assert server.kept() == []


def test_a_path_that_was_not_uploaded_is_not_touched(server, client, film, tmp_path):
    for path in (film, server.workspace.run().record, tmp_path):
        assert "predicted by" not in client.ask(str(path), name="film.png", run="second")
        assert path.exists()
    assert server.kept() == []


@pytest.mark.parametrize("length", [str(2**40), None])
def test_an_upload_of_too_large_or_unknown_size_is_refused_at_once(server, length):
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader(*(("Content-Length", length) if length else ("Transfer-Encoding", "chunked")))
    connection.endheaders()
    response = connection.getresponse()

    assert (response.status, response.read()) == (413, b"Expected a film of at most 100 MB.\n")
    connection.close()
    assert server.kept() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_leaves_no_files_and_contacts_nobody(own_server, client_of, film, how):
    client = client_of(own_server)
    client.keep(film.read_bytes())  # and never predicted
    client.answer(film)
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
    assert own_server.process.returncode == 130
    assert list(own_server.temporary.iterdir()) == []
    assert own_server.lines == [
        "Loading Gradio",
        f"Page: {own_server.address}",
        "Stop with Ctrl-C. For research and teaching only, never a diagnosis.",
        "Stopped.",
    ]


def test_films_that_hang_are_given_up_and_a_killed_server_leaves_nothing_for_long(
    own_server, client_of, film, words, monkeypatch
):
    client = client_of(own_server)
    own_server.hang()
    with ThreadPoolExecutor(8) as people:
        hanging = [people.submit(client.answer, film) for _ in own_server.workers()]
        assert client.http.get("/").status_code == 200
        waiting = client.keep(film.read_bytes())
        with pytest.raises(httpx.ReadTimeout):  # a client that leaves
            client.ask(waiting, name="film.png", run=None, timeout=0.2)
        assert {words(answer.result()) for answer in hanging} == {
            "Error: Expected a film that can be read and predicted within 2 seconds. Received: covid.png takes longer. "
            "Ask whoever runs this page for more time: cxr serve --timeout SECONDS"
        }
    assert words(client.answer(film)).startswith("covid.png, predicted by simple-cnn ")
    assert own_server.kept() == []

    client.keep(film.read_bytes())
    (folder,) = own_server.folders()
    workers = own_server.workers()
    assert folder.stat().st_mode & 0o777 == 0o700
    own_server.process.kill()
    own_server.process.wait()
    assert len(own_server.kept()) == 1

    monkeypatch.setattr("tempfile.tempdir", str(own_server.temporary))
    with page_folder() as new, page_folder() as second:
        assert sorted(own_server.folders()) == sorted([new, second])
    assert list(own_server.temporary.iterdir()) == []
    deadline = time.monotonic() + 10
    while left := [worker for worker in workers if Path(f"/proc/{worker}/exe").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
