"""Shapes with known geometry: tubes along curves, of any position, angle, size and width.

A pixel is vessel if its centre lies within half the width of the curve. Pixel centres are at
integers and points are (row, column). Curves are rotated and moved before drawing, as rotating the
image would resample it. Tubes have round ends of half a width beyond the first and last points.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

Curve = NDArray[np.float64]
"""(N, 2) rows and columns of points along a curve, in order."""

Point = Sequence[float] | NDArray[np.float64]
"""Row and column."""

_ARC_POINTS, _SINE_POINTS = 2001, 4001


def line(start: Point, angle_deg: float, length: float) -> Curve:
    """A straight line of two points; 0 degrees runs along the columns, 90 down the rows."""
    angle = math.radians(angle_deg)
    end = (start[0] + length * math.sin(angle), start[1] + length * math.cos(angle))
    return np.array((start, end), float)


def arc(radius: float, sweep_deg: float) -> Curve:
    """A circular arc about the origin, starting on the positive column axis."""
    angle = np.radians(np.linspace(0, sweep_deg, _ARC_POINTS))
    return np.stack((radius * np.sin(angle), radius * np.cos(angle)), axis=1)


def sine(amplitude: float, wavelength: float, cycles: float) -> Curve:
    """A sine wave along the columns, starting at the origin."""
    along = np.linspace(0, wavelength * cycles, _SINE_POINTS)
    return np.stack((amplitude * np.sin(2 * np.pi * along / wavelength), along), axis=1)


def koch(length: float, generations: int) -> Curve:
    """Koch's curve over `length` along the columns: dimension log 4 / log 3, length (4/3)^n."""
    points = np.array(((0.0, 0.0), (0.0, length)))
    turn = math.radians(60)
    rotation = np.array(((math.cos(turn), -math.sin(turn)), (math.sin(turn), math.cos(turn))))
    for _ in range(generations):
        step = np.diff(points, axis=0) / 3
        first, third = points[:-1] + step, points[:-1] + 2 * step
        tip = first + step @ rotation.T
        grown = np.stack((points[:-1], first, tip, third), axis=1).reshape(-1, 2)
        points = np.concatenate((grown, points[-1:]))
    return points


def sierpinski_carpet(generations: int) -> Mask:
    """(3^n, 3^n) bool: dimension log 8 / log 3 for box sizes that are powers of three."""
    carpet = np.ones((1, 1), bool)
    hole = np.ones((3, 3), bool)
    hole[1, 1] = False
    for _ in range(generations):
        carpet = np.kron(hole, carpet)
    return carpet


def place(curve: Curve, *, angle_deg: float = 0.0, center: Point) -> Curve:
    """The curve rotated, and moved so that the centre of its bounding box is at `center`."""
    turned = turn(curve, angle_deg)
    middle = (turned.min(axis=0) + turned.max(axis=0)) / 2
    return np.asarray(turned - middle + np.asarray(center, float))


def turn(curve: Curve, angle_deg: float, about: Point = (0.0, 0.0)) -> Curve:
    """The curve rotated about a point, from the column axis towards the row axis."""
    angle = math.radians(angle_deg)
    cosine, sine_ = math.cos(angle), math.sin(angle)
    rows, columns = (curve - np.asarray(about, float)).T
    turned = np.stack((rows * cosine + columns * sine_, columns * cosine - rows * sine_), axis=1)
    return np.asarray(turned + np.asarray(about, float))


def draw_tube(shape: tuple[int, int], curve: Curve, width: float | NDArray[np.float64]) -> Mask:
    """(H, W) bool, True within half of `width` of the curve; (N,) widths taper between points.

    Clipped to the frame.
    """
    mask = np.zeros(shape, bool)
    widths = np.broadcast_to(np.asarray(width, float), len(curve))
    radii = widths / 2
    for (start, end), (first, last) in zip(pairwise(curve), pairwise(radii), strict=True):
        _draw_piece(mask, start, end, float(first), float(last))
    return mask


def draw_tubes(shape: tuple[int, int], curves: Iterable[Curve], width: float) -> Mask:
    """The union of tubes of equal width."""
    mask = np.zeros(shape, bool)
    for curve in curves:
        mask |= draw_tube(shape, curve, width)
    return mask


def disc(shape: tuple[int, int], center: Point, radius: float) -> Mask:
    """(H, W) bool, True within `radius` of `center`."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside: Mask = (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2
    return inside


def length_of(curve: Curve) -> float:
    """The sum of the distances between successive points."""
    return float(np.hypot(*np.diff(curve, axis=0).T).sum())


def _draw_piece(mask: Mask, start: Curve, end: Curve, first: float, last: float) -> None:
    reach = max(first, last)
    low = np.floor(np.minimum(start, end) - reach).astype(int).clip(0)
    high = np.ceil(np.maximum(start, end) + reach).astype(int) + 1
    rows, columns = np.ogrid[
        low[0] : min(high[0], mask.shape[0]), low[1] : min(high[1], mask.shape[1])
    ]
    if not rows.size or not columns.size:
        return
    step = end - start
    squared = float(step @ step)
    along = ((rows - start[0]) * step[0] + (columns - start[1]) * step[1]) / (squared or 1.0)
    along = np.clip(along, 0, 1)
    away = (rows - start[0] - along * step[0]) ** 2 + (columns - start[1] - along * step[1]) ** 2
    window = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    window |= away <= (first + along * (last - first)) ** 2
