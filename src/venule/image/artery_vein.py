"""Artery/vein maps as colour images, in the colours that RITE, HRF-AV and others use."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import RGB, Mask
from venule.image.encode import encode_palette

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)

ARTERY, VEIN = 1, 2
"""Bits of an artery/vein map."""

Types = NDArray[np.uint8]
"""(H, W) uint8: ARTERY, VEIN, both where they cross, or 0."""


def type_bits(artery: Mask, vein: Mask) -> Types:
    """Combine an artery mask and a vein mask, (H, W) bool, into bits."""
    return np.asarray(artery * np.uint8(ARTERY) | vein * np.uint8(VEIN))


def encode_types(types: Types, texts: Mapping[str, str] | None = None) -> bytes:
    """Encode an artery/vein map as a PNG in the colours of `color_types`, with text chunks."""
    return encode_palette(types, ((0, 0, 0), RED, BLUE, GREEN), texts)


def decode_types(pixels: RGB) -> Types:
    """The artery/vein map of an image (H, W, 3) uint8: the inverse of `color_types`.

    A channel is set from 128 up, as in images with soft edges. White, which RITE uses where the
    annotator was uncertain, is neither.
    """
    red, green, blue = (channel > 127 for channel in pixels.transpose(2, 0, 1))
    certain = ~(red & green & blue)
    return type_bits((red | green) & certain, (blue | green) & certain)


def color_types(artery: Mask, vein: Mask) -> RGB:
    """(H, W, 3) uint8: red arteries, blue veins, green where they cross, on black.

    Args:
        artery: (H, W) bool.
        vein: (H, W) bool.
    """
    picture = np.zeros((*artery.shape, 3), np.uint8)
    picture[artery], picture[vein], picture[artery & vein] = RED, BLUE, GREEN
    return picture
