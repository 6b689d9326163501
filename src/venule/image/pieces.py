"""Connected pieces of a vessel map: small ones are specks, not vessels."""

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import FloatMap, Mask

_EIGHT_CONNECTED = np.ones((3, 3), bool)


def lower_small_pieces(
    probability: FloatMap, fov: Mask, *, threshold: float, min_piece: float
) -> FloatMap:
    """`probability` (H, W) float32 with small pieces lowered to just below the threshold.

    A piece is 8-connected, at or above `threshold` and inside `fov`; it is small if it has fewer
    pixels than `min_piece` times those of `fov`. Nothing else changes, so that the map at the
    threshold and the map itself tell of the same vessels.
    """
    least_px = min_piece * int(np.count_nonzero(fov))
    if least_px <= 1:
        return probability
    labels, _ = ndi.label((probability >= threshold) & fov, structure=_EIGHT_CONNECTED)
    sizes = np.bincount(labels.ravel())
    small = sizes < least_px
    small[0] = False  # the background
    below = np.nextafter(np.float32(threshold), np.float32(0))
    lowered = probability.copy()
    lowered[small[labels]] = below
    return lowered
