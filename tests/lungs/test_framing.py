"""Films that are cropped to the lungs, or show the lungs alone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import UsageError
from cxr_cli.films.transforms import WHOLE_FILM
from cxr_cli.lungs.framing import CROP_MARGIN, Framing, choose_framing, frame_by, frame_film
from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.lungs.methods import DEFAULT_METHOD, SEGMENTATION_METHODS
from cxr_cli.recipe.record import RunRecord
from cxr_cli.rendering.render import render
from cxr_cli.workspace.records import read_record

CROP = Framing(kind="crop", method="otsu", margin=0.1)
MASK = Framing(kind="mask", method="otsu")


@pytest.mark.parametrize("method", SEGMENTATION_METHODS)
def test_pixels_outside_the_mask_become_black(method):
    film = render(positive=True, seed=5).film
    before = film.copy()
    framed = frame_film(film, Framing(kind="mask", method=method))
    mask = segment_lungs(film, method).mask

    assert (framed.reason, framed.box) == ("", WHOLE_FILM)
    np.testing.assert_array_equal(framed.film[mask], film[mask])
    assert not framed.film[~mask].any()
    np.testing.assert_array_equal(film, before)


@pytest.mark.parametrize("size", [(320, 320), (500, 400), (400, 480)])
def test_a_crop_is_the_box_around_both_lungs_with_its_margin(size):
    film = render(positive=False, seed=2, size=size).film
    framed = frame_film(film, CROP)
    rows, columns = np.nonzero(framed.lungs.mask)
    left, top, right, bottom = np.rint(np.array(framed.box) * [size[1], size[0], size[1], size[0]]).astype(int)

    assert framed.reason == ""
    np.testing.assert_array_equal(framed.film, film[top:bottom, left:right])
    tall, wide = rows.max() + 1 - rows.min(), columns.max() + 1 - columns.min()
    assert top == max(0, rows.min() - round(0.1 * tall))
    assert bottom == min(size[0], rows.max() + 1 + round(0.1 * tall))
    assert left == max(0, columns.min() - round(0.1 * wide))
    assert right == min(size[1], columns.max() + 1 + round(0.1 * wide))


@pytest.mark.parametrize("framing", [CROP, MASK])
def test_a_film_without_lungs_stays_whole_with_the_reason(framing):
    film = np.random.default_rng(1).integers(0, 256, (100, 90)).astype(np.uint8)
    framed = frame_film(film, framing)

    np.testing.assert_array_equal(framed.film, film)
    assert framed.box == WHOLE_FILM
    assert "the clusters show no outline of lungs" in framed.reason


def test_a_crop_needs_less_of_a_mask_than_a_mask(monkeypatch):
    film = render(positive=False, seed=2).film
    lopsided = replace(segment_lungs(film, "otsu"), flags=("one lung is 40% of the other",))
    monkeypatch.setattr("cxr_cli.lungs.keep.segment_lungs", lambda film, method: lopsided)

    assert frame_film(film, MASK).reason == "one lung is 40% of the other"
    assert frame_film(film, CROP).reason == ""

    single = replace(lopsided, located=False, flags=("one lung found instead of two",))
    monkeypatch.setattr("cxr_cli.lungs.keep.segment_lungs", lambda film, method: single)
    assert frame_film(film, CROP).reason == "one lung found instead of two"


def test_an_equalized_crop_is_the_same_whatever_the_gamma_of_the_film():
    film = render(positive=False, seed=2).film
    box = (slice(40, 280), slice(30, 290))
    mask = np.zeros(film.shape, dtype=bool)
    mask[box] = True
    framing = Framing(kind="crop", method="otsu", equalize=True)

    dark = np.rint(255 * (film / 255) ** 1.5).astype(np.uint8)
    plain, darker = frame_by(film, mask, framing)[0], frame_by(dark, mask, framing)[0]

    assert plain.shape == (240, 260)
    assert np.abs(plain.astype(float) - darker).mean() < 3 < np.abs(film[box].astype(float) - dark[box]).mean()


def choose(**asked: str | bool) -> Framing | None:
    return choose_framing(**(dict.fromkeys(("crop", "mask", "method", "segment")) | {"equalize": False} | asked))


@pytest.mark.parametrize(
    ("asked", "framing"),
    [
        ({}, None),
        ({"crop": "lungs"}, Framing(kind="crop", method=DEFAULT_METHOD, margin=CROP_MARGIN)),
        ({"crop": "lungs", "method": "otsu"}, Framing(kind="crop", method="otsu", margin=CROP_MARGIN)),
        (
            {"crop": "lungs", "equalize": True},
            Framing(kind="crop", method=DEFAULT_METHOD, margin=CROP_MARGIN, equalize=True),
        ),
        ({"mask": "lungs"}, Framing(kind="mask", method=DEFAULT_METHOD)),
        ({"segment": "dbscan"}, Framing(kind="mask", method="dbscan")),
    ],
)
def test_the_options_choose_a_framing(asked, framing):
    assert choose(**asked) == framing


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"crop": "heart"}, "Expected the part lungs. Received: 'heart'."),
        ({"crop": "lungs", "mask": "lungs"}, "Expected one of crop and mask. Received: crop and mask."),
        ({"crop": "lungs", "segment": "otsu"}, "Expected one of crop and mask. Received: crop and segment."),
        ({"mask": "lungs", "equalize": True}, "Expected equalize with crop. Received: equalize without it."),
        ({"method": "otsu"}, "Expected a segmentation method with crop or mask. Received: otsu without them."),
        (
            {"crop": "lungs", "method": "eye"},
            f"Expected a segmentation method: {', '.join(SEGMENTATION_METHODS)}. Received: 'eye'.",
        ),
    ],
)
def test_options_that_choose_no_framing_are_refused(asked, message):
    with pytest.raises(UsageError) as caught:
        choose(**asked)

    assert caught.value.message == message


def test_a_framing_describes_itself():
    assert str(CROP) == "films cropped to the lungs with a margin of 10%, found by otsu"
    assert str(MASK) == "lungs alone, found by otsu"


@pytest.mark.parametrize(("segment", "framing"), [(None, None), ("otsu", MASK)])
def test_records_of_version_1_still_open(prepared, trained, tmp_path, segment, framing):
    for kind, path in ((DatasetRecord, prepared.dataset.record), (RunRecord, trained.run().record)):
        fields = json.loads(path.read_text())
        del fields["framing"]
        old = tmp_path / path.name
        old.write_text(json.dumps(fields | {"schema_version": 1, "segment": segment}))
        record = read_record(old, kind)

        assert record.framing == framing
        assert record.schema_version == kind.VERSION
