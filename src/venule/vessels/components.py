"""Connected components of a vessel map, by run-length encoding; removal of small ones."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from venule.image.arrays import Mask
from venule.image.levels import Levels, strips, threshold_level


@dataclass(frozen=True)
class Runs:
    """Runs of equal pixels along the rows of a map (H, W), far fewer than its pixels.

    Attributes:
        starts, stops: both (R,) flat indices in row order; each row has one extra pixel at its end
            that belongs to no run.
        kind: (R,) uint8, the value of each run's pixels.
        row_px: W + 1.
    """

    starts: NDArray[np.intp]
    stops: NDArray[np.intp]
    kind: NDArray[np.uint8]
    row_px: int

    def pixels(self, chosen: Mask) -> NDArray[np.intp]:
        """The indices of the pixels of the runs `chosen`, (R,) bool."""
        return _ranges(self.starts[chosen], (self.stops - self.starts)[chosen])

    def touching(self, *, corners: bool = True) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs of touching runs in adjacent rows, in order of the lower one.

        Runs are 8-connected, or 4-connected without `corners`.
        """
        low, high = self.starts - self.row_px, self.stops - self.row_px
        first = np.searchsorted(self.stops, low, "left" if corners else "right")
        last = np.searchsorted(self.starts, high, "right" if corners else "left")
        touched = np.maximum(last - first, 0)
        return np.arange(len(first)).repeat(touched), _ranges(first, touched)

    def components(
        self, lower: NDArray[np.intp], upper: NDArray[np.intp]
    ) -> tuple[int, NDArray[np.int32]]:
        """The number of components of equal value, and (R,) each run's, from pairs that touch."""
        same, size = self.kind[lower] == self.kind[upper], len(self.starts)
        ends = np.concatenate([[0], np.cumsum(np.bincount(lower[same], minlength=size))])
        links = csr_array((np.ones(ends[-1], bool), upper[same], ends), (size, size))
        return connected_components(links, directed=False)  # type: ignore[no-any-return]


def find_runs(parts: Iterable[Mask | NDArray[np.uint8]]) -> Runs:
    """Find the nonzero runs of a map (H, W) given in strips from top to bottom."""
    edges, kinds, row_px, before = [], [], 1, 0
    for part in parts:
        row_px = part.shape[1] + 1
        values = np.zeros(1 + len(part) * row_px, np.uint8)
        values[1:].reshape(-1, row_px)[:, :-1] = part.view(np.uint8)
        at = np.flatnonzero(values[1:] != values[:-1])
        edges.append(at + before)
        kinds.append(values[at + 1])
        before += len(part) * row_px
    edge, kind = np.concatenate(edges), np.concatenate(kinds)
    inside = kind > 0
    return Runs(edge[inside], edge[1:][inside[:-1]], kind[inside], row_px)


def lower_small_components(
    levels: Levels, fov: Mask, *, threshold: float, min_component: float
) -> None:
    """Lower small components of a map, (H, W) uint16 levels, to just below the threshold, in place.

    A component is 8-connected, at or above `threshold` and inside `fov`; it is small if it has
    fewer pixels than `min_component` times those of `fov`. Nothing else changes, so that the
    thresholded map, the map itself and its file contain the same vessels.
    """
    least_px = min_component * int(np.count_nonzero(fov))
    if least_px <= 1:
        return
    least = threshold_level(threshold)
    runs = find_runs((levels[rows] >= least) & fov[rows] for rows in strips(levels.shape))
    _, component = runs.components(*runs.touching())
    sizes = np.bincount(component, weights=runs.stops - runs.starts)
    at = runs.pixels(sizes[component] < least_px)
    levels.ravel()[at - at // runs.row_px] = least - 1  # a view: maps are contiguous


def _ranges(first: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """The concatenated integer ranges that start at `first` and have `lengths` elements."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(first - before, lengths))
