import csv
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.cli import app
from cxr_cli.explanation.methods import MAP_METHODS, draw_map
from cxr_cli.films.overlay import lay_heat
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.quiet import native_output_hidden


def read_picture(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_overlay_shows_the_film_with_heat(cxr, trained, film, tmp_path):
    heat = tmp_path / "heat.png"

    result = cxr("gradcam", film, "-o", heat, "--target", "covid", "-w", trained.root)
    picture = read_picture(heat).astype(int)
    answer = open_predictor(trained.run()).predict(read_film(film))

    assert result.exit_code == 0
    assert result.stdout == (
        f"{film}\n  Class      : {answer.label}\n"
        + (f"  Confidence : {answer.confidence:.1%}\n" if answer.confidence >= 0.5 else "")
        + f"  Decided by : {answer.answer.decision}\n"
        + f"  Heat map   : {heat} (for covid)\n"
    )
    assert picture.shape[1] > 2 * read_film(film).shape[1]  # the bare film is beside it
    assert picture.shape[0] > read_film(film).shape[0]
    colored = np.ptp(picture, axis=-1) > 20
    assert colored.mean() == pytest.approx(0, abs=1e-9) if answer.cams["covid"].max() <= 0 else colored.mean() > 0.01


def test_alpha_0_leaves_the_film_unchanged(cxr, trained, film, tmp_path):
    heat = tmp_path / "heat.png"
    cxr("gradcam", film, "-o", heat, "--alpha", "0", "-w", trained.root)
    original, picture = read_film(film), read_picture(heat)
    height, width = original.shape
    for shown in (picture[:, :width, 0], picture[:, -width:, 0]):
        assert next(top for top in range(len(picture)) if (shown[top : top + height] == original).all()) > 0


def test_the_overlay_alone_has_the_films_pixels_and_nothing_around_them(cxr, trained, film, tmp_path):
    options = ("--overlay-only", "--target", "covid", "-w", trained.root)
    cxr("gradcam", film, "-o", tmp_path / "heat.png", *options)
    cxr("gradcam", film, "-o", tmp_path / "bare.png", "--alpha", "0", *options)
    pixels = read_film(film)
    cam = open_predictor(trained.run()).predict(pixels).cams["covid"]

    np.testing.assert_array_equal(read_picture(tmp_path / "bare.png")[..., 0], pixels)
    expected = lay_heat(Image.fromarray(pixels), cam, alpha=0.5)
    np.testing.assert_array_equal(read_picture(tmp_path / "heat.png"), np.asarray(expected))


def test_raw_writes_the_models_map(cxr, trained, film, tmp_path):
    for target in ("covid", "non_covid"):
        result = cxr("gradcam", film, "--raw", "--target", target, "-o", tmp_path / f"{target}.npy", "-w", trained.root)
        expected = open_predictor(trained.run()).predict(read_film(film)).cams[target]

        assert result.exit_code == 0
        np.testing.assert_array_equal(np.load(tmp_path / f"{target}.npy"), expected)


def test_the_default_output_is_in_the_workspace(cxr, own_trained, film):
    result = cxr("gradcam", film, "--json", "-w", own_trained.root)
    answer = json.loads(result.stdout)

    assert answer["heatmap"] == str(own_trained.heatmaps / "covid.png")
    assert list(answer) == [
        *("image", "class", "confidence", "probabilities", "reason", "model", "method", "target"),
        *("heatmap", "explains", "seen", "doubts"),
    ]
    assert read_picture(answer["heatmap"]).shape[-1] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "flu"], "Expected the target non_covid or covid. Received: 'flu'."),
        (
            ["-o", "heat.doc"],
            "Expected an output file ending in .png, .jpg, .jpeg, .webp, .tif, .tiff. Received: heat.doc.",
        ),
        (["--raw", "-o", "heat.png"], "Expected an output file ending in .npy. Received: heat.png."),
    ],
    ids=["target", "suffix", "raw"],
)
def test_a_bad_option_is_a_clear_error_and_writes_nothing(cxr, trained, film, in_folder, arguments, message):
    result = cxr("gradcam", film, *arguments, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {message}\n")
    assert list(in_folder.iterdir()) == []


def test_the_film_is_never_overwritten(cxr, trained, film):
    before = film.read_bytes()
    result = cxr("gradcam", film, "-o", film, "-w", trained.root)

    assert result.exit_code == 2
    assert film.read_bytes() == before


def test_a_corrupt_film_leaves_no_overlay(cxr, trained, film, tmp_path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(film.read_bytes()[:3000])

    result = cxr("gradcam", cut, "-o", tmp_path / "heat.png", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Expected a film. Received: {cut}, which is damaged or cut short")
    assert not (tmp_path / "heat.png").exists()


@pytest.mark.parametrize("method", MAP_METHODS)
def test_each_method_draws_another_map(cxr, trained, film, tmp_path, method):
    result = cxr("gradcam", film, "--method", method, "--raw", "-o", tmp_path / "m.npy", "--json", "-w", trained.root)
    answer = open_predictor(trained.run()).predict(read_film(film))
    sign = 1 if answer.label == "covid" else -1
    expected = draw_map(method, answer.evidence.activations, sign * answer.evidence.gradients)

    assert result.exit_code == 0
    np.testing.assert_allclose(np.load(tmp_path / "m.npy"), expected, rtol=1e-4, atol=1e-6)
    assert json.loads(result.stdout)["method"] == method
    assert json.loads(result.stdout)["target"] == (answer.label if MAP_METHODS[method].of_class else None)
    notes = [line for line in result.stderr.splitlines() if line.startswith("Note: ")]
    seen = "Note: simple-cnn was trained or validated on this film, so this prediction doesn't test the run."
    assert notes == [*filter(None, [MAP_METHODS[method].note and f"Note: {MAP_METHODS[method].note}"]), seen]


def test_hirescam_notes_that_it_equals_gradcam(cxr, trained, film, tmp_path):
    result = cxr("gradcam", film, "--method", "hirescam", "-o", tmp_path / "heat.png", "-w", trained.root)

    assert "HiResCAM of this network is its Grad-CAM, number for number" in result.stderr
    assert f"Heat map   : {tmp_path / 'heat.png'} (HiResCAM, for " in result.stdout


def test_a_method_without_classes_refuses_a_target(cxr, trained, film, in_folder):
    result = cxr("gradcam", film, "--method", "eigencam", "--target", "covid", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: Expected no target with eigencam, whose map is the same for every class. Received: 'covid'.\n"
        "Leave out --target, or use another method: --method gradcam\n"
    )


@pytest.fixture
def before_evidence(own_trained, forget_digests):
    """A workspace with a run exported by an earlier version."""
    from cxr_cli.training.classifier import Classifier
    from cxr_cli.training.export import load_model
    from cxr_cli.training.gradcam import with_map
    from cxr_cli.training.to_litert import convert_to_litert

    run = own_trained.run()
    forget_digests(run)
    with native_output_hidden():
        convert_to_litert(with_map(Classifier(model=load_model(run), weights={})), run.litert_model)
    return own_trained


def test_an_older_run_is_fixed_by_the_command_in_the_error(cxr, before_evidence, film, tmp_path):
    model, heat = before_evidence.run().litert_model, tmp_path / "heat.png"
    assert cxr("gradcam", film, "-o", heat, "-w", before_evidence.root).exit_code == 0

    refused = cxr("gradcam", film, "--method", "layercam", "-w", before_evidence.root)
    first, hint = refused.stderr.splitlines()

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert first == (
        f"Error: Expected a model with the outputs that LayerCAM needs. Received: {model}, from an earlier version of "
        "cxr, which has those of Grad-CAM only."
    )
    assert hint.startswith("Export it again: cxr export ")
    assert cxr(*hint.removeprefix("Export it again: cxr ").split()).exit_code == 0
    assert (
        cxr("gradcam", film, "--method", "layercam", "-o", heat, "--replace", "-w", before_evidence.root).exit_code == 0
    )


@pytest.fixture(scope="module")
def gallery(trained, phantom_masks, tmp_path_factory):
    """The gallery of the test part with masks of lungs and opacities: folder, record and output."""
    root = tmp_path_factory.mktemp("gallery")
    arguments = ["gradcam", "--split", "test", "--target", "covid", "--raw", "--curves", "-w", trained.root]
    arguments += ["--lungs", phantom_masks / "lungs", "--lesions", phantom_masks / "opacity"]
    with redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as stopped:
        app.main([str(argument) for argument in [*arguments, "-o", root / "gallery"]])
    assert not stopped.value.code
    return root / "gallery", json.loads((root / "gallery" / "grades.json").read_text()), printed.getvalue()


def test_the_gallery_starts_with_the_most_confidently_wrong_films(trained, gallery):
    folder, record, _ = gallery
    names = [Path(row["image"]).name for row in record["films"]]
    tested = sorted(path.name for path in (trained.dataset.root / "split" / "test").rglob("*.png"))
    # Confidence of being wrong at a threshold t: from 1, certainly wrong, to -1, certainly right.
    predictor = open_predictor(trained.run())
    threshold, sure = predictor.record.threshold, []
    for row in record["films"]:
        positive = row["confidence"] if row["answer"] == "covid" else 1 - row["confidence"]
        margin = (positive - threshold) / (1 - threshold) if positive >= threshold else 1 - positive / threshold
        sure.append(-margin if row["correct"] else margin)
        assert row["correct"] == (row["answer"] == row["truth"])
        assert row["truth"] == Path(row["image"]).parent.name

    assert sorted(names) == tested
    assert sure == sorted(sure, reverse=True)
    assert record["wrong"] == sum(not row["correct"] for row in record["films"])
    for row in record["films"]:
        assert read_picture(folder / row["picture"]).shape[-1] == 3
        answer = predictor.predict(read_film(Path(row["image"])))
        np.testing.assert_allclose(np.load(folder / row["map"]), answer.cams["covid"], rtol=1e-3, atol=1e-5)


def test_the_gallery_page_is_self_contained_and_names_every_film(gallery):
    folder, record, _ = gallery
    page = (folder / "gallery.html").read_text(encoding="utf-8")

    places = [page.index(f"<br>{Path(row['image']).name}") for row in record["films"]]
    assert places == sorted(places)
    assert page.count('src="data:image/jpeg;base64,') == len(record["films"])
    assert set(re.findall(r'src="(?!data:)|<script [^>]|<link', page)) == set()
    links = re.findall(r'href="([^"#]+)"', page)
    assert len(links) == len(record["films"])
    for link in links:
        assert (folder / link).is_file()


def test_grades_are_equal_in_table_record_and_output(gallery):
    folder, record, printed = gallery
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    assert [row["image"] for row in rows] == [row["image"] for row in record["films"]]
    for name, column in (("lung_energy", "lung_energy"), ("deletion_gain", "deletion_gain")):
        values = [float(row[column]) for row in rows if row[column]]
        assert record["grades"][name]["films"] == len(values)
        assert record["grades"][name]["value"] == pytest.approx(np.mean(values))
        assert f"{np.mean(values):.3f}" in printed
    # Negative films have an empty mask of opacities, and are not in the pointing game.
    assert record["grades"]["pointing_game"]["films"] == sum(row["truth"] == "covid" for row in rows)
    assert record["grades"]["lung_energy"]["films"] == sum(row["blank"] == "False" for row in rows)
    assert record["grades"]["lung_pointing"]["films"] == len(rows)
    assert record["notes"] == []


def test_cropped_and_enlarged_masks_are_reported(cxr, trained, film, tmp_path):
    """Some public masks are like this: each touches all four edges of its film."""
    masks, films = tmp_path / "masks", tmp_path / "films"
    masks.mkdir()
    films.mkdir()
    for number in range(3):
        (films / f"{number}.png").write_bytes(film.read_bytes())
        mask = np.zeros(read_film(film).shape, dtype=np.uint8)
        mask[:, 40:60], mask[90:110] = 255, 255
        Image.fromarray(mask).save(masks / f"{number}.png")

    result = cxr("gradcam", films, "--lesions", masks, "-o", tmp_path / "gallery", "-w", trained.root)

    assert result.exit_code == 0
    assert f"Note: 3 of 3 masks in {masks} reach all four edges of their films" in result.stderr
    assert "the pointing game says nothing" in (tmp_path / "gallery" / "gallery.html").read_text(encoding="utf-8")


def test_films_without_truth_are_sorted_by_confidence_ascending(cxr, own_trained, phantoms, tmp_path):
    result = cxr("gradcam", phantoms.parent / "covid_*.png", "--json", "-w", own_trained.root)
    record = json.loads(result.stdout)
    threshold = open_predictor(own_trained.run()).record.threshold

    assert result.exit_code == 0
    assert len(record["films"]) > 3
    assert (record["wrong"], record["order"]) == (None, "the least sure first")
    for answer in ("covid", "non_covid"):
        sure = [row["confidence"] for row in record["films"] if row["answer"] == answer]
        assert sure == sorted(sure)
    assert 0 < threshold < 1
    assert (own_trained.heatmaps / "simple-cnn-gradcam-films" / "gallery.html").is_file()


def test_an_unreadable_film_is_reported_and_the_others_are_drawn(cxr, trained, film, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    (films / "good.png").write_bytes(film.read_bytes())
    (films / "cut.png").write_bytes(film.read_bytes()[:3000])

    result = cxr("gradcam", films, "-o", tmp_path / "gallery", "-w", trained.root)

    assert result.exit_code == 4
    assert "cut.png, which is damaged or cut short" in result.stderr
    assert "1 of 2 films could not be read." in result.stderr
    assert [path.name for path in (tmp_path / "gallery" / "films").iterdir()] == ["good.png.png"]


def test_the_randomization_check_is_in_the_record(cxr, trained, film, tmp_path):
    result = cxr("gradcam", film, "--randomize", "-o", tmp_path / "gallery", "--json", "-w", trained.root)
    found = json.loads(result.stdout)["randomization"]

    assert result.exit_code == 0
    assert found["films"] == 1
    assert found["depths"][-1]["share"] == 1
    assert found["passed"]["eigencam"] is False
    page = (tmp_path / "gallery" / "gallery.html").read_text(encoding="utf-8")
    assert all(verdict in page for verdict in found["verdicts"].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--split", "test", "-o", "heat.png"],
            "Expected a folder for the heat maps of many films. Received: heat.png.",
        ),
        (["FILM", "--split", "test"], "Expected films, or a part of the prepared dataset. Received: both."),
        (["--split", "test", "--lungs", "nowhere"], "Expected a folder of masks. Received: nowhere: no such folder."),
        (["--split", "test", "--target", "flu"], "Expected the target non_covid or covid. Received: 'flu'."),
    ],
    ids=["picture", "both", "lungs", "target"],
)
def test_a_bad_option_of_a_gallery_is_a_clear_error(cxr, trained, film, in_folder, arguments, message):
    arguments = [film if argument == "FILM" else argument for argument in arguments]
    result = cxr("gradcam", *arguments, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1 if "nowhere" in arguments else 2, "")
    assert result.stderr.startswith(f"Error: {message}\n")
    assert list(in_folder.iterdir()) == []
