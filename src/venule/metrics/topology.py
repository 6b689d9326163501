"""Connectedness of a vessel map, to which Dice is insensitive."""

import math

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.vessels.skeleton import centerline

_EIGHT_CONNECTED = np.ones((3, 3), bool)


def components(predicted: Mask, fov: Mask, min_px: int = 20) -> int:
    """Number of 8-connected components of at least `min_px` pixels inside the field of view."""
    sizes, _ = _label(predicted & fov)
    return int(np.count_nonzero(sizes >= min_px))


def largest_component_share(
    predicted: Mask, truth: Mask, fov: Mask, *, truth_line: Mask | None = None
) -> float:
    """Share of the ground truth's centreline in the largest predicted component, 0..1.

    Components are 8-connected inside the field of view. 0 if nothing was predicted, nan if the
    ground truth is empty. `truth_line` is the ground truth's centreline, if already known.
    """
    line = centerline(truth & fov) if truth_line is None else truth_line
    total = int(np.count_nonzero(line))
    if not total:
        return math.nan
    sizes, labels = _label(predicted & fov)
    if not len(sizes):
        return 0.0
    return int(np.count_nonzero(line & (labels == 1 + int(sizes.argmax())))) / total


def _label(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Pixel counts of the components, and (H, W) int32 labels from 1 in the same order."""
    labels, _ = ndi.label(mask, structure=_EIGHT_CONNECTED)
    return np.bincount(labels.ravel())[1:], labels
