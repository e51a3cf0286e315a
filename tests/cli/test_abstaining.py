"""What commands and the page say of a picture that gets no class."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import cxr_cli
from cxr_cli.errors import AbstentionError
from cxr_cli.films.reader import read_film
from cxr_cli.web.predicting import RunPredictors

INVERTED = "the film is inverted: what should be dark is bright"


@pytest.fixture
def inverted(film, tmp_path):
    """An inverted phantom."""
    Image.fromarray(255 - read_film(film)).save(tmp_path / "inverted.png")
    return tmp_path / "inverted.png"


def test_predict_gives_the_reason_and_the_exit_code_of_a_film_without_a_result(cxr, trained, inverted):
    result = cxr("predict", inverted, "-w", trained.root)

    assert result.exit_code == 1
    assert result.stdout == f"{inverted}\n  Class      : none ({INVERTED})\n"
    assert result.stderr == "To have the picture predicted all the same: --force\n"


def test_the_row_of_a_film_without_a_class_has_the_reason_in_csv_and_json(cxr, trained, film, inverted, tmp_path):
    table = tmp_path / "predictions.csv"
    result = cxr("predict", film, inverted, "--json", "--csv", table, "-w", trained.root)
    given, none = json.loads(result.stdout)

    assert result.exit_code == 4
    assert (given["class"] in {"covid", "non_covid"}, given["reason"]) == (True, None)
    assert (none["class"], none["probability"], none["probabilities"], none["reason"]) == (None, None, None, INVERTED)
    with table.open(encoding="utf-8", newline="") as stream:
        row = list(csv.DictReader(stream))[1]
    assert (row["class"], row["raw_probability"], row["reason"], row["error"]) == ("", "", INVERTED, "")
    assert f"1 of 2 films got no class: {INVERTED} (1)." in result.stderr


def test_force_gives_a_class_and_says_so(cxr, trained, inverted):
    result = cxr("predict", inverted, "--force", "--json", "-w", trained.root)
    (answer,) = json.loads(result.stdout)

    assert result.exit_code == 0
    assert answer["class"] in {"covid", "non_covid"}
    assert answer["reason"] == INVERTED
    assert f"Note: without --force, the picture would get no class: {INVERTED}.\n" in result.stderr


def test_gradcam_draws_nothing_unless_it_is_forced(cxr, trained, inverted, tmp_path):
    heat = tmp_path / "heat.png"
    result = cxr("gradcam", inverted, "-o", heat, "-w", trained.root)

    assert result.exit_code == 1
    assert result.stdout == f"{inverted}\n  Class      : none ({INVERTED})\n  Heat map   : none\n"
    assert not heat.exists()

    assert cxr("gradcam", inverted, "-o", heat, "--force", "-w", trained.root).exit_code == 0
    assert heat.exists()


def test_a_gallery_counts_the_films_without_a_class(cxr, trained, film, inverted, tmp_path):
    result = cxr("gradcam", film, inverted, "-o", tmp_path / "gallery", "--json", "-w", trained.root)
    record = json.loads(result.stdout)

    assert result.exit_code == 4
    assert record["abstained"] == {str(inverted): INVERTED}
    assert ([one["image"] for one in record["films"]], record["failed"]) == ([str(film)], {})


def test_the_page_shows_the_picture_without_class_and_heat(trained, inverted):
    shown = RunPredictors(trained).predict(inverted, name="inverted.png")

    assert (shown.row["class"], shown.row["reason"], shown.row["error"]) == (None, INVERTED, None)
    assert (shown.heat, shown.error) == (None, None)
    assert shown.thumbnail


def test_evaluate_counts_every_film_and_says_what_predict_would_refuse(cxr, own_trained):
    before = json.loads(cxr("evaluate", "--json", "-w", own_trained.root).stdout)
    path = next((own_trained.root / "dataset" / "split" / "test" / "covid").iterdir())
    Image.fromarray(255 - np.asarray(Image.open(path).convert("L"))).save(path)

    after = json.loads(cxr("evaluate", "--json", "-w", own_trained.root).stdout)

    assert before["abstentions"] == {"films": 0, "reasons": {}, "positives": 0, "metrics_without": {}}
    assert after["films"] == before["films"]
    assert (after["abstentions"]["films"], after["abstentions"]["positives"]) == (1, 1)
    assert after["abstentions"]["reasons"] == {INVERTED: 1}
    assert set(after["abstentions"]["metrics_without"]) == set(after["metrics"])
    assert f"1 of {after['films']} films would get no class from cxr predict: {INVERTED} (1)." in (
        cxr("evaluate", "--all", "-w", own_trained.root).stdout
    )


def test_python_gives_a_reason_in_place_of_a_class(trained, inverted):
    run = cxr_cli.load_run(workspace=trained.root)

    row = run.predict(inverted)

    assert (row.class_, row.reason) == (None, INVERTED)
    assert run.predict(inverted, force=True).class_
    with pytest.raises(AbstentionError, match="Expected a frontal chest film"):
        run.explain(inverted)
