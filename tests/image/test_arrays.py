import numpy as np
import pytest

from venule.errors import ImageError
from venule.image.arrays import check_mask, check_rgb


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_anything_else_is_no_photograph(array: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"shape .* and dtype"):
        check_rgb(array)


@pytest.mark.parametrize("mask", [np.zeros((5, 4), bool), np.zeros((4, 5), np.uint8)])
def test_a_mask_of_another_size_or_kind_is_named(mask: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"^fov: expected a bool mask"):
        check_mask(mask, (4, 5), name="fov")
