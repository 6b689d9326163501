"""Types of pixels added to a vessel mask, taken from the vessel that they touch."""

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN, Types

_EIGHT = np.ones((3, 3), bool)


def extend_types(types: Types, added: Mask) -> Types:
    """Extend the types (H, W) to the pixels `added`, (H, W) bool.

    Each 8-connected component gets the most frequent type among adjacent pixels (artery if tied),
    or none if it touches none. Pixels that already have a type keep it.
    """
    rows, columns = np.nonzero(added & (types == 0))
    if not rows.size:
        return types
    top, left = max(int(rows.min()) - 1, 0), max(int(columns.min()) - 1, 0)
    window = np.s_[top : int(rows.max()) + 2, left : int(columns.max()) + 2]
    inner = np.pad(types[window], 1)
    new = np.pad((added & (types == 0))[window], 1)
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
