"""Masks from images that may show either vessels, or arteries and veins."""

from pathlib import Path

import numpy as np

from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import BLUE, GREEN, RED, Types, type_bits
from venule.image.io import decode_mask
from venule.image.photograph import read_photograph


def decode_mask_or_types(content: bytes) -> tuple[Mask, Types | None]:
    """Decode the mask (H, W) of an image, and its types (H, W) if it is red, blue and green.

    White among colours is vessel without a type.

    Raises:
        ImageError: not an image, or neither a two-valued mask nor one of these colours.
    """
    pixels = read_photograph(content).pixels
    red, green, blue = pixels.transpose(2, 0, 1)
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return decode_mask(content, Path("picture")), None
    of = {color: (pixels == color).all(axis=2) for color in (RED, BLUE, GREEN)}
    black, white = ((pixels == value).all(axis=2) for value in (0, 255))
    if not (of[RED] | of[BLUE] | of[GREEN] | black | white).all():
        raise ImageError(
            "not a mask: it has colours other than black, white, red (arteries), blue (veins) "
            "and green (both); save it as PNG"
        )
    types = type_bits(of[RED] | of[GREEN], of[BLUE] | of[GREEN])
    return np.asarray(white | (types > 0)), types
