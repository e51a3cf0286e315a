"""A workspace that is named and isn't there is said first, and nothing is made in its place."""

import pytest

SAID = "nowhere is no folder; predicted by the bundled model.\n"


@pytest.mark.parametrize("words", [["predict", "FILM"], ["gradcam", "FILM", "-o", "heat.png"]])
def test_what_the_bundled_model_can_do_is_done_after_a_word(cxr, bundled, film, in_folder, words):
    result = cxr(*[str(film) if word == "FILM" else word for word in words], "-w", "nowhere")

    assert result.exit_code == 0
    assert result.stderr.startswith(SAID)
    assert not (in_folder / "nowhere").exists()


def test_a_workspace_of_the_environment_is_said_too_and_the_default_one_is_not(
    cxr, bundled, film, in_folder, monkeypatch
):
    assert "is no folder" not in cxr("predict", film).stderr
    monkeypatch.setenv("CXR_WORKSPACE", "nowhere")

    assert cxr("predict", film).stderr.startswith(SAID)
    assert "is no folder" not in cxr("predict", film, "--model", "bundled").stderr


@pytest.mark.parametrize("command", ["evaluate", "report", "compare", "audit", "calibrate", "train", "segment"])
def test_what_needs_a_workspace_is_refused_and_makes_none(cxr, bundled, in_folder, command):
    result = cxr(command, "-w", "nowhere")

    assert result.exit_code in {1, 2}
    assert "Error: Expected " in result.stderr
    assert "nowhere" in result.stderr
    assert list(in_folder.iterdir()) == []


def test_a_test_of_the_bundled_model_says_that_there_is_no_such_folder(cxr, bundled, in_folder):
    assert cxr("evaluate", "-w", "nowhere").stderr.startswith(
        "Error: Expected a prepared dataset in nowhere/dataset. Received: nowhere: no such folder.\n"
    )
