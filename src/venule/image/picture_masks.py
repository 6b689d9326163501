"""Masks in pictures of which it is not known whether they show vessels, or arteries and veins."""

from pathlib import Path

import numpy as np

from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import BLUE, GREEN, RED, Types, type_bits
from venule.image.io import decode_mask
from venule.image.photograph import read_photograph


def decode_mask_or_types(content: bytes) -> tuple[Mask, Types | None]:
    """The mask (H, W) of a picture's file, and its types (H, W) where it is red, blue and green.

    White among colours is a vessel of no type.

    Raises:
        ImageError: no picture, or neither a mask of two values nor of these colours.
    """
    pixels = read_photograph(content).pixels
    red, green, blue = pixels.transpose(2, 0, 1)
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return decode_mask(content, Path("picture")), None
    of = {color: (pixels == color).all(axis=2) for color in (RED, BLUE, GREEN)}
    black, white = ((pixels == value).all(axis=2) for value in (0, 255))
    if not (of[RED] | of[BLUE] | of[GREEN] | black | white).all():
        raise ImageError(
            "no mask: a picture of other colours than black, white, red (arteries), blue (veins) "
            "and green (both); save it as PNG"
        )
    types = type_bits(of[RED] | of[GREEN], of[BLUE] | of[GREEN])
    return np.asarray(white | (types > 0)), types
