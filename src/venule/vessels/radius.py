"""Distance to the vessel's edge at some pixels; a full map takes 2 GB at 100 megapixels."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from venule.image.arrays import Mask


def radius_at(mask: Mask, pixels: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N,) distance in pixels of some pixels of `mask` (H, W) bool to its edge.

    The edge lies half a pixel before the centre of the nearest pixel outside. There is no vessel
    beyond the frame.
    """
    if not len(pixels):
        return np.zeros(0)
    padded = np.pad(mask, 2)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    outside = np.argwhere((rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]) & ~padded[1:-1, 1:-1])
    distance, _ = cKDTree(outside).query(pixels + 1)
    return np.asarray(distance - 0.5, np.float64)
