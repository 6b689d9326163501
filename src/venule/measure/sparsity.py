"""Distances of the tissue from the nearest vessel (Vargas Quiros et al. 2026, arXiv 2602.08580)."""

import math

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.levels import strips
from venule.measure.view import View

_MOST_PX = 2**24
"""Pixels of an image above which distances are found at a fraction of its size."""

_AT_ONCE = 2**17
"""Pixels whose distances are added up at once, which a processor's cache holds."""


def mean_distance(view: View) -> float:
    """Mean over the region of the distance to the nearest vessel's edge in px; 0 inside vessels.

    nan without a vessel.
    """
    return view.once(_distances, lambda: _distances(view))[0]


def largest_distance(view: View) -> float:
    """The largest distance in the region to the nearest vessel's edge in px; nan without one."""
    return view.once(_distances, lambda: _distances(view))[1]


def _distances(view: View) -> tuple[float, float]:
    """The mean and the largest distance of the region's pixels to the nearest vessel."""
    vessels, region = view.mask & view.region, view.region
    if not vessels.any():
        return math.nan, math.nan
    factor = math.ceil(math.sqrt(vessels.size / _MOST_PX))
    if factor > 1:
        vessels = _reduced(vessels, factor)
        region = region[factor // 2 :: factor, factor // 2 :: factor]
        vessels = vessels[: region.shape[0], : region.shape[1]]
    nearest = np.empty((2, *vessels.shape), np.int32)
    ndi.distance_transform_edt(
        ~vessels, return_distances=False, indices=nearest, return_indices=True
    )
    total, largest = 0.0, 0.0
    columns = np.arange(vessels.shape[1], dtype=np.int32)
    for rows in strips(vessels.shape, _AT_ONCE):
        down = nearest[0, rows] - np.arange(rows.start, rows.stop, dtype=np.int32)[:, None]
        right = nearest[1, rows] - columns
        away = np.sqrt((down * down + right * right)[region[rows]]) * factor
        away = np.maximum(away - factor / 2, 0)
        total += float(away.sum())
        largest = max(largest, float(away.max(initial=0)))
    return total / max(int(np.count_nonzero(region)), 1), largest


def _reduced(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """True where any pixel of a square block is."""
    padded = np.pad(mask, [(0, -extent % factor) for extent in mask.shape])
    height, width = (extent // factor for extent in padded.shape)
    return np.asarray(padded.reshape(height, factor, width, factor).any(axis=(1, 3)))
