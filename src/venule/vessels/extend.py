"""Types of pixels added to a vessel mask, taken from the vessel that they touch."""

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import Mask, bounding_box
from venule.image.artery_vein import ARTERY, VEIN, Types

_EIGHT = np.ones((3, 3), bool)


def extend_types(types: Types, added: Mask) -> Types:
    """Extend the types (H, W) to the pixels `added`, (H, W) bool.

    Each 8-connected component gets the most frequent type among adjacent pixels (artery if tied),
    or none if it touches none. Pixels that already have a type keep it.
    """
    untyped = added & (types == 0)
    window = bounding_box(untyped, 1)
    if window is None:
        return types
    inner, new = np.pad(types[window], 1), np.pad(untyped[window], 1)
    labels, count = ndi.label(new, _EIGHT)
    down, right = np.nonzero(new)
    votes = np.zeros((2, count + 1), np.intp)
    for y in (-1, 0, 1):
        for x in (-1, 0, 1):
            beside = inner[down + y, right + x]
            for vote, bit in zip(votes, (ARTERY, VEIN), strict=True):
                vote += np.bincount(labels[down, right], (beside & bit) > 0, count + 1).astype(int)
    chosen = np.where(votes[0] >= votes[1], ARTERY, VEIN).astype(np.uint8)
    chosen[votes.sum(axis=0) == 0] = 0
    extended = types.copy()
    extended[window] |= np.where(new, chosen[labels], 0).astype(np.uint8)[1:-1, 1:-1]
    return extended
