"""Distances from tissue to the nearest vessel (Vargas Quiros et al. 2026, arXiv 2602.08580)."""

import math
from functools import partial

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.image.levels import strips
from venule.measure.view import View, window_of

_MOST_PX = 2**24
"""Number of pixels above which distances are computed at reduced size."""

_AT_ONCE = 2**17
"""Pixels whose distances are summed at once; they fit into a processor's cache."""


def mean_distance(view: View) -> float:
    """Mean distance to the nearest vessel's edge over the region, in px; 0 inside vessels.

    nan without a vessel.
    """
    return view.once(_distances, partial(_distances, view))[0]


def largest_distance(view: View) -> float:
    """Largest distance to the nearest vessel's edge in the region, in px; nan without a vessel."""
    return view.once(_distances, partial(_distances, view))[1]


def _distances(view: View) -> tuple[float, float]:
    """The mean and the largest distance of the region's pixels to the nearest vessel."""
    if not view.vessel_px:
        return math.nan, math.nan
    squares, region = view.once(_squares, partial(_squares, view))
    factor = _factor(view)
    total, largest = 0.0, 0.0
    for rows in strips((region.shape[0], region.shape[1]), _AT_ONCE):
        away = np.sqrt(squares[rows][region[rows]]) * factor
        away = np.maximum(away - factor / 2, 0)
        total += float(away.sum())
        largest = max(largest, float(away.max(initial=0)))
    return total / max(int(np.count_nonzero(region)), 1), largest


def _factor(view: View) -> int:
    """Width in pixels of the blocks for which distances are computed: 1 except for large images."""
    return math.ceil(math.sqrt(view.mask.size / _MOST_PX))


def _squares(view: View) -> tuple[NDArray[np.int32], Mask]:
    """Squared distances of pixels to the nearest vessel, and which pixels are in the region.

    Both cover the region's window at reduced size, see `_factor`. The vessel nearest to a pixel is
    its nearest artery or its nearest vein.
    """
    if view.parts and all(part.vessel_px for part in view.parts):
        first, second = (part.once(_squares, partial(_squares, part)) for part in view.parts)
        return np.minimum(first[0], second[0]), first[1]
    factor = _factor(view)
    window = window_of(view.region, factor)
    region = view.region[window]
    vessels = view.mask[window] & region
    if factor > 1:
        vessels = _reduced(vessels, factor)
        region = region[factor // 2 :: factor, factor // 2 :: factor]
        vessels = vessels[: region.shape[0], : region.shape[1]]
    nearest = np.empty((2, *vessels.shape), np.int32)
    ndi.distance_transform_edt(
        ~vessels, return_distances=False, indices=nearest, return_indices=True
    )
    down, right = nearest
    down -= np.arange(vessels.shape[0], dtype=np.int32)[:, None]
    right -= np.arange(vessels.shape[1], dtype=np.int32)
    down *= down
    right *= right
    return down + right, region


def _reduced(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """True where any pixel of a square block is."""
    padded = np.pad(mask, [(0, -extent % factor) for extent in mask.shape])
    height, width = (extent // factor for extent in padded.shape)
    return np.asarray(padded.reshape(height, factor, width, factor).any(axis=(1, 3)))
