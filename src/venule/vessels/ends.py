"""Ends and forks of vessels, which a skeleton misplaces by up to a calibre."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask, Points
from venule.vessels.centerline import Trace, direction_of

_ACROSS = np.array((-0.6, -0.3, 0.0, 0.3, 0.6))
"""Starts of the rays to the tip: offsets from the axis in radii."""

_KEEP = 0.02
"""Weight of the skeleton's fork relative to the lines of its arms."""


@dataclass(frozen=True, eq=False)
class Line:
    """A straight line fitted to the first part of an arm."""

    point: Points
    direction: Points  # unit vector away from the fork


@dataclass(frozen=True, eq=False)
class End:
    """The end of a segment: at a fork, whose inside has radius `radius`, or free, along `axis`."""

    position: Points
    radius: float = 0.0
    axis: Points | None = None  # unit vector out of the vessel, for a free end


def free_end(mask: Mask, fov: Mask | None, trace: Trace, radius: float) -> End:
    """The free end of the centreline, beyond or before the last point of `trace`.

    A vessel's round cap does not count: the end lies half a calibre before the tip. At the edge of
    the image or of the field of view the vessel is cut, so the end is the tip.
    """
    points, last = trace.points, len(trace.points) - 1
    base = max(last - int(np.ceil(radius)) - 1, 0)
    behind = max(base - int(max(2 * radius, 6)), 0)
    axis = points[base] - points[behind] if base > behind else points[-1] - points[0]
    axis = axis / max(float(np.hypot(*axis)), 1e-9)
    across = np.array((-axis[1], axis[0]))
    reach = np.arange(0, last - base + 2.5 * radius + 5, 0.5)
    starts = points[base] + _ACROSS[:, None] * radius * across
    rays = starts[:, :, None] + axis[:, None] * reach
    value = ndi.map_coordinates(
        mask.view(np.uint8), (rays[:, 0], rays[:, 1]), np.float32, order=1, mode="grid-constant"
    )
    tips = np.array([_fall(row) for row in value]) * 0.5
    if np.isnan(tips).all():
        return End(points[-1], axis=axis)
    if _is_cut(points[base] + axis * float(np.nanmedian(tips)), axis, mask.shape, fov):
        return End(points[base] + axis * float(np.nanmean(tips)), axis=axis)
    caps = tips - radius * np.sqrt(1 - _ACROSS**2)
    return End(points[base] + axis * float(np.nanmean(caps)), axis=axis)


def _fall(row: NDArray[np.float32]) -> float:
    """Samples until a ray leaves the vessel; nan if it starts outside or never leaves."""
    outside = np.flatnonzero(row < 0.5)
    if not len(outside) or outside[0] == 0:
        return float("nan")
    first = int(outside[0])
    high, low = float(row[first - 1]), float(row[first])
    return first - 1 + (high - 0.5) / (high - low)


def _is_cut(tip: Points, axis: Points, shape: tuple[int, ...], fov: Mask | None) -> bool:
    beyond = np.rint(tip + 2 * axis).astype(int)
    if (beyond < 0).any() or (beyond >= shape).any():
        return True
    return fov is not None and not fov[beyond[0], beyond[1]]


def arm_line(trace: Trace, from_px: float, span_px: float) -> Line | None:
    """Fit a line to a centreline between two distances from its start; None if unseen."""
    place = trace.place
    chosen = trace.seen & (place >= from_px) & (place <= from_px + span_px)
    if chosen.sum() < 4:
        chosen = (place >= min(from_px, place[-1] / 2)) & (place <= from_px + span_px)
    if chosen.sum() < 2:
        return None
    points = trace.points[chosen]
    return Line(points.mean(axis=0), direction_of(points))


def meeting_point(center: Points, radius: float, lines: Sequence[Line]) -> Points:
    """(2,) the least-squares intersection of the lines, near the skeleton's fork.

    Where two tubes meet, the medial axis bends towards the angle between them; the centrelines of
    the vessels do not.
    """
    matrix, vector = _KEEP * np.eye(2), _KEEP * center
    for line in lines:
        across = np.eye(2) - np.outer(line.direction, line.direction)
        matrix, vector = matrix + across, vector + across @ line.point
    found = np.linalg.solve(matrix, vector)
    away = float(np.hypot(*(found - center)))
    if away > 1.25 * radius:
        found = center + (found - center) * (1.25 * radius / away)
    return np.asarray(found)
