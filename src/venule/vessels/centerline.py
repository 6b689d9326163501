"""Subpixel centreline of one vessel segment: midway between its two edges."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask, Points, Values
from venule.vessels.profiles import ALONG_PX, Edges, across, find_edges, tangents
from venule.vessels.smoothing import LONGEST_PX, SHORTEST_PX, averaged, grid_noise, median, smooth

_WIDER, _WIDER_PX = 1.5, 1.5
"""An edge further away than this many inscribed radii plus pixels is another vessel's."""

_REACH, _REACH_PX = 1.7, 3.0
"""Reach of the search for edges: inscribed radii plus pixels."""


_FIRST_PX = 16.0
"""Bends longer than this are kept in the first pass, which only finds the normals."""


_SHARP = 0.35
"""Ratio of half a calibre to a bend's radius from which the inner edge is not used."""

_BEND_PX = 1.5
"""Standard deviation of the Gaussian that averages curvature, to find sharp bends."""

_HEADING_PX = 12.0
"""Standard deviation of the Gaussian that averages a vessel's direction: near the grid's axes, a
first trace follows the steps of the edges and would be taken to cross them."""


@dataclass(frozen=True, eq=False)
class Trace:
    """A centreline with the edges found along it."""

    points: Points  # (N, 2), about one pixel apart
    radius: Values  # (N,), about half the width
    edges: Edges
    seen: NDArray[np.bool_]  # (N,), both of the vessel's own edges were found
    closed: bool = False

    @property
    def place(self) -> Values:
        """(N,) distance along the path from its first point."""
        return along(self.points)


def turned(trace: Trace) -> Trace:
    """The same trace in reverse order."""
    return Trace(
        points=trace.points[::-1],
        radius=trace.radius[::-1],
        edges=Edges(left=trace.edges.right[::-1], right=trace.edges.left[::-1]),
        seen=trace.seen[::-1],
        closed=trace.closed,
    )


def curvature(points: Points, *, closed: bool = False) -> Values:
    """(N,) signed curvature of a path of about evenly spaced points, from central differences."""
    if len(points) < 5:
        return np.zeros(len(points))
    if closed:
        points = np.concatenate((points[-3:], points, points[:3]))
    first = _differences(points)
    second = _differences(first)
    second[0], second[-1] = second[1], second[-2]
    speed = np.hypot(first[:, 0], first[:, 1])
    turned = (first[:, 1] * second[:, 0] - first[:, 0] * second[:, 1]) / np.maximum(
        speed, 1e-9
    ) ** 3
    return np.asarray(turned[3:-3] if closed else turned)


def _differences(values: Points) -> Points:
    """(N, 2) central differences; at both ends the difference to the neighbour."""
    found = np.empty_like(values)
    found[1:-1] = (values[2:] - values[:-2]) / 2
    found[0], found[-1] = values[1] - values[0], values[-1] - values[-2]
    return found


def along(points: Points) -> Values:
    """(N,) length of the path up to each point."""
    place = np.zeros(len(points))
    steps = points[1:] - points[:-1]
    np.cumsum(np.hypot(steps[:, 0], steps[:, 1]), out=place[1:])
    return place


def direction_of(points: Points) -> Points:
    """(2,) unit vector along the straight line through the points, from the first to the last."""
    direction = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    return np.asarray(-direction if direction @ (points[-1] - points[0]) < 0 else direction)


def resample(points: Points, *others: Values) -> tuple[Points, ...]:
    """Resample a path, and values along it, at points about one pixel apart; its ends are kept."""
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
    rough = skeleton_trace(pixels, radius, closed=closed)
    return refine(mask, rough.points, rough.radius, closed=closed, longest_px=_FIRST_PX)


def skeleton_trace(pixels: Points, radius: Values, *, closed: bool) -> Trace:
    """A path of skeleton pixels (N, 2), smoothed, its edges an inscribed radius (N,) away."""
    middle = min(max(median(radius), 2), 6)
    pixels, radius = pixels[: -1 if closed else None], radius[: -1 if closed else None]
    blurred = averaged(pixels, middle, closed=closed)
    if closed:
        blurred, radius = np.concatenate((blurred, blurred[:1])), np.append(radius, radius[0])
    points, radii = resample(blurred, radius)
    if closed:
        points, radii = points[:-1], radii[:-1]
    seen = np.ones(len(points), bool)
    return Trace(points, radii, Edges(radii, radii), seen, closed)


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

    `radius` (N,) is about half the vessel's width; where `trusted` (N,) bool is False no edge is
    used. `fixed` maps the indices of points that are kept to their noise in pixels. Bends longer
    than `longest_px` are always kept.
    """
    mode = "wrap" if closed else "nearest"
    near = averaged(radius, 3.0, closed=closed)
    tangent = tangents(points, closed=closed)
    normal = across(tangent)
    edges = find_edges(mask, points, normal, _REACH * near + _REACH_PX, closed=closed)
    most = _WIDER * near + _WIDER_PX
    seen = (edges.left <= most) & (edges.right <= most)  # nan compares as False
    if trusted is not None:
        seen &= trusted
    bend = averaged(curvature(points, closed=closed), _BEND_PX, closed=closed) * near
    shift, asked = _to_middle(edges, seen, bend)
    if trusted is not None:
        asked = asked & trusted
    centers = points + normal * np.where(asked, shift, 0)[:, None]
    heading = averaged(tangent, _HEADING_PX, closed=closed)
    noise = np.where(asked, grid_noise(heading, ALONG_PX), np.inf)
    for place, sigma in (fixed or {}).items():
        centers[place], noise[place] = points[place], sigma
    shortest = max(SHORTEST_PX, 2 * median(near))
    corner = ndi.maximum_filter1d(np.abs(bend), 2 * int(shortest) + 1, mode=mode) >= _SHARP
    path = smooth(centers, noise, corner=corner, closed=closed, between_px=(shortest, longest_px))
    return Trace(path, near, edges, seen, closed)


def _to_middle(
    edges: Edges, seen: NDArray[np.bool_], bend: Values
) -> tuple[Values, NDArray[np.bool_]]:
    """Offsets that move each point to the middle of the vessel, and where that is known.

    `bend` (N,) is half a calibre over the bend's radius. In bends sharper than the vessel is wide,
    the inner edge is a corner too far inside: there the middle is half a calibre from the outer
    edge.
    """
    plain, sharp = seen & (np.abs(bend) < _SHARP / 2), np.abs(bend) >= _SHARP
    if not sharp.any() or plain.sum() < 3:
        return edges.shift, seen
    place = np.arange(len(bend))
    half = np.interp(place, place[plain], edges.width[plain] / 2)
    outer = np.where(bend > 0, edges.left, edges.right)
    found = sharp & (outer <= _WIDER * half + _WIDER_PX)
    shift = np.where(found, np.sign(bend) * (outer - half), edges.shift)
    return shift, seen | found
