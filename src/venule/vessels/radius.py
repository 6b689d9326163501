"""Distance of a pixel to the vessel's edge; a map of all distances takes 2 GB at 100 megapixels."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from venule.image.arrays import Mask


def radius_at(mask: Mask, pixels: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N,) distance in pixels of some pixels of `mask` (H, W) bool to its edge.

    The edge runs half a pixel before the centre of the nearest pixel outside. Beyond the frame
    lies no vessel.
    """
    if not len(pixels):
        return np.zeros(0)
    padded = np.pad(mask, 2)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    outside = np.argwhere((rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]) & ~padded[1:-1, 1:-1])
    distance, _ = cKDTree(outside).query(pixels + 1)
    return np.asarray(distance - 0.5, np.float64)
