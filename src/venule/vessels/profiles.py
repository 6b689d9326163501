"""Subpixel edges of a vessel: crossings of one half along its normals.

A mask is sampled along the normals of a centreline by bilinear interpolation, so that an edge lies
midway between the last pixel centre inside and the first outside; averaged over the positions of a
line on the grid, this is unbiased. Neighbouring profiles are averaged along the vessel, which
removes most of the pixel grid's steps and shifts nothing across the vessel.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask, Points, Values
from venule.vessels.smoothing import averaged

ALONG_PX = 2.0
"""Standard deviation of the Gaussian that averages profiles along the vessel."""

STEP_PX = 0.5
"""Distance between samples of a profile."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Distances of the vessel's two edges from a centreline; nan where no edge was found."""

    left: Values  # towards +normal
    right: Values

    @property
    def width(self) -> Values:
        """Distance from edge to edge, in pixels."""
        return self.left + self.right

    @property
    def shift(self) -> Values:
        """The shift of a point along its normal that puts it midway between the edges."""
        return (self.left - self.right) / 2


def tangents(points: Points, *, closed: bool = False) -> Points:
    """(N, 2) unit vectors along the path, from central differences."""
    if len(points) < 2:
        return np.full_like(points, 0.5**0.5)
    step = np.empty_like(points)
    step[1:-1] = points[2:] - points[:-2]
    step[0], step[-1] = points[1] - points[0], points[-1] - points[-2]
    if closed:
        step[0], step[-1] = points[1] - points[-1], points[0] - points[-2]
    norm = np.hypot(step[:, 0], step[:, 1])
    norm[norm == 0] = 1
    return np.asarray(step / norm[:, None])


def normals(points: Points, *, closed: bool = False) -> Points:
    """(N, 2) unit vectors across the path."""
    return across(tangents(points, closed=closed))


def across(tangent: Points) -> Points:
    """(N, 2) tangents turned by a right angle: the normals."""
    return np.stack((-tangent[:, 1], tangent[:, 0]), axis=1)


def find_edges(
    mask: Mask, points: Points, normal: Points, reach_px: Values, *, closed: bool = False
) -> Edges:
    """Find the edges of `mask` (H, W) bool on either side of `points`, within `reach_px`.

    The first crossing from the centre outwards counts. Outside the image nothing is vessel.
    """
    steps = int(np.ceil(reach_px.max() / STEP_PX))
    offsets = np.linspace(-1, 1, 2 * steps + 1)[None, :] * reach_px[:, None]
    places = points[:, :, None] + normal[:, :, None] * offsets[:, None, :]
    profile = interpolated(mask, places[:, 0], places[:, 1])
    profile = averaged(profile, ALONG_PX, closed=closed)
    spacing = reach_px / steps
    left = _first_crossing(profile[:, steps:]) * spacing
    right = _first_crossing(profile[:, steps::-1]) * spacing
    return Edges(left, right)


def interpolated(mask: Mask, rows: Values, columns: Values) -> NDArray[np.float32]:
    """Interpolate `mask` (H, W) bool bilinearly between pixel centres; 0 outside the image.

    `rows` and `columns` have the shape of the result. Same as scipy's `map_coordinates` of order 1,
    but faster: most points lie between four equal pixels.
    """
    rows, top, bottom = _from_first(rows, mask.shape[0])
    columns, left, right = _from_first(columns, mask.shape[1])
    around = _with_border(mask, top, bottom, left, right)
    # The values at the four corners of each grid cell, one bit per corner.
    cells = around[:-1, :-1] + 2 * around[:-1, 1:] + 4 * around[1:, :-1] + 8 * around[1:, 1:]
    row, column = rows.astype(np.int32), columns.astype(np.int32)
    corners = cells.ravel().take(row * np.int32(cells.shape[1]) + column)
    found: NDArray[np.float32] = (corners == 15).astype(np.float32)
    mixed = np.flatnonzero((corners - np.uint8(1)) < 14)
    inside, bit = corners.ravel()[mixed], np.uint8(1)
    down, over = (at.ravel()[mixed] % 1 for at in (rows, columns))
    upper = (1 - over) * (inside & bit) + over * (inside >> 1 & bit)
    lower = (1 - over) * (inside >> 2 & bit) + over * (inside >> 3)
    found.ravel()[mixed] = (1 - down) * upper + down * lower
    return found


def _from_first(places: Values, extent: int) -> tuple[Values, int, int]:
    """Positions along an axis relative to the first pixel before them; that pixel, and the last."""
    low, high = float(places.min()), float(places.max())
    if low < -1 or high > extent:  # constant beyond the border
        places = np.clip(places, -1, extent)
        low, high = (min(max(end, -1.0), float(extent)) for end in (low, high))
    first = math.floor(low)
    return places - first, first, math.floor(high) + 2


def _with_border(mask: Mask, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
    """Rows `top` to `bottom`, exclusive, and columns of `mask` likewise; 0 outside it."""
    found = np.zeros((bottom - top, right - left), np.uint8)
    rows = slice(max(top, 0), min(bottom, mask.shape[0]))
    columns = slice(max(left, 0), min(right, mask.shape[1]))
    found[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = mask[
        rows, columns
    ]
    return found


def _first_crossing(profile: NDArray[np.float32]) -> Values:
    """(N,) position, in samples, where each row first falls below one half; nan if it never does.

    It is negative for a row that starts outside the vessel by less than a sample or two.
    """
    outside = profile < 0.5
    first = outside.argmax(axis=1)
    rows = np.arange(len(profile))
    before = np.maximum(first - 1, 0)
    high, low = profile[rows, before], profile[rows, first]
    part = np.divide(high - 0.5, high - low, out=np.zeros(len(rows), np.float32), where=high > low)
    found = outside.any(axis=1) & (first > 0)
    return np.where(found, before + part, np.nan).astype(np.float64)
