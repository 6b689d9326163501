"""Connected components of a vessel map: small ones are specks, not vessels."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from venule.image.arrays import Mask
from venule.image.levels import Levels, strips, threshold_level

EIGHT_CONNECTED = np.ones((3, 3), bool)


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
    row_px = levels.shape[1] + 1
    starts, stops = _runs(levels, fov, least)
    component = _component(starts, stops, row_px)
    sizes = np.bincount(component, weights=stops - starts)
    small = sizes[component] < least_px
    at = _ranges(starts[small], (stops - starts)[small])
    levels.ravel()[at - at // row_px] = least - 1  # a view, for maps are contiguous


def _runs(levels: Levels, fov: Mask, least: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and ends of runs of pixels along the rows, from `least` on and in `fov`.

    Both (R,) indices, from 0 in the order of rows, each of which has a pixel more at its end that
    belongs to no run.
    """
    row_px = levels.shape[1] + 1
    edges = []
    for rows in strips(levels.shape):
        inside = np.zeros(1 + (rows.stop - rows.start) * row_px, bool)
        part = inside[1:].reshape(-1, row_px)[:, :-1]
        np.greater_equal(levels[rows], least, out=part)
        part &= fov[rows]
        edges.append(np.flatnonzero(inside[1:] != inside[:-1]) + rows.start * row_px)
    at = np.concatenate(edges)
    return at[::2], at[1::2]


def _component(starts: NDArray[np.intp], stops: NDArray[np.intp], row_px: int) -> NDArray[np.int32]:
    """The number of each run's component: runs are 8-connected to those that they touch above."""
    first = np.searchsorted(stops, starts - row_px, "left")
    last = np.searchsorted(starts, stops - row_px, "right")
    touched = np.maximum(last - first, 0)
    above = _ranges(first, touched)
    ends = np.concatenate([[0], np.cumsum(touched)])
    links = csr_array((np.ones(len(above), bool), above, ends), (len(starts), len(starts)))
    return connected_components(links, directed=False)[1]  # type: ignore[no-any-return]


def _ranges(first: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """The whole numbers from each of `first` on, so many of each, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(first - before, lengths))
