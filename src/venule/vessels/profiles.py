"""Edges of a vessel to a fraction of a pixel: crossings of one half along its normals.

A mask is sampled along the normals of a centreline by bilinear interpolation, so that an edge lies
midway between the last pixel centre inside and the first outside; over the places that a line can
take on the grid this is unbiased. Neighbouring profiles are averaged along the vessel, which
takes most of the steps of the pixel grid away and, across the vessel, moves nothing.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask

Points = NDArray[np.float64]
"""(N, 2) rows and columns along a centreline, one pixel apart, in path order."""

Values = NDArray[np.float64]
"""(N,) one value for each point."""

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
    """The edges of `mask` (H, W) bool on either side of `points`, no further than `reach_px`.

    From the centre outwards the first crossing counts. Outside the image nothing is vessel.
    """
    steps = int(np.ceil(reach_px.max() / STEP_PX))
    offsets = np.linspace(-1, 1, 2 * steps + 1)[None, :] * reach_px[:, None]
    places = points[:, :, None] + normal[:, :, None] * offsets[:, None, :]
    profile = ndi.map_coordinates(
        mask.view(np.uint8), (places[:, 0], places[:, 1]), np.float32, order=1, mode="grid-constant"
    )
    mode = "wrap" if closed else "nearest"
    profile = ndi.gaussian_filter1d(profile, ALONG_PX, axis=0, mode=mode)
    spacing = reach_px / steps
    left = _first_crossing(profile[:, steps:]) * spacing
    right = _first_crossing(profile[:, steps::-1]) * spacing
    return Edges(left, right)


def _first_crossing(profile: NDArray[np.float32]) -> Values:
    """(N,) place, in samples, at which each row first falls below one half; nan if it never does.

    A row that begins outside the vessel by less than a sample or two gives a negative place.
    """
    outside = profile < 0.5
    first = outside.argmax(axis=1)
    rows = np.arange(len(profile))
    before = np.maximum(first - 1, 0)
    high, low = profile[rows, before], profile[rows, first]
    part = np.divide(high - 0.5, high - low, out=np.zeros(len(rows), np.float32), where=high > low)
    found = outside.any(axis=1) & (first > 0)
    return np.where(found, before + part, np.nan).astype(np.float64)
