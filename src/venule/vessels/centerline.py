"""The centreline of one vessel segment to a fraction of a pixel: midway between its two edges."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.vessels.profiles import ALONG_PX, Edges, across, find_edges, tangents
from venule.vessels.smoothing import LONGEST_PX, SHORTEST_PX, grid_noise, smooth

Points = NDArray[np.float64]
Values = NDArray[np.float64]

_WIDER, _WIDER_PX = 1.5, 1.5
"""An edge further away than this many inscribed radii, and pixels more, is another vessel's."""

_REACH, _REACH_PX = 1.7, 3.0
"""How far edges are looked for: inscribed radii, and pixels more."""


_FIRST_PX = 16.0
"""Bends longer than this stay in the first pass, which is only to find the normals."""


_HEADING_PX = 12.0
"""Standard deviation of the Gaussian that averages a vessel's direction: a first trace near the
grid's axes follows the steps of the edges, and seems to lie across them."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A centreline with the edges found along it."""

    points: Points  # (N, 2), about one pixel apart
    radius: Values  # (N,), about half the width
    edges: Edges
    seen: NDArray[np.bool_]  # (N,), both edges found, and both the vessel's own
    wavelength_px: float
    closed: bool = False

    @property
    def place(self) -> Values:
        """(N,) distance along the path from its first point."""
        return along(self.points)


def turned(trace: Trace) -> Trace:
    """The same trace from its other end."""
    return Trace(
        points=trace.points[::-1],
        radius=trace.radius[::-1],
        edges=Edges(left=trace.edges.right[::-1], right=trace.edges.left[::-1]),
        seen=trace.seen[::-1],
        wavelength_px=trace.wavelength_px,
        closed=trace.closed,
    )


def along(points: Points) -> Values:
    """(N,) length of the path up to each point."""
    place = np.zeros(len(points))
    steps = points[1:] - points[:-1]
    np.cumsum(np.hypot(steps[:, 0], steps[:, 1]), out=place[1:])
    return place


def resample(points: Points, *others: Values) -> tuple[Points, ...]:
    """The path at points about one pixel apart, its ends kept, and values along it likewise."""
    place = along(points)
    keep = np.ones(len(points), bool)
    keep[1:] = place[1:] - place[:-1] > 1e-9
    points, place = points[keep], place[keep]
    number = max(round(float(place[-1])) + 1, 2)
    new = np.linspace(0, place[-1], number)
    path = np.stack([np.interp(new, place, column) for column in points.T], axis=1)
    return (path, *(np.interp(new, place, other[keep]) for other in others))


def first_trace(mask: Mask, pixels: Points, radius: Values, *, closed: bool) -> Trace:
    """A centreline near a path of skeleton pixels, refined once."""
    middle = float(np.clip(np.median(radius), 2, 6))
    mode = "wrap" if closed else "nearest"
    pixels, radius = pixels[: -1 if closed else None], radius[: -1 if closed else None]
    blurred = ndi.gaussian_filter1d(pixels, middle, axis=0, mode=mode)
    if closed:
        blurred, radius = np.concatenate((blurred, blurred[:1])), np.append(radius, radius[0])
    points, radii = resample(blurred, radius)
    if closed:
        points, radii = points[:-1], radii[:-1]
    return refine(mask, points, radii, closed=closed, longest_px=_FIRST_PX)


def refine(
    mask: Mask,
    points: Points,
    radius: Values,
    *,
    closed: bool = False,
    trusted: NDArray[np.bool_] | None = None,
    fixed: dict[int, float] | None = None,
    longest_px: float = LONGEST_PX,
) -> Trace:
    """Move a path midway between the edges of its vessel, and smooth it.

    `radius` (N,) says how wide the vessel is about; where `trusted` (N,) bool is False no edge is
    asked. `fixed` gives points that are kept, by place, and their noise in pixels. Bends longer
    than `longest_px` stay anyhow.
    """
    mode = "wrap" if closed else "nearest"
    near = ndi.gaussian_filter1d(radius, 3.0, mode=mode)
    tangent = tangents(points, closed=closed)
    normal = across(tangent)
    edges = find_edges(mask, points, normal, _REACH * near + _REACH_PX, closed=closed)
    most = _WIDER * near + _WIDER_PX
    seen = (edges.left <= most) & (edges.right <= most)  # nan compares False
    if trusted is not None:
        seen &= trusted
    shift = np.where(seen, edges.shift, 0)
    centers = points + normal * shift[:, None]
    heading = ndi.gaussian_filter1d(tangent, _HEADING_PX, axis=0, mode=mode)
    noise = np.where(seen, grid_noise(heading, ALONG_PX), np.inf)
    for place, sigma in (fixed or {}).items():
        centers[place], noise[place] = points[place], sigma
    shortest = max(SHORTEST_PX, 2 * float(np.median(near)))
    found = smooth(centers, noise, closed=closed, between_px=(shortest, longest_px))
    return Trace(found.points, near, edges, seen, found.wavelength_px, closed)
