"""Masks between pixel centres, against scipy."""

import numpy as np
import pytest
import scipy.ndimage as ndi

from venule.vessels.profiles import interpolated


@pytest.mark.parametrize("grid", [0, 0.5], ids=["anywhere", "on the half grid"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 53)], ids=str)
def test_a_mask_between_its_pixels_is_what_scipy_interpolates(
    size: tuple[int, int], grid: float
) -> None:
    random = np.random.default_rng(sum(size))
    for _ in range(30):
        mask = ndi.binary_opening(random.random(size) < 0.7) | (random.random(size) < 0.1)
        shape = random.integers(1, 20, 2)
        places = random.uniform(-7, np.array(size)[:, None, None] + 7, (2, *shape))
        if grid:
            places = np.round(places / grid) * grid
        expected = ndi.map_coordinates(
            mask.view(np.uint8), places, np.float32, order=1, mode="grid-constant"
        )
        np.testing.assert_array_equal(interpolated(mask, *places), expected)


@pytest.mark.parametrize("row", [-50.0, 90.0])
def test_beyond_the_image_there_is_no_vessel(row: float) -> None:
    places = np.full((3, 4), row), np.full((3, 4), 5.0)
    assert not interpolated(np.ones((20, 20), bool), *places).any()
