import numpy as np
import pytest
from PIL import Image

from cxr_cli.lungs.enlarge import enlarged, enlarged_spans


def test_an_enlarged_mask_has_the_size_of_the_film_and_the_same_area():
    mask = np.zeros((40, 40), np.float32)
    mask[10:30, 8:28] = 1
    large = enlarged(mask, (400, 200))

    assert large.shape == (400, 200)
    assert large.mean() == pytest.approx(mask.mean(), rel=0.03)
    assert large[200, 100]
    assert not large[0, 0]


@pytest.mark.parametrize("shape", [(640, 523), (101, 2500), (192, 192), (192, 300), (96, 60), (33, 191)])
def test_spans_are_those_of_the_enlarged_mask(shape):
    random = np.random.default_rng(0)
    for _ in range(40):
        # Blobs of all sizes, with soft and with hard edges, some of them at a border.
        noise = Image.fromarray(random.normal(0, 1, (random.integers(2, 24),) * 2).astype(np.float32))
        height = np.asarray(noise.resize((192, 192), Image.Resampling.BICUBIC))
        share = (1 / (1 + np.exp(-random.choice([2, 8, 100]) * (height - random.choice([0.3, 1.0]))))).astype(
            np.float32
        )
        rows, columns = (np.flatnonzero(enlarged(share, shape).any(axis=axis)) for axis in (1, 0))
        expected = (
            ((rows[0], rows[-1] + 1), (columns[0], columns[-1] + 1)) if rows.size else ((0, shape[0]), (0, shape[1]))
        )

        assert enlarged_spans(share, shape) == expected


def test_an_empty_mask_spans_the_film():
    assert enlarged_spans(np.zeros((192, 192), np.float32), (640, 400)) == ((0, 640), (0, 400))
