"""Thinning of a mask to its skeleton (Lee, Kashyap and Chu 1994, doi 10.1006/cgip.1994.1042).

The result equals scikit-image's `skeletonize(method="lee")`, but only pixels at vessel edges are
visited, not the whole image for each pixel of a vessel's width.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""Row and column offsets of the eight neighbours, in a circle: bit k of a code is the k-th."""

_EARLIER = (0, 1, 2, 7)
_LATER = (3, 4, 5, 6)
"""Neighbours before a pixel, and after it, in raster order."""

_SIDES = (1, 5, 3, 7)
"""Neighbours beyond each side, in the order in which the sides are thinned."""

_PRESENT, _LEFT, _AT_EDGE = 1, 2, 4
"""Bits of a pixel: present, still present after this side, next to a missing neighbour."""


def thinned(mask: Mask) -> Mask:
    """(H, W) bool, one pixel wide, with the ends and the topology of `mask` (H, W) bool.

    Zhang and Suen's faster rule erodes diagonal lines three pixels wide from their ends.
    """
    width = mask.shape[1] + 2
    grid = np.zeros((mask.shape[0] + 2, width), np.uint8)
    np.multiply(mask, np.uint8(_PRESENT | _LEFT), out=grid[1:-1, 1:-1])
    cells, ring = grid.ravel(), [down * width + right for down, right in _RING]
    inner = grid[:-2, 1:-1] & grid[2:, 1:-1] & grid[1:-1, :-2] & grid[1:-1, 2:]
    rows, columns = np.nonzero(mask & (inner == 0))
    edge = (rows + 1) * width + columns + 1
    cells[edge] |= _AT_EDGE
    idle = 0
    while idle < len(_SIDES):
        idle = 0
        for side in _SIDES:
            gone = _thin_side(cells, edge, ring, side)
            idle += not len(gone)
            cells[gone] = 0
            edge = np.concatenate((edge[cells[edge] > 0], *_laid_bare(cells, gone, ring)))
    return np.asarray(grid[1:-1, 1:-1] > 0)


def _thin_side(
    cells: NDArray[np.uint8], edge: NDArray[np.intp], ring: list[int], side: int
) -> NDArray[np.intp]:
    """The pixels removed from one side of the vessels, decided in raster order."""
    open_ = edge[cells[edge + ring[side]] == 0]
    later = _code(cells, open_, ring, _LATER, _PRESENT)
    chosen = _DELETABLE[later | _code(cells, open_, ring, _EARLIER, _PRESENT)]
    some, later = open_[chosen], later[chosen]
    goes = np.ones(len(some), bool)
    # A pixel depends only on those before it, so the iteration has converged once nothing changes.
    while True:
        cells[some] = np.where(goes, _PRESENT, _PRESENT | _LEFT) | _AT_EDGE
        settled: NDArray[np.bool_] = _CONNECTED[later | _code(cells, some, ring, _EARLIER, _LEFT)]
        if (settled == goes).all():
            return np.asarray(some[goes])
        goes = settled


def _code(
    cells: NDArray[np.uint8],
    pixels: NDArray[np.intp],
    ring: list[int],
    neighbours: tuple[int, ...],
    bit: int,
) -> NDArray[np.uint8]:
    """(N,) code of each pixel: one bit for each of `neighbours` that has `bit`."""
    code = np.zeros(len(pixels), np.uint8)
    for place in neighbours:
        code |= ((cells[pixels + ring[place]] & bit) > 0).view(np.uint8) << np.uint8(place)
    return code


def _laid_bare(
    cells: NDArray[np.uint8], gone: NDArray[np.intp], ring: list[int]
) -> Iterator[NDArray[np.intp]]:
    """Yield pixels that are at the edge now that others are removed, each once."""
    for side in _SIDES:
        beside = gone + ring[side]
        beside = beside[cells[beside] == _PRESENT | _LEFT]
        cells[beside] |= _AT_EDGE
        yield beside


def _tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(256,) by code: whether a pixel is removable, and whether its neighbours stay connected.

    It is removable if it is not an end, and its removal neither separates its neighbours nor opens
    a hole: if its outline is touched along one stretch, and not all around.
    """
    deletable, connected = np.zeros((2, 256), bool)
    for code in range(256):
        there = [bool(code >> place & 1) for place in range(8)]
        # The neighbours across two adjacent sides touch each other.
        touched = [
            here or (place % 2 == 0 and there[place - 1] and there[(place + 1) % 8])
            for place, here in enumerate(there)
        ]
        stretches = sum(touched[place] and not touched[place - 1] for place in range(8))
        around = all(there[side] for side in _SIDES)
        connected[code] = stretches <= 1
        deletable[code] = stretches == 1 and not around and sum(there) > 1
    return deletable, connected


_DELETABLE, _CONNECTED = _tables()
