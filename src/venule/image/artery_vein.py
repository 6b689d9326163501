"""Maps of arteries and veins as a picture: the colours that RITE, HRF-AV and others use."""

import numpy as np

from venule.image.arrays import RGB, Mask

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def color_types(artery: Mask, vein: Mask) -> RGB:
    """(H, W, 3) uint8: red arteries, blue veins, green where a pixel is of both, on black.

    Args:
        artery: (H, W) bool.
        vein: (H, W) bool.
    """
    picture = np.zeros((*artery.shape, 3), np.uint8)
    picture[artery], picture[vein], picture[artery & vein] = RED, BLUE, GREEN
    return picture
