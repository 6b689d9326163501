"""Fractal dimensions by box counting, and lacunarity, between two fixed shares of the field.

The field's side is the square root of its area. Boxes are side/128 to side/16 wide, so that a
dimension does not change with resolution. A grid of boxes can be laid in many places: the mean over
all places is taken, by gliding one box over the field. Boxes count whose centre lies in the field;
what of a box lies outside the field is taken to look like the rest of it.

Mandelbrot 1983; Chhabra and Jensen 1989, doi 10.1103/PhysRevLett.62.1327, for the family D_q;
Plotnick et al. 1996, doi 10.1103/PhysRevE.53.5461, for gliding-box lacunarity.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.measure.view import View

SMALLEST, LARGEST = 128, 16
"""The field's side over that of the smallest and of the largest box."""

NUMBER, OCTAVES = 10, 4
"""How many sizes of boxes, evenly in their logarithm; and the sizes when each is twice the last."""

LACUNARITY_SIZES = (64, 32, 16)
"""The field's side over that of the boxes."""

_CELLS = 512
"""Cells along the field's side, at least; a cell is a whole number of pixels."""

Grid = NDArray[np.float64]


@dataclass(frozen=True)
class Dimensions:
    """Generalised dimensions: capacity, information and correlation; nan of an empty mask."""

    d0: float
    d1: float
    d2: float


@dataclass(frozen=True, eq=False)
class Boxes:
    """Every box of one size whose centre lies in the field."""

    side_px: float
    mass: Grid  # (N,), vessel pixels, scaled up where a part of the box lies outside the field
    filled: float  # how many of them hold a vessel pixel


def box_dimension(view: View) -> float:
    """D of the vessel pixels: slope of log N over log 1/e, for boxes each twice the last.

    nan without a vessel.
    """
    return dimensions(view.mask & view.region, view.region, number=OCTAVES).d0


def d0(view: View) -> float:
    """Capacity dimension: as `box_dimension`, from more sizes of boxes."""
    return _of(view).d0


def d1(view: View) -> float:
    """Information dimension: slope of the sum of p log p over log e, p a box's share of vessel."""
    return _of(view).d1


def d2(view: View) -> float:
    """Correlation dimension: slope of the log of the sum of p^2 over log e."""
    return _of(view).d2


def lacunarity(view: View) -> float:
    """E[M^2] / E[M]^2 of the density M in boxes side/64, /32 and /16 wide, the mean of the three.

    Boxes count that lie wholly inside the field. 1 for a uniform field; nan without a vessel.
    """
    factor, vessels, field = _cells(view.mask & view.region, view.region)
    found = []
    for share in LACUNARITY_SIZES:
        size = max(1, round(math.sqrt(view.area_px) / share / factor))
        inside = _sums(field, size) >= size**2 * factor**2 - 0.5
        mass = _sums(vessels, size)[inside]
        if mass.size and mass.any():
            found.append(float((mass**2).mean() / mass.mean() ** 2))
    return float(np.mean(found)) if len(found) == len(LACUNARITY_SIZES) else math.nan


def dimensions(mask: Mask, field: Mask, *, number: int = NUMBER) -> Dimensions:
    """D0, D1 and D2 of a mask in a field, both (H, W) bool, from `number` sizes of boxes.

    nan of an empty mask, and of a field too small for two sizes.
    """
    side = math.sqrt(np.count_nonzero(field))
    factor, vessels, inside = _cells(mask, field)
    ideal = np.geomspace(side / SMALLEST, side / LARGEST, number) / max(factor, 1)
    sizes = np.unique(np.maximum(np.rint(ideal), 1).astype(int))
    if not mask.any() or len(sizes) < 2:
        return Dimensions(math.nan, math.nan, math.nan)
    found = [_boxes(vessels, inside, int(size), factor) for size in sizes]
    logs = np.log([boxes.side_px for boxes in found])
    counts = [math.log(boxes.filled / boxes.side_px**2) for boxes in found]
    shares = [boxes.mass / boxes.mass.sum() * boxes.side_px**2 for boxes in found]
    entropy = [float(p @ np.log(p)) / b.side_px**2 for p, b in zip(shares, found, strict=True)]
    squares = [math.log(p @ p / b.side_px**2) for p, b in zip(shares, found, strict=True)]
    return Dimensions(-_slope(logs, counts), _slope(logs, entropy), _slope(logs, squares))


def _of(view: View) -> Dimensions:
    return view.once(dimensions, lambda: dimensions(view.mask & view.region, view.region))


def _boxes(vessels: Grid, inside: Grid, size: int, factor: int) -> Boxes:
    mass = _sums(np.pad(vessels, (size // 2, (size - 1) // 2 + 1)), size)
    area = _sums(np.pad(inside, (size // 2, (size - 1) // 2 + 1)), size)
    height, width = inside.shape
    share = inside / factor**2  # of the cell at the box's centre
    mass, area = mass[:height, :width], area[:height, :width]
    held = (mass > 0.5) & (share > 0)
    scaled = (mass * (size * factor) ** 2)[held] / area[held] * share[held]
    return Boxes(size * factor, scaled, float(share[held].sum()) * factor**2)


def _cells(mask: Mask, field: Mask) -> tuple[int, Grid, Grid]:
    """The side of a cell in pixels, and the vessel and field pixels in each cell."""
    factor = max(1, int(math.sqrt(np.count_nonzero(field)) // _CELLS))
    grids = []
    for one in (mask, field):
        padded = np.pad(one, [(0, -extent % factor) for extent in one.shape])
        height, width = (extent // factor for extent in padded.shape)
        blocks = padded.reshape(height, factor, width, factor)
        grids.append(blocks.sum(axis=(1, 3), dtype=np.float64))
    return factor, grids[0], grids[1]


def _sums(grid: Grid, size: int) -> Grid:
    """Sums of every box of `size` cells that lies inside the grid."""
    if min(grid.shape) < size:
        return np.zeros((0, 0))
    total = np.pad(grid.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return np.asarray(
        total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    )


def _slope(x: Grid, y: list[float]) -> float:
    centered = x - x.mean()
    return float(centered @ np.asarray(y) / (centered @ centered))
