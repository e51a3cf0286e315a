"""The distance of films from those that a run was trained on."""

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.recipe.reference import fit_reference, load_reference, save_reference


@pytest.fixture
def reference():
    generator = np.random.default_rng(0)
    shape = np.diag(np.linspace(3, 0.1, 40)) @ np.linalg.qr(generator.normal(size=(40, 40)))[0]
    films = (generator.normal(size=(500, 40)) @ shape + 5).astype(np.float32)
    return fit_reference(films[:400], films[400:]), films


def test_films_like_the_training_films_are_near_and_others_far(reference):
    fitted, films = reference

    assert fitted.distances(films).mean() == pytest.approx(1, abs=0.1)
    assert not fitted.far(films).any()
    assert fitted.far(np.zeros((1, 40), np.float32)).all()


def test_a_direction_in_which_films_do_not_vary_counts_more(reference):
    fitted, _ = reference
    along, across = fitted.axes[0].astype(np.float32), fitted.axes[-1].astype(np.float32)

    near, far = fitted.distances(fitted.mean + np.stack([along, across]))

    assert far > 5 * near


def test_it_is_read_as_it_was_written(reference, tmp_path):
    fitted, films = reference
    save_reference(tmp_path / "reference.npz", fitted)

    again = load_reference(tmp_path / "reference.npz")

    np.testing.assert_array_equal(again.distances(films), fitted.distances(films))
    assert again.limit == fitted.limit


def test_few_films_with_features_that_never_vary_are_enough():
    films = np.zeros((3, 8), np.float32)
    films[:, 0] = [1, 2, 3]

    assert np.isfinite(fit_reference(films, films).distances(films)).all()


def test_without_the_file_there_is_none_and_a_damaged_one_is_an_error(tmp_path):
    assert load_reference(tmp_path / "reference.npz") is None
    (tmp_path / "reference.npz").write_bytes(b"PK\x03\x04 cut short")

    with pytest.raises(WorkspaceError, match="Expected the features of a run's training films"):
        load_reference(tmp_path / "reference.npz")
