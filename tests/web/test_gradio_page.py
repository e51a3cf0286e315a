"""`cxr serve --gradio`: the same predictor behind a plain interface, as in a notebook."""

import json
from importlib.util import find_spec

import httpx
import pytest

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor


@pytest.mark.skipif(find_spec("gradio") is None, reason="needs the extra gradio")
def test_the_interface_answers_as_the_predictor_does_and_keeps_nothing(start_server, trained, film, tmp_path):
    expected = open_predictor(trained.run()).predict(read_film(film))
    server = start_server(trained, tmp_path, "--gradio")
    with httpx.Client(base_url=server.address, timeout=300, trust_env=False) as http:
        page = http.get("/").text
        (path,) = http.post("/gradio_api/upload", files={"files": ("covid.png", film.read_bytes())}).json()
        sent = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
        event = http.post("/gradio_api/call/predict", json=sent).json()["event_id"]
        lines = http.get(f"/gradio_api/call/predict/{event}").text.splitlines()
    probe = server.stop()

    classes, picture, said = json.loads(lines[lines.index("event: complete") + 1].removeprefix("data: "))
    shown = {one["label"]: one["confidence"] for one in classes["confidences"]}
    assert shown == pytest.approx(expected.probabilities)
    assert picture["path"].startswith(str(server.temporary))
    assert said.startswith(f"{expected.answer.short}.")
    assert DISCLAIMER in page
    assert "simple-cnn has not been tested" in page
    assert [call for call in probe["calls"] if "127.0.0.1" not in call and "localhost" not in call] == []
    assert list(server.temporary.glob("cxr-page-*")) == []


@pytest.mark.parametrize(
    "options", [["--host", "0.0.0.0"], ["--auth"], ["--alpha", "0.1"], ["--allow-host", "x"], ["--max-mb", "5"]]
)
def test_it_is_for_this_machine_alone(cxr, trained, options):
    result = cxr("serve", "--gradio", *options, "-w", trained.root)

    assert result.exit_code == 2
    assert "Error: Expected a Gradio interface, for this machine alone." in result.stderr
