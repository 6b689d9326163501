import numpy as np
import pytest

from venule.errors import ImageError
from venule.image.arrays import bounding_box, check_mask, check_rgb


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


def test_a_bounding_box_holds_all_pixels_and_the_margin_inside_the_array() -> None:
    mask = np.zeros((9, 9), bool)
    assert bounding_box(mask) is None
    mask[1, 4] = mask[3, 6] = True
    assert bounding_box(mask) == (slice(1, 4), slice(4, 7))
    assert bounding_box(mask, 2) == (slice(0, 6), slice(2, 9))
