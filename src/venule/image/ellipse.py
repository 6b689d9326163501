"""The ellipse that the edge of a field of view lies on: a circle, unless it was resized.

A photograph that was resized to another aspect ratio shows an ellipse whose axes lie along rows and
columns, so only such ellipses are fitted.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask, Points

_LEAST_POINTS = 16
_SAMPLES = 32
"""Number of candidate curves through a few points each; the fit starts from the best."""

_MOST_STRETCHED = 1.8
"""Resizing to another aspect ratio rarely goes beyond 16:9."""

_SURELY, _SHARP_PX = 0.95, 0.5
"""A circle near at least this share of the points, within so many pixels on average, is kept."""

_ROUND = 0.015
"""A circle is preferred unless the ellipse's axes differ by more than this share."""


@dataclass(frozen=True)
class Ellipse:
    """The outline of a field of view, which the frame may clip.

    Attributes:
        row, column: the centre in pixels, (0, 0) being the centre of the first pixel.
        height_px, width_px: the diameters along rows and columns; equal for a circle.
        fitted: False where no arc was visible; then it is the circle around the frame.
    """

    row: float
    column: float
    height_px: float
    width_px: float
    fitted: bool = True

    @property
    def diameter_px(self) -> float:
        """The mean diameter: the scale of the photograph."""
        return (self.height_px + self.width_px) / 2

    @property
    def stretch(self) -> float:
        """The longer diameter over the shorter one, 1 or more."""
        return max(self.height_px, self.width_px) / min(self.height_px, self.width_px)

    def scaled(self, scale: float) -> "Ellipse":
        """The same outline in a photograph `scale` times as large."""
        row, column = (scale * (at + 0.5) - 0.5 for at in (self.row, self.column))
        return Ellipse(row, column, scale * self.height_px, scale * self.width_px, self.fitted)

    def grown(self, factor: float) -> "Ellipse":
        """The ellipse with the same centre and both diameters times `factor`."""
        height_px, width_px = factor * self.height_px, factor * self.width_px
        return Ellipse(self.row, self.column, height_px, width_px, self.fitted)

    def fill(self, shape: tuple[int, int]) -> Mask:
        """(H, W) bool, True in the pixels whose centre is inside."""
        rows = (np.arange(shape[0]) - self.row) / (self.height_px / 2)
        half = np.sqrt(np.maximum(1 - rows * rows, 0)) * (self.width_px / 2)
        first = np.ceil(self.column - half).clip(0, shape[1]).astype(int)
        stop = np.floor(self.column + half).clip(-1, shape[1] - 1).astype(int) + 1
        stop[np.abs(rows) > 1] = 0
        mask = np.zeros(shape, bool)
        for line, start, end in zip(mask, first.tolist(), stop.tolist(), strict=True):
            line[start:end] = True
        return mask

    def at(
        self, angles: NDArray[np.float64], shares: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(K, M) rows and columns of points in K directions, at M shares of the radius."""
        rows = self.row + np.outer(np.sin(angles) * self.height_px / 2, shares)
        return rows, self.column + np.outer(np.cos(angles) * self.width_px / 2, shares)

    def residuals(self, points: Points) -> NDArray[np.float64]:
        """(K,) approximate distance of points from the ellipse, in pixels; negative inside."""
        rows = (points[:, 0] - self.row) / (self.height_px / 2)
        columns = (points[:, 1] - self.column) / (self.width_px / 2)
        return np.asarray((np.hypot(rows, columns) - 1) * (self.diameter_px / 2))


def around(shape: tuple[int, int]) -> Ellipse:
    """The circle around a frame of `shape` (H, W) in which no arc is visible."""
    height, width = shape
    diagonal = math.hypot(height, width)
    return Ellipse((height - 1) / 2, (width - 1) / 2, diagonal, diagonal, fitted=False)


def edge_points(mask: Mask) -> Points:
    """(K, 2) points (row, column) on the outer edge of `mask`, none on the frame's own edge.

    Each lies half way between the last pixel inside and the first outside. Rows are searched from
    left and right, columns from top and bottom; only the search that meets the edge steeply is
    exact, so points of the other are dropped, as are straight cuts.
    """
    points = [np.empty((0, 2))]
    for transposed in (False, True):
        side = mask.T if transposed else mask
        lines = np.flatnonzero(side.any(axis=1))
        if len(lines) < 2:
            continue
        length = side.shape[1]
        first = side[lines].argmax(axis=1)
        last = length - 1 - side[lines, ::-1].argmax(axis=1)
        for position, on_frame, offset in ((first, 0, -0.5), (last, length - 1, 0.5)):
            steep = np.abs(np.gradient(position.astype(float))) <= 1
            keep = (position != on_frame) & steep & ~_on_a_straight_run(position)
            pair = np.stack([lines[keep], position[keep] + offset], axis=1)
            points.append(pair[:, ::-1] if transposed else pair)
    return np.concatenate(points)


def fit_ellipse(points: Points, *, least_share: float = 0.5) -> Ellipse | None:
    """The circle, or the ellipse if that is clearly better, through most of the points.

    Least squares over the points near the best of some curves through a few points. None if less
    than `least_share` of the points lie near it, or if their arc is too short.
    """
    if len(points) < _LEAST_POINTS:
        return None
    spread = float(np.ptp(points, axis=0).max())
    center = points.mean(axis=0)
    local = (points - center) / max(spread, 1.0)
    found = _judged(_best(_circles(local), local, spread), local, spread)
    if found is None or found[1] < _SURELY * len(points) or found[2] * spread > _SHARP_PX:
        other = _judged(_best(_ellipses(local), local, spread), local, spread)
        if other is not None and (found is None or _is_better(other, found)):
            found = other
    if found is None:
        return None
    curve, near, _ = found
    radius = float(curve[2:].mean())
    if near < least_share * len(points) or radius > 1.3:
        return None
    row, column, tall, wide = (float(value) * spread for value in curve)
    return Ellipse(row + center[0], column + center[1], 2 * tall, 2 * wide)


Curve = NDArray[np.float64]
"""Row, column, and half axes along rows and columns."""


Judged = tuple[Curve, int, float]
"""A curve, the number of points near it, and the root mean square of their distances."""


def _judged(curve: Curve | None, local: Points, spread: float) -> Judged | None:
    if curve is None:
        return None
    distance = np.abs(_distance(curve[None], local)[0])
    kept = distance[distance <= _near(spread, float(curve[2:].mean()))]
    return (curve, len(kept), math.sqrt(float((kept**2).mean()))) if len(kept) else None


def _is_better(ellipse: Judged, circle: Judged) -> bool:
    """Tell whether an ellipse is clearly not a circle and fits clearly better than one."""
    stretch = float(ellipse[0][2:].max() / ellipse[0][2:].min())
    closer = ellipse[1] >= circle[1] and ellipse[2] < 0.6 * circle[2]
    return stretch > 1 + _ROUND and (ellipse[1] > 1.04 * circle[1] or closer)


def _near(spread: float, radius: float) -> float:
    """Limit of a near point's distance, in units of the spread: 1.2 px or 0.8 % of the radius."""
    return max(1.2 / spread, 0.008 * radius)


def _distance(curves: Curve, local: Points) -> NDArray[np.float64]:
    """(C, K) approximate distance of each point outside each curve."""
    rows = (local[None, :, 0] - curves[:, :1]) / curves[:, 2:3]
    columns = (local[None, :, 1] - curves[:, 1:2]) / curves[:, 3:4]
    return np.asarray((np.hypot(rows, columns) - 1) * curves[:, 2:].mean(axis=1, keepdims=True))


def _best(curves: Curve, local: Points, spread: float) -> Curve | None:
    """The curve with most points near it, refitted to these repeatedly."""
    if not len(curves):
        return None
    distance = np.abs(_distance(curves, local))
    near = distance <= 1.5 * np.maximum(1.2 / spread, 0.008 * curves[:, 2:].mean(axis=1))[:, None]
    curve = curves[near.sum(axis=1).argmax()]
    circle = bool(curve[2] == curve[3])
    kept = near[near.sum(axis=1).argmax()]
    for _ in range(8):
        again = _least_squares(local[kept], circle=circle)
        if again is None:
            break
        curve = again
        residual = np.abs(_distance(curve[None], local)[0])
        limit = _near(spread, float(curve[2:].mean()))
        now = residual <= limit
        if now.sum() < 6 or (now == kept).all():
            break
        kept = now
    return np.asarray(curve)


def _circles(local: Points) -> Curve:
    """(C, 4) circles through three points each, spread over the edge by angle."""
    chosen = _spread_out(local, 3)
    y, x = chosen[..., 0], chosen[..., 1]
    matrix = np.stack([2 * y, 2 * x, np.ones_like(y)], axis=-1)
    solved = _solve(matrix, y * y + x * x)
    row, column, rest = solved.T
    square = rest + row * row + column * column
    radius = np.sqrt(np.maximum(square, 0))
    curves = np.stack([row, column, radius, radius], axis=1)
    return np.asarray(curves[(radius > 0.2) & (radius < 1.5)])


def _ellipses(local: Points) -> Curve:
    """(C, 4) axis-aligned ellipses through four points each."""
    chosen = _spread_out(local, 4)
    y, x = chosen[..., 0], chosen[..., 1]
    matrix = np.stack([x * x, 2 * y, 2 * x, np.ones_like(y)], axis=-1)
    return _from_conics(_solve(matrix, y * y))


def _from_conics(conics: NDArray[np.float64]) -> Curve:
    """Ellipses of y² = p x² + 2 q y + 2 r x + s, p < 0; other conics are dropped."""
    p, q, r, s = conics.T
    ratio = -p  # (y - q)² + ratio (x - r / ratio)² = s + q² + r² / ratio
    with np.errstate(all="ignore"):
        column = r / ratio
        square = s + q * q + r * r / ratio
        tall = np.sqrt(square)
        wide = np.sqrt(square / ratio)
        stretch = np.maximum(tall, wide) / np.minimum(tall, wide)
        good = (
            (ratio > 0) & (square > 0) & (stretch < _MOST_STRETCHED) & (wide < 1.5) & (wide > 0.2)
        )
    return np.asarray(np.stack([q, column, tall, wide], axis=1)[good])


def _spread_out(local: Points, number: int) -> NDArray[np.float64]:
    """(S, number, 2) sets of points spread over the edge, in order of angle."""
    order = np.argsort(np.arctan2(local[:, 0], local[:, 1]), kind="stable")
    count = len(local)
    first = np.arange(_SAMPLES) * count // _SAMPLES
    # The step changes from set to set, so that outliers do not affect all of them.
    step = count / number * (0.55 + 0.45 * ((np.arange(_SAMPLES) * 7) % 10) / 9)
    index = (first[:, None] + step[:, None] * np.arange(number)).astype(int) % count
    return np.asarray(local[order][index])


def _solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve small linear systems, dropping the singular ones."""
    good = np.abs(np.linalg.det(matrix)) > 1e-9
    return np.asarray(np.linalg.solve(matrix[good], right[good][..., None])[..., 0])


def _least_squares(local: Points, *, circle: bool) -> Curve | None:
    """The curve with the least squared distances: a linear form, then Gauss-Newton steps.

    Coope (J. Optim. Theory Appl. 76, 1993) for the circle; for the ellipse, distance is along the
    ray from its centre.
    """
    if len(local) < 6:
        return None
    y, x = local.T
    ones = np.ones_like(y)
    if circle:
        design = np.column_stack([2 * y, 2 * x, ones])
        row, column, rest = _least_squares_of(design, y * y + x * x)
        radius = math.sqrt(max(rest + row * row + column * column, 1e-12))
        curve = np.array([row, column, radius, radius])
    else:
        design = np.column_stack([x * x, 2 * y, 2 * x, ones])
        curves = _from_conics(_least_squares_of(design, y * y)[None])
        if not len(curves):
            return None
        curve = curves[0]
    for _ in range(2):
        curve = _step(curve, local, circle=circle)
        if curve[2:].min() <= 0.05 or curve[2:].max() > 3:
            return None
    return np.asarray(curve)


def _least_squares_of(
    design: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve by the normal equations: a third of the time of a decomposition, and exact enough."""
    square = design.T @ design
    square.flat[:: len(square) + 1] += 1e-12
    return np.asarray(np.linalg.solve(square, design.T @ right))


def _step(curve: Curve, local: Points, *, circle: bool) -> Curve:
    """One Gauss-Newton step on (hypot - 1) times the mean half axis."""
    row, column, tall, wide = curve
    u, v = (local[:, 0] - row) / tall, (local[:, 1] - column) / wide
    h = np.maximum(np.hypot(u, v), 1e-9)
    mean = (tall + wide) / 2
    residual = (h - 1) * mean
    by_row, by_column = -mean * u / (h * tall), -mean * v / (h * wide)
    by_tall, by_wide = -mean * u * u / (h * tall), -mean * v * v / (h * wide)
    if circle:
        design = np.column_stack([by_row, by_column, by_tall + by_wide])
        step = _least_squares_of(design, -residual)
        change = np.array([step[0], step[1], step[2], step[2]])
    else:
        design = np.column_stack([by_row, by_column, by_tall, by_wide])
        change = _least_squares_of(design, -residual)
    return np.asarray(curve + change)


def _on_a_straight_run(position: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Find where an edge stays at one position for longer than a circle's edge can.

    A circle of radius r stays within one pixel over 2 sqrt(2 r) lines; r is at most about as many
    lines as there are.
    """
    run = np.concatenate([[0], np.cumsum(np.diff(position) != 0)])
    return np.asarray(np.bincount(run)[run] > 4 * math.sqrt(len(position)))
