"""The centreline of a mask, by the same method for every score."""

import numpy as np
from skimage.morphology import skeletonize

from venule.image.arrays import Mask


def centerline(mask: Mask) -> Mask:
    """(H, W) bool, one pixel wide: scikit-image's `skeletonize` in 2-D (Zhang and Suen 1984).

    The skeleton of clDice's published definition. It erodes diagonal lines three pixels wide from
    their ends; measurements use `thinning.thinned`, which does not.
    """
    return np.asarray(skeletonize(mask), np.bool_)  # type: ignore[no-untyped-call]
