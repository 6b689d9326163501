"""A smoothing spline along a centreline whose stiffness follows the noise of the pixel grid.

It minimises the sum of w (y - z)^2 plus lambda times the sum of squared third differences of z:
Whittaker-Henderson graduation, the discrete form of a quintic smoothing spline. Arcs of constant
curvature are left unchanged, at the ends too. lambda is (wavelength / 2 pi)^6: bends longer than
the wavelength are kept.

The curve is the stiffest one that misses the points by no more than the noise of the pixel grid.
This noise depends on direction: near the grid's axes, and less so near its diagonals, the edge of a
vessel is a staircase with steps too long for local averaging to remove.
"""

import math
from functools import lru_cache
from typing import TypeVar

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from scipy.linalg.lapack import dpbsv

from venule.image.arrays import Points, Values

Real = TypeVar("Real", np.float32, np.float64)

LONGEST_PX, SHORTEST_PX = 240.0, 6.0
"""Wavelengths between which the stiffness is chosen."""

_RATIO = 2**0.25

_BASE_PX = 0.045
"""Noise of a midpoint between two edges, away from the grid's axes and diagonals."""

_ROWS = tuple(
    (math.atan2(down, right), math.hypot(down, right))
    for down, right in ((0, 1), (1, 1), (1, 2), (1, 3))
)
"""Directions, folded to an eighth of a turn, along which pixels lie in rows, and the inverse
distance of the rows: both edges of a vessel jump by that distance at once, in steps that grow
longer as the vessel's direction approaches that of the rows."""

_EXCESS = 1.0
"""Largest mean square of normalised residuals of a curve that follows the points."""

_GRID_MISSES, _ROUGH_PX = 0.35, 8.0
"""Upper bound of the mean square residual of a tube's points about a curve of this wavelength.
Edges drawn by hand or by a network are rougher, and the limit is raised accordingly."""

_AGAIN, _LONG = 2, 4.0
"""Number of times the residuals are smoothed and added back (twicing, Tukey 1977), which removes
stiffness in bends, mostly at the ends; and the least path length for it, in wavelengths. For
rough edges and shorter paths, the noise is worse than the stiffness."""

_UNSEEN_PX = 10.0
"""Noise of a point where no edge was seen: too much to bend a curve, little enough to hold it."""

_THIRD = (-1.0, 3.0, -3.0, 1.0)


def averaged(values: NDArray[Real], sigma_px: float, *, closed: bool = False) -> NDArray[Real]:
    """Values (N,) or (N, C) along a path, averaged by a Gaussian; end values are extended."""
    mode = "wrap" if closed else "nearest"
    found: NDArray[Real] = ndi.correlate1d(values, _gaussian(sigma_px), axis=0, mode=mode)
    return found


def median(values: Values) -> float:
    """The median of a short, non-empty array; NumPy's takes ten times as long."""
    ordered, half = np.sort(values), len(values) // 2
    return float(ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2)


@lru_cache(maxsize=16)
def _gaussian(sigma_px: float) -> Values:
    """A Gaussian of sum 1, to four standard deviations."""
    reach = int(4 * sigma_px + 0.5)
    weights = np.exp(-0.5 / sigma_px**2 * np.arange(-reach, reach + 1) ** 2)
    return np.asarray(weights / weights.sum())


def grid_noise(tangent: Points, along_px: float) -> Values:
    """(N,) standard deviation in pixels of a midpoint between edges, by direction of the vessel.

    `along_px` is the extent of averaging along the vessel, which removes shorter steps.
    """
    folded = np.abs(np.arctan2(tangent[:, 0], tangent[:, 1])) % (np.pi / 2)
    axis = np.minimum(folded, np.pi / 2 - folded)
    variance = np.full(len(tangent), _BASE_PX**2)
    for direction, density in _ROWS:
        steps = 2 * np.pi * along_px * density * np.tan(axis - direction)  # per radian
        variance += np.exp(-(steps**2)) / 12 / density**2
    return np.asarray(np.sqrt(variance))


def smooth(
    points: Points,
    noise_px: Values,
    *,
    corner: NDArray[np.bool_] | None = None,
    closed: bool = False,
    between_px: tuple[float, float] = (SHORTEST_PX, LONGEST_PX),
) -> Points:
    """The stiffest smooth path through `points` (N, 2), one pixel apart, that their noise allows.

    `noise_px` (N,) is the standard deviation of each point, inf for points not known. The
    wavelength is chosen within `between_px`, in equal steps of its logarithm. `corner` (N,) bool
    marks sharp bends, which a smooth path misses: they do not count as roughness.
    """
    if closed:
        return _smooth_closed(points, noise_px, corner, between_px)
    shortest_px, longest_px = between_px
    weights = np.where(np.isfinite(noise_px), noise_px, np.inf) ** -2.0
    seen = weights > 0
    if len(points) < 5 or seen.sum() < 5:
        return _straight(points, weights)
    scale = median(weights[seen])
    weights = weights / scale
    held = np.where(seen, weights, _UNSEEN_PX**-2 / scale)
    coarse = penalized(points, held, _stiffness(max(shortest_px, _ROUGH_PX)))
    squares = _squares(points, coarse, weights * scale)
    calm = seen if corner is None or (seen & ~corner).sum() < 5 else seen & ~corner
    rough = max(1.0, float(squares[calm].mean()) / _GRID_MISSES)
    finest = penalized(points, held, _stiffness(shortest_px))
    steps = int(np.ceil(np.log(max(longest_px / shortest_px, 1)) / np.log(_RATIO)))
    best, low, high = finest, 0, steps + 1  # step 0 is allowed, step `high` is too stiff
    while high - low > 1:
        middle = (low + high) // 2
        fitted = penalized(points, held, _stiffness(shortest_px * _RATIO**middle))
        if _misses(points, fitted, weights * scale) <= _EXCESS * rough:
            best, low = fitted, middle
        else:
            high = middle
    wavelength_px = shortest_px * _RATIO**low
    if rough == 1 and len(points) >= _LONG * wavelength_px:
        for _ in range(_AGAIN):
            best = best + penalized(points - best, held, _stiffness(wavelength_px))
    return best


def penalized(points: Points, weights: Values, stiffness: float) -> Points:
    """(N, 2) minimiser of the weighted squares plus `stiffness` times squared third differences."""
    number = len(points)
    bands = stiffness * _bands(number)
    bands[3] += weights
    _, solved, failed = dpbsv(bands, points * weights[:, None])
    if failed:
        raise ArithmeticError("smoothing: the system of equations is not positive definite")
    return np.asarray(solved)


@lru_cache(maxsize=4)
def _bands(number: int) -> Values:
    """(4, N) upper diagonals, the main one last, of the sum of squared third differences."""
    bands = np.zeros((4, number))
    for first in range(4):
        for second in range(first, 4):
            ends = slice(second, number - 3 + second)
            bands[3 - second + first, ends] += _THIRD[first] * _THIRD[second]
    return bands


def _stiffness(wavelength_px: float) -> float:
    return float((wavelength_px / (2 * np.pi)) ** 6)


def _misses(points: Points, fitted: Points, weights: Values) -> float:
    """Mean square distance between points and curve, in units of the points' noise.

    Points are weighted by one over their noise, because high noise is correlated over long
    stretches.
    """
    count = np.sqrt(weights)
    return float(_squares(points, fitted, weights) @ count / count.sum())


def _squares(points: Points, fitted: Points, weights: Values) -> Values:
    away = points - fitted
    return np.asarray((away[:, 0] ** 2 + away[:, 1] ** 2) * weights)


def _straight(points: Points, weights: Values) -> Points:
    """The straight line through the points, for paths too short to bend."""
    trusted = np.where(weights > 0, weights, 0)
    if (trusted > 0).sum() < 2:
        trusted = np.ones(len(points))
    place = np.arange(len(points), dtype=float)
    middle = np.average(place, weights=trusted)
    center = np.average(points, axis=0, weights=trusted)
    spread = np.average((place - middle) ** 2, weights=trusted)
    slope = np.average((place - middle)[:, None] * (points - center), axis=0, weights=trusted)
    return np.asarray(center + (place - middle)[:, None] * slope / max(spread, 1e-12))


def _smooth_closed(
    points: Points,
    noise_px: Values,
    corner: NDArray[np.bool_] | None,
    between_px: tuple[float, float],
) -> Points:
    """A closed path: continued beyond its seam on both sides, smoothed, and cut again."""
    number = len(points)
    around = np.arange(-number, 2 * number) % number
    corners = None if corner is None else corner[around]
    wide = smooth(points[around], noise_px[around], corner=corners, between_px=between_px)
    return wide[number : 2 * number]
