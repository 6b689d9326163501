"""Masks from images that may show either vessels, or arteries and veins."""

from pathlib import Path

import numpy as np

from venule.errors import ImageError
from venule.image.arrays import Mask
from venule.image.artery_vein import BLUE, GREEN, RED, Types, decode_types
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
    colors = ((0, 0, 0), (255, 255, 255), RED, BLUE, GREEN)
    if not np.logical_or.reduce([(pixels == color).all(axis=2) for color in colors]).all():
        raise ImageError(
            "not a mask: it has colours other than black, white, red (arteries), blue (veins) "
            "and green (both); save it as PNG"
        )
    return np.asarray(pixels.any(axis=2)), decode_types(pixels)


def read_types(path: Path) -> Types:
    """Read an artery/vein map (H, W) from a colour image, as `decode_types`.

    Raises:
        ImageError: the file cannot be read as an image.
    """
    return decode_types(read_photograph(path).pixels)
