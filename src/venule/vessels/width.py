"""Width of the vessel at each pixel of a mask, from the distance transform."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.vessels.skeleton import centerline

Widths = NDArray[np.float64]
"""(H, W) float64: the vessel's width in pixels at each vessel pixel, 0 elsewhere."""


def vessel_widths(vessels: Mask, *, line: Mask | None = None) -> Widths:
    """Compute the width of each pixel's vessel: twice the distance from centre line to edge.

    Coarse, an even number for thin vessels: a width class for scoring, not a calibre.

    Args:
        vessels: (H, W) bool, cut to the field of view.
        line: (H, W) bool, its centreline, if already known.
    """
    line = centerline(vessels) if line is None else line
    if not line.any():
        return np.zeros(vessels.shape)
    radius_px = ndi.distance_transform_edt(vessels)
    nearest = ndi.distance_transform_edt(~line, return_distances=False, return_indices=True)
    widths: Widths = 2 * radius_px[tuple(nearest)] * vessels
    return widths
