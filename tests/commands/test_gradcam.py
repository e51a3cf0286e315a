import json

import numpy as np
import pytest
from PIL import Image

from cxr_cli.imaging.reader import read_film
from cxr_cli.inference.predictor import open_predictor


def read_picture(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_the_picture_shows_the_film_with_heat(cxr, trained, film, tmp_path):
    heat = tmp_path / "heat.png"

    result = cxr("gradcam", film, "-o", heat, "--target", "covid", "-w", trained.root)
    picture = read_picture(heat).astype(int)
    answer = open_predictor(trained.run()).answer(read_film(film))

    assert result.exit_code == 0
    assert result.stdout == (
        f"{film}\n  Class      : {answer.label}\n  Confidence : {answer.confidence:.1%}\n"
        f"  Heat map   : {heat} (for covid)\n"
    )
    assert picture.shape[1] == read_film(film).shape[1]
    assert picture.shape[0] > read_film(film).shape[0]
    colored = np.ptp(picture, axis=-1) > 20
    assert colored.mean() == pytest.approx(0, abs=1e-9) if answer.cams["covid"].max() <= 0 else colored.mean() > 0.01


def test_alpha_0_leaves_the_film_as_it_is(cxr, trained, film, tmp_path):
    heat = tmp_path / "heat.png"
    cxr("gradcam", film, "-o", heat, "--alpha", "0", "-w", trained.root)
    original, picture = read_film(film), read_picture(heat)
    height = original.shape[0]
    strip = next(top for top in range(picture.shape[0]) if (picture[top : top + height, :, 0] == original).all())

    assert strip > 0


def test_raw_is_the_models_own_map(cxr, trained, film, tmp_path):
    for target in ("covid", "non_covid"):
        result = cxr("gradcam", film, "--raw", "--target", target, "-o", tmp_path / "m.npy", "-w", trained.root)
        expected = open_predictor(trained.run()).answer(read_film(film)).cams[target]

        assert result.exit_code == 0
        np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), expected)


def test_the_default_place_is_the_workspace(cxr, own_trained, film):
    result = cxr("gradcam", film, "--json", "-w", own_trained.root)
    answer = json.loads(result.stdout)

    assert answer["heatmap"] == str(own_trained.heatmaps / "covid.png")
    assert list(answer) == ["image", "class", "confidence", "probabilities", "model", "target", "heatmap", "explains"]
    assert read_picture(answer["heatmap"]).shape[-1] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "flu"], "Expected --target non_covid or covid. Received: 'flu'."),
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

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {message}\n")
    assert list(in_folder.iterdir()) == []


def test_the_film_is_never_overwritten(cxr, trained, film):
    before = film.read_bytes()
    result = cxr("gradcam", film, "-o", film, "-w", trained.root)

    assert result.exit_code == 1
    assert film.read_bytes() == before


def test_a_corrupt_film_leaves_no_picture(cxr, trained, film, tmp_path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(film.read_bytes()[:3000])

    result = cxr("gradcam", cut, "-o", tmp_path / "heat.png", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Expected a film. Received: {cut} is damaged or cut short")
    assert not (tmp_path / "heat.png").exists()
