"""Thinning, against scikit-image's implementation of the same rule."""

import numpy as np
import pytest
import scipy.ndimage as ndi
from skimage.morphology import skeletonize

from venule.image.arrays import Mask
from venule.vessels.thinning import thinned


def _oracle(mask: Mask) -> Mask:
    return np.asarray(skeletonize(mask, method="lee") > 0)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_thinned_as_by_scikit_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(10):
        shape = random.integers(1, 50, 2)
        mask = random.random(shape) < random.uniform(0.1, 0.95)
        np.testing.assert_array_equal(thinned(mask), _oracle(mask))


@pytest.mark.parametrize("seed", range(8))
def test_smooth_blobs_are_thinned_as_by_scikit_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    for width in (0.7, 1.5, 3, 6):
        mask = ndi.gaussian_filter(random.standard_normal((90, 70)), width) > 0
        np.testing.assert_array_equal(thinned(mask), _oracle(mask))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 12)])
def test_a_whole_frame_is_thinned_as_by_scikit_image(shape: tuple[int, int]) -> None:
    for mask in (np.ones(shape, bool), np.zeros(shape, bool)):
        np.testing.assert_array_equal(thinned(mask), _oracle(mask))


def test_the_mask_stays_as_it_is() -> None:
    mask = np.ones((9, 9), bool)
    thinned(mask)
    assert mask.all()
