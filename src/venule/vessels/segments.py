"""One segment of the vessel graph: its centreline, refined between its true ends."""

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask, Points, Values
from venule.vessels.centerline import Trace, along, curvature, refine, resample
from venule.vessels.ends import End
from venule.vessels.profiles import normals
from venule.vessels.tree import Segment

_SHARP = 0.5
"""Ratio of half a calibre to a bend's radius from which no calibre is measured in the bend."""

_COLLAPSED = 0.5
"""Share of its length below which a refined loop has collapsed towards its fork."""

_FORK_PX = 0.3
"""Noise of the point where a segment leaves its fork, in pixels."""


def ring(mask: Mask, fov: Mask | None, reconnected: Mask | None, trace: Trace) -> Segment:
    """The segment of a closed path."""
    final = refine(mask, trace.points, half_width(trace), closed=True)
    caliber = _measured(final, np.ones(len(final.points), bool), fov, reconnected)
    return Segment(final.points, caliber, closed=True)


def segment(
    mask: Mask, fov: Mask | None, reconnected: Mask | None, trace: Trace, ends: tuple[End, End]
) -> Segment | None:
    """The segment of an open path between two ends; None if less than a pixel remains."""
    path = _between(trace.points, half_width(trace), ends)
    if path is None:
        return None
    points, half = path
    place = along(points)
    trusted, clear = np.ones((2, len(points)), bool)
    fixed = {}
    for end, away, at in ((ends[0], place, 0), (ends[1], place[-1] - place, len(points) - 1)):
        if end.axis is None:
            trusted &= away > end.radius + 1
            clear &= away > end.radius + 2 + half / 2
            fixed[at] = _FORK_PX
    if trusted.sum() < 3:  # two forks a calibre apart
        return Segment(points, np.full(len(points), np.nan))
    final = refine(mask, points, half, trusted=trusted, fixed=fixed)
    if ends[0] is ends[1] and along(final.points)[-1] < _COLLAPSED * place[-1]:
        return Segment(points, np.full(len(points), np.nan))
    return Segment(final.points, _measured(final, clear, fov, reconnected))


def half_width(trace: Trace) -> Values:
    """(N,) half the width along a trace, interpolated where it was not seen."""
    place = np.arange(len(trace.points))
    if not trace.seen.any():
        return trace.radius
    return np.interp(place, place[trace.seen], trace.edges.width[trace.seen] / 2)


def _between(points: Points, half: Values, ends: tuple[End, End]) -> tuple[Points, Values] | None:
    """The path from end to end, without the parts inside forks or beyond free ends."""
    keep = np.ones(len(points), bool)
    for end, order in ((ends[0], 1), (ends[1], -1)):
        away = points[::order] - end.position
        if end.axis is None:
            left = _leaves(np.hypot(away[:, 0], away[:, 1]), end.radius)
        else:
            outside = away @ end.axis < -0.5
            left = int(outside.argmax()) if outside.any() else len(points)
        keep[::order][:left] = False
    inner, widths = points[keep], half[keep]
    if not len(inner):
        widths = half[[len(half) // 2]]
    first, last = (_onward(inner[at:][:1], end) for at, end in zip((0, -1), ends, strict=True))
    path = np.concatenate((first, inner, last))
    if along(path)[-1] < 1:
        return None
    new, radius = resample(path, np.concatenate((widths[:1], widths[: len(inner)], widths[-1:])))
    return new, np.asarray(radius)


def _onward(point: Points, end: End) -> Points:
    """(1, 2) the end; a free end is put straight on from the path's last `point`.

    A free end is found along a chord, and so lies beside the path of a bent vessel.
    """
    if end.axis is None or not len(point):
        return end.position[None]
    return np.asarray(point + ((end.position - point) @ end.axis)[:, None] * end.axis)


def _leaves(away: Values, radius: float) -> int:
    """The index from which a path, `away` (N,) from its fork, stays beyond the fork.

    The skeleton's fork may lie outside: then a path can begin there and run through the fork.
    """
    near = int(away[0] + 2 * radius) + 1
    inside = np.flatnonzero(away[:near] <= radius)
    return int(inside[-1]) + 1 if len(inside) else 0


def _measured(
    trace: Trace, clear: NDArray[np.bool_], fov: Mask | None, reconnected: Mask | None
) -> Values:
    """(N,) calibre where it can be measured, else nan.

    It cannot near forks (`clear` is False), in closed gaps, and where the edge of the field of view
    was found instead of the vessel's.
    """
    good = trace.seen & clear & _gently_bent(trace)
    if reconnected is not None:
        good &= ~_touches(reconnected, trace.points)
    across = normals(trace.points, closed=trace.closed)
    if fov is not None:
        for sign, far in ((1, trace.edges.left), (-1, trace.edges.right)):
            beyond = trace.points + sign * across * (np.nan_to_num(far) + 1.5)[:, None]
            good &= _touches(fov, beyond)
    return np.where(good, trace.edges.width, np.nan)


def _gently_bent(trace: Trace) -> NDArray[np.bool_]:
    """(N,) whether the bend is wide enough for the edges to lie opposite each other."""
    bend = np.abs(curvature(trace.points, closed=trace.closed)) * trace.radius
    return bend < _SHARP


def _touches(mask: Mask, points: Points) -> NDArray[np.bool_]:
    """(N,) whether the mask is set at a point's pixel; it is not outside the image."""
    value = ndi.map_coordinates(mask.view(np.uint8), points.T, np.uint8, order=0, mode="constant")
    return np.asarray(value, bool)
