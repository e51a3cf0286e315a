import numpy as np
import pytest
from PIL import Image

from cxr_cli.auditing.areas import BORDER, CORNERS
from cxr_cli.auditing.files import MEASURES, measures, read_properties


def features(place, film):
    return place.features(film.astype(np.float32), film.astype(np.float32))


@pytest.mark.parametrize("place", [BORDER, CORNERS], ids=lambda place: place.name)
def test_features_of_a_region_use_only_its_pixels(place):
    rng = np.random.default_rng(0)
    film = rng.uniform(size=(320, 320))
    seen = np.kron(place.regions.any(axis=0), np.ones((320 // place.blocks,) * 2)) > 0
    other = np.where(seen, film, rng.uniform(size=film.shape))
    changed = film.copy()
    changed[seen] += 0.5

    np.testing.assert_array_equal(features(place, film), features(place, other))
    assert (features(place, film) != features(place, changed)).any()


def test_the_border_is_an_outer_tenth_and_corners_a_fifth_of_the_sides():
    assert BORDER.regions.any(axis=0).sum() == 36
    assert CORNERS.regions.any(axis=0).sum() == 4 * 16
    assert not BORDER.regions.any(axis=0)[1:-1, 1:-1].any()
    assert CORNERS.regions[1][:4, 16:].all()


@pytest.mark.parametrize("place", [BORDER, CORNERS], ids=lambda place: place.name)
def test_the_map_shows_where_a_feature_is(place):
    film = np.zeros((320, 320))
    film[2:6, 314:318] = 1  # in the upper right corner
    found = features(place, film)
    shown = place.map(found / found.sum())

    assert shown.sum() == pytest.approx(1)
    assert np.unravel_index(shown.argmax(), shown.shape) == (0, place.blocks - 1)


def test_file_properties(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", dpi=(300, 300))
    Image.fromarray(noise).convert("RGB").save(tmp_path / "b.jpg", quality=40, progressive=True, subsampling=2)
    one, other = (read_properties(tmp_path / name) for name in ("a.png", "b.jpg"))

    assert (one.size, one.kind, one.bytes) == ("80 × 60", "PNG, gray", (tmp_path / "a.png").stat().st_size)
    assert one.density == pytest.approx(300, abs=0.1)
    assert (other.kind, other.progressive, other.subsampling) == ("JPEG, color", True, 2)
    assert other.quantization > 20
    table = measures([one, other])
    assert table.shape == (2, len(MEASURES))
    assert list(table[0, :6]) == [80, 60, 80, 60, pytest.approx(80 / 60), 4800]
    assert np.isfinite(table).all()


def test_the_header_of_a_dicom_is_enough(tmp_path):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(tmp_path / "film.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns, data.BitsStored, data.PhotometricInterpretation = 60, 80, 12, "MONOCHROME1"
    data.save_as(tmp_path / "film.dcm")
    found = read_properties(tmp_path / "film.dcm")

    assert (found.size, found.kind) == ("80 × 60", "DICOM, MONOCHROME1, 12 bit")
