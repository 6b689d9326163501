"""Picture files made of arrays, read by Pillow."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from venule.image.encode import encode_levels, encode_mask, encode_rgb, encode_strips

SHAPES = [(1, 1), (3, 5), (1100, 1000)]


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def noise(shape: tuple[int, ...], dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask_is_grey_with_0_and_255_and_its_texts(shape: tuple[int, int]) -> None:
    mask = noise(shape, np.uint8) < 80
    picture: Any = opened(encode_mask(mask, {"venule": "caf\xe9", "b": ""}))
    assert picture.mode == "L"
    assert picture.text == {"venule": "caf\xe9", "b": ""}
    np.testing.assert_array_equal(np.asarray(picture), np.where(mask, 255, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_levels_keep_their_16_bits(shape: tuple[int, int]) -> None:
    levels = noise(shape, np.uint16)
    picture = opened(encode_levels(levels.T.copy().T))
    assert picture.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(picture), levels)


@pytest.mark.parametrize("shape", [*SHAPES, (7, 4, 3), (1100, 1000, 3)])
def test_colours_and_greys_come_back(shape: tuple[int, ...]) -> None:
    pixels = noise(shape, np.uint8)
    picture = opened(encode_rgb(pixels))
    assert picture.mode == ("RGB" if len(shape) == 3 else "L")
    np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_a_picture_in_strips_is_that_of_the_whole() -> None:
    pixels = noise((50, 30, 3), np.uint8)
    content = encode_strips((50, 30), iter(np.split(pixels, [1, 20, 49])))
    np.testing.assert_array_equal(np.asarray(opened(content)), pixels)


def test_a_smooth_mask_takes_few_bytes() -> None:
    rows, columns = np.ogrid[:1000, :1000]
    content = encode_mask((rows - 500) ** 2 + (columns - 500) ** 2 < 450**2)
    assert len(content) < 10_000
