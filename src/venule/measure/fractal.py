"""Fractal dimensions by box counting, and lacunarity, at scales relative to the field of view.

The field's side is the square root of its area. Boxes are side/128 to side/16 wide, so that a
dimension does not change with resolution. Instead of one placement of a grid of boxes, the mean
over all placements is taken, by gliding one box over the field. Boxes whose centre lies in the
field count; the part of a box outside the field is assumed to look like the rest of it.

Mandelbrot 1983; Hentschel and Procaccia 1983, doi 10.1016/0167-2789(83)90235-X, for the family D_q;
Plotnick et al. 1996, doi 10.1103/PhysRevE.53.5461, for gliding-box lacunarity.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.measure.view import View, window_of

SMALLEST, LARGEST = 128, 16
"""The field's side over that of the smallest and of the largest box."""

NUMBER, OCTAVES = 10, 4
"""Number of box sizes, evenly spaced in their logarithm; number of sizes when each doubles."""

LACUNARITY_SIZES = (64, 32, 16)
"""The field's side over that of the boxes."""

_CELLS = 512
"""Cells along the field's side, at least; a cell is a whole number of pixels."""

Grid = NDArray[np.float64]


@dataclass(frozen=True)
class Dimensions:
    """Generalised dimensions: capacity, information and correlation; nan for an empty mask."""

    d0: float
    d1: float
    d2: float


@dataclass(frozen=True, eq=False)
class Boxes:
    """Every box of one size whose centre lies in the field."""

    side_px: float
    mass: Grid  # (N,), vessel pixels, scaled up if part of the box is outside the field
    filled: float  # number of boxes with a vessel pixel


def box_dimension(view: View) -> float:
    """D of the vessel pixels: slope of log N over log 1/e, with box sizes doubling.

    nan without a vessel.
    """
    cells = view.once(_cells, lambda: _cells(view.mask & view.region, view.region))
    return _dimensions(cells, view.area_px, OCTAVES).d0


def d0(view: View) -> float:
    """Capacity dimension: as `box_dimension`, from more box sizes."""
    return _of(view).d0


def d1(view: View) -> float:
    """Information dimension: slope of the sum of p log p over log e, p a box's share of vessel."""
    return _of(view).d1


def d2(view: View) -> float:
    """Correlation dimension: slope of the log of the sum of p^2 over log e."""
    return _of(view).d2


def lacunarity(view: View) -> float:
    """E[M^2] / E[M]^2 of the density M in boxes side/64, /32 and /16 wide, the mean of the three.

    Only boxes wholly inside the field count. 1 for a uniform field; nan without a vessel.
    """
    cells = view.once(_cells, lambda: _cells(view.mask & view.region, view.region))
    found = []
    for share in LACUNARITY_SIZES:
        size = max(1, round(math.sqrt(view.area_px) / share / cells.factor))
        inside = cells.field.within(size) == (size * cells.factor) ** 2
        mass = cells.vessels.within(size)[inside].astype(np.float64)
        if mass.size and mass.any():
            found.append(float((mass**2).mean() / mass.mean() ** 2))
    return float(np.mean(found)) if len(found) == len(LACUNARITY_SIZES) else math.nan


def dimensions(mask: Mask, field: Mask, *, number: int = NUMBER) -> Dimensions:
    """D0, D1 and D2 of a mask in a field, both (H, W) bool, from `number` box sizes.

    nan for an empty mask, and for a field too small for two sizes.
    """
    return _dimensions(_cells(mask, field), int(np.count_nonzero(field)), number)


def _of(view: View) -> Dimensions:
    cells = view.once(_cells, lambda: _cells(view.mask & view.region, view.region))
    return view.once(_dimensions, lambda: _dimensions(cells, view.area_px, NUMBER))


def _dimensions(cells: "_Cells", area_px: int, number: int) -> Dimensions:
    side = math.sqrt(area_px)
    ideal = np.geomspace(side / SMALLEST, side / LARGEST, number) / cells.factor
    sizes = np.unique(np.maximum(np.rint(ideal), 1).astype(int))
    if not cells.vessels.total or len(sizes) < 2:
        return Dimensions(math.nan, math.nan, math.nan)
    found = [_boxes(cells, int(size)) for size in sizes]
    logs = np.log([boxes.side_px for boxes in found])
    counts = [math.log(boxes.filled / boxes.side_px**2) for boxes in found]
    shares = [boxes.mass / boxes.mass.sum() * boxes.side_px**2 for boxes in found]
    entropy = [float(p @ np.log(p)) / b.side_px**2 for p, b in zip(shares, found, strict=True)]
    squares = [math.log(p @ p / b.side_px**2) for p, b in zip(shares, found, strict=True)]
    return Dimensions(-_slope(logs, counts), _slope(logs, entropy), _slope(logs, squares))


class _Sums:
    """Box sums over a grid (H, W) of integers, from a summed-area table."""

    def __init__(self, grid: NDArray[np.int32], reach: int) -> None:
        """Build the table; boxes may reach `reach` cells beyond the grid."""
        self.shape, self._reach = grid.shape, reach
        total = np.zeros(np.add(grid.shape, 1), np.int32)
        np.cumsum(np.cumsum(grid, axis=0, dtype=np.int32), axis=1, out=total[1:, 1:])
        self.total = int(total[-1, -1])
        self._table = np.pad(total, reach, mode="edge")

    def centred(self, size: int) -> NDArray[np.int32]:
        """(H, W), the sum over the box of `size` cells centred on each cell."""
        first = self._reach - size // 2
        return self._boxes(first, size, self.shape)

    def within(self, size: int) -> NDArray[np.int32]:
        """The sums over all boxes inside the grid."""
        height, width = (max(extent - size + 1, 0) for extent in self.shape)
        return self._boxes(self._reach, size, (height, width))

    def _boxes(self, first: int, size: int, shape: tuple[int, ...]) -> NDArray[np.int32]:
        rows, columns = (slice(first, first + extent) for extent in shape)
        below, after = (slice(first + size, first + size + extent) for extent in shape)
        table = self._table
        found = table[below, after] - table[rows, after]
        found -= table[below, columns]
        found += table[rows, columns]
        return np.asarray(found)


@dataclass(frozen=True, eq=False)
class _Cells:
    """A mask and its field in cells of `factor` x `factor` pixels, cropped to the field."""

    factor: int
    vessels: _Sums
    field: _Sums
    in_field: NDArray[np.int32]  # (H, W), pixels of the field in each cell


def _boxes(cells: _Cells, size: int) -> Boxes:
    mass = cells.vessels.centred(size)
    held = (mass > 0) & (cells.in_field > 0)
    area = cells.field.centred(size)[held]
    share = cells.in_field[held] / cells.factor**2  # of the cell at the box's centre
    scaled = mass[held] * float(size * cells.factor) ** 2 / area * share
    return Boxes(size * cells.factor, scaled, float(share.sum()) * cells.factor**2)


def _cells(mask: Mask, field: Mask) -> _Cells:
    """The vessel and field pixels in each cell."""
    side = math.sqrt(np.count_nonzero(field))
    factor = max(1, int(side // _CELLS))
    window = window_of(field, factor)
    grids = []
    for one in (mask[window], field[window]):
        padded = np.pad(one, [(0, -extent % factor) for extent in one.shape])
        height, width = (extent // factor for extent in padded.shape)
        blocks = padded.reshape(height, factor, width, factor)
        grids.append(blocks.sum(axis=(1, 3), dtype=np.int32))
    reach = math.ceil(side / LARGEST / factor) + 1
    return _Cells(factor, _Sums(grids[0], reach), _Sums(grids[1], reach), grids[1])


def _slope(x: Grid, y: list[float]) -> float:
    centered = x - x.mean()
    return float(centered @ np.asarray(y) / (centered @ centered))
