"""Connected pieces of a vessel map: small ones are specks, not vessels."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask
from venule.image.levels import below

_EIGHT_CONNECTED = np.ones((3, 3), bool)

_COUNTED_AT_ONCE = 2**23


def lower_small_pieces(
    probability: FloatMap, fov: Mask, *, threshold: float, min_piece: float
) -> FloatMap:
    """`probability` (H, W) float32 with small pieces lowered to just below the threshold.

    A piece is 8-connected, at or above `threshold` and inside `fov`; it is small if it has fewer
    pixels than `min_piece` times those of `fov`. Nothing else changes, so that the map at the
    threshold, the map itself and its file tell of the same vessels.
    """
    least_px = min_piece * int(np.count_nonzero(fov))
    if least_px <= 1:
        return probability
    labels, pieces = ndi.label((probability >= threshold) & fov, structure=_EIGHT_CONNECTED)
    small = _sizes(labels, pieces) < least_px
    small[0] = False  # the background
    lost = small[labels]
    del labels  # of 100 megapixels they are 400 MB, as is the copy below
    lowered = probability.copy()
    lowered[lost] = below(threshold)
    return lowered


def _sizes(labels: NDArray[np.int32], pieces: int) -> NDArray[np.int64]:
    """Pixels of each label from 0 to `pieces`; part by part, for bincount copies to 64 bits."""
    sizes = np.zeros(pieces + 1, np.int64)
    for rows in np.array_split(labels, -(-labels.size // _COUNTED_AT_ONCE)):
        sizes += np.bincount(rows.ravel(), minlength=pieces + 1)
    return sizes
