from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from venule.errors import ImageError
from venule.image.foreign_map import decode_map

NAME = Path("map.png")


def _file(picture: Image.Image, kind: str = "PNG") -> bytes:
    content = BytesIO()
    picture.save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize("value", [1, 3, 255])
def test_a_mask_of_any_value_is_0_and_the_largest_level(value: int) -> None:
    stored = np.zeros((4, 5), np.uint8)
    stored[1, 2] = value
    found = decode_map(_file(Image.fromarray(stored)), NAME)
    assert found.dtype == np.uint16
    assert np.array_equal(found, np.where(stored > 0, 65535, 0))


def test_grey_levels_are_probabilities_of_8_or_16_bits() -> None:
    eight = np.array([[0, 51, 255]], np.uint8)
    assert decode_map(_file(Image.fromarray(eight)), NAME).tolist() == [[0, 13107, 65535]]
    sixteen = np.array([[0, 1, 65535]], np.uint16)
    assert decode_map(_file(Image.fromarray(sixteen)), NAME).tolist() == [[0, 1, 65535]]


def test_a_map_of_16_bits_may_have_the_other_byte_order() -> None:
    content = BytesIO()
    tifffile.imwrite(content, np.array([[0, 1, 65535]], ">u2"), byteorder=">")
    found = decode_map(content.getvalue(), Path("map.tif"))
    assert found.dtype == np.dtype("=u2")
    assert found.tolist() == [[0, 1, 65535]]


def test_every_colour_is_vessel_and_black_is_none() -> None:
    stored = np.zeros((2, 2, 3), np.uint8)
    stored[0] = (255, 0, 0), (0, 0, 255)
    found = decode_map(_file(Image.fromarray(stored)), NAME)
    assert found.tolist() == [[65535, 65535], [0, 0]]


def test_a_palette_of_two_is_a_mask_whatever_its_colours() -> None:
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    picture.putpalette([9, 9, 9, 200, 0, 0])
    assert decode_map(_file(picture, "GIF"), NAME).tolist() == [[0, 65535]]


def test_what_is_no_picture_is_refused_by_name() -> None:
    with pytest.raises(ImageError, match=r"map\.png"):
        decode_map(b"nothing", NAME)
