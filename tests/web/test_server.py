"""The server predicts as the command does, keeps no films, and contacts no other host."""

import http.client
import signal
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor


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


def test_the_server_makes_no_shareable_links(server, client, film):
    assert "predicted by" in client.ask(client.keep(film.read_bytes()), name="film.png", run="second", session="shared")

    assert client.http.get("/gradio_api/deep_link", params={"session_hash": "shared"}).json() == ""
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

    assert (response.status, response.read()) == (413, b"Expected a film of at most 100 MB.")
    connection.close()
    assert server.kept() == []


def test_the_policy_forbids_other_hosts_and_no_api_page_is_served(client):
    page = client.http.get("/")

    assert page.headers["content-security-policy"].startswith("default-src 'self' ")
    assert client.http.get("/gradio_api/info").json()["named_endpoints"] == {}
    for path in ("/docs", "/redoc", "/openapi.json", "/monitoring/summary", "/gradio_api/runs"):
        assert client.http.get(path).status_code in {403, 404}, path


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_leaves_no_files_and_contacts_nobody(own_server, client_of, film, how):
    client = client_of(own_server)
    client.keep(film.read_bytes())  # and never predicted
    client.answer(film)
    with client.http.stream("GET", "/gradio_api/heartbeat/open-page"):
        probe = own_server.stop(how)

    assert probe == {"loaded": [], "calls": []}
    assert own_server.process.returncode == 130
    assert list(own_server.temporary.iterdir()) == []
    assert own_server.lines == [
        "Loading Gradio",
        f"Page: {own_server.address}",
        "Stop with Ctrl-C. For research and teaching only, never a diagnosis.",
        "Stopped.",
    ]
