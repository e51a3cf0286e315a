import numpy as np

from cxr_cli.films.transforms import resize
from cxr_cli.lungs.masks import dice
from cxr_cli.rendering.render import render
from cxr_cli.training.mask_augmentation import augment_with_mask

PHANTOM = render(positive=True, seed=2)
FILM = resize(PHANTOM.film, 96)
MASK = resize(PHANTOM.lungs.astype(np.uint8) * 255, 96)


def test_the_same_seed_gives_the_same_variant_and_leaves_the_film_as_it_is():
    film, mask = FILM.copy(), MASK.copy()
    one, other, third = (augment_with_mask(film, mask, np.random.default_rng(seed)) for seed in (3, 3, 4))

    for mine, its in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert not np.array_equal(one[0], third[0])
    np.testing.assert_array_equal(film, FILM)
    np.testing.assert_array_equal(mask, MASK)
    assert (one[0].shape, one[0].dtype, one[1].shape, one[1].dtype) == ((96, 96), np.uint8, (96, 96), np.bool_)


def test_masks_move_with_their_films():
    # A film that is its own mask, so that the variant of the one shows where the other should be.
    for seed in range(40):
        film, mask = augment_with_mask(MASK, MASK, np.random.default_rng(seed))
        if not mask.any():
            continue
        inside, outside = film[mask].mean(), film[~mask].mean()
        assert inside > outside, seed


def test_variants_differ_in_place_size_and_light():
    variants = [augment_with_mask(FILM, MASK, np.random.default_rng(seed)) for seed in range(60)]
    areas = [mask.mean() / (MASK > 127).mean() for _, mask in variants]
    lights = [film.mean() for film, _ in variants]
    overlaps = [dice(mask, MASK > 127) for _, mask in variants]

    assert min(areas) < 0.7
    assert max(areas) > 1.3
    assert max(lights) - min(lights) > 60
    assert 0.2 < np.mean(overlaps) < 0.95
