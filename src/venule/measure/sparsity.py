"""Distances of the tissue from the nearest vessel (Vargas Quiros et al. 2026, arXiv 2602.08580)."""

import math

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.measure.view import View

_MOST_PX = 2**24
"""Pixels of an image above which distances are found at a fraction of its size."""


def mean_distance(view: View) -> float:
    """Mean over the region of the distance to the nearest vessel's edge in px; 0 inside vessels.

    nan without a vessel.
    """
    distances = view.once(_distances, lambda: _distances(view))
    return float(distances.mean()) if distances.size else math.nan


def largest_distance(view: View) -> float:
    """The largest distance in the region to the nearest vessel's edge in px; nan without one."""
    distances = view.once(_distances, lambda: _distances(view))
    return float(distances.max()) if distances.size else math.nan


def _distances(view: View) -> NDArray[np.float64]:
    vessels, region = view.mask & view.region, view.region
    if not vessels.any() or not region.any():
        return np.zeros(0)
    factor = math.ceil(math.sqrt(vessels.size / _MOST_PX))
    if factor > 1:
        vessels = _reduced(vessels, factor)
        region = region[factor // 2 :: factor, factor // 2 :: factor]
        vessels = vessels[: region.shape[0], : region.shape[1]]
    away = np.empty((2, *vessels.shape), np.int32)
    ndi.distance_transform_edt(~vessels, return_distances=False, indices=away, return_indices=True)
    away[0] -= np.arange(vessels.shape[0], dtype=np.int32)[:, None]
    away[1] -= np.arange(vessels.shape[1], dtype=np.int32)
    away *= away
    distances = np.sqrt((away[0] + away[1])[region]) * factor
    return np.asarray(np.maximum(distances - factor / 2, 0))


def _reduced(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """True where any pixel of a square block is."""
    padded = np.pad(mask, [(0, -extent % factor) for extent in mask.shape])
    height, width = (extent // factor for extent in padded.shape)
    return np.asarray(padded.reshape(height, factor, width, factor).any(axis=(1, 3)))
