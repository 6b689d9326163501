"""Connected components of a vessel map: small ones are specks, not vessels."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.image.levels import Levels, strips, threshold_level

EIGHT_CONNECTED = np.ones((3, 3), bool)

_COUNTED_AT_ONCE = 2**23


def lower_small_components(
    levels: Levels, fov: Mask, *, threshold: float, min_component: float
) -> None:
    """Lower small components of a map, (H, W) uint16 levels, to just below the threshold, in place.

    A component is 8-connected, at or above `threshold` and inside `fov`; it is small if it has
    fewer pixels than `min_component` times those of `fov`. Nothing else changes, so that the map
    at the threshold, the map itself and its file tell of the same vessels.
    """
    least_px = min_component * int(np.count_nonzero(fov))
    if least_px <= 1:
        return
    least = threshold_level(threshold)
    labels, count = ndi.label((levels >= least) & fov, structure=EIGHT_CONNECTED)
    small = component_sizes(labels, count) < least_px
    small[0] = False  # the background
    for rows in strips(levels.shape):
        levels[rows][small[labels[rows]]] = least - 1


def component_sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Pixels of each label from 0 to `count`; part by part, for bincount copies to 64 bits."""
    sizes = np.zeros(count + 1, np.int64)
    for rows in np.array_split(labels, -(-labels.size // _COUNTED_AT_ONCE)):
        sizes += np.bincount(rows.ravel(), minlength=count + 1)
    return sizes
