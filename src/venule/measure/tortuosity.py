"""Tortuosity of a vessel segment: Hart's seven measures, Grisan's density, inflections.

Hart et al. 1999, doi 10.1016/S1386-5056(98)00163-4; Grisan et al. 2008,
doi 10.1109/TMI.2007.904657. L is the length of the centreline, C its chord, kappa its curvature.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from venule.measure.statistics import median, weighted_mean
from venule.measure.view import View
from venule.vessels.tree import Segment

SHORTEST_PX, SHORTEST_CALIBERS = 10.0, 2.0
"""Segments shorter than this many pixels, or this many of their calibres, have no shape."""

BULGE_PX = 0.75
"""A turn that stays within this distance of its chord is straight, not a bend."""


@dataclass(frozen=True)
class Shape:
    """The shape of one segment.

    Attributes:
        length, chord: L and C in px; C is 0 for a ring, and for a loop whose ends touch.
        curvature: total curvature, the integral of |kappa| along the segment, in radians: the sum
            of the angles of its turns. So residual wiggles of the pixel grid, too flat to be turns,
            cancel.
        squared: total squared curvature, the integral of kappa^2, in 1/px.
        turns: (arc, chord) of each stretch that bends in one direction.
    """

    length: float
    chord: float
    curvature: float
    squared: float
    turns: tuple[tuple[float, float], ...]


OfShape = Callable[[Shape], float]


def tau1(shape: Shape) -> float:
    """L / C: 1 for a straight line, nan without a chord."""
    return _over(shape.length, shape.chord)


def tau2(shape: Shape) -> float:
    """Total curvature in radians."""
    return shape.curvature


def tau3(shape: Shape) -> float:
    """Total squared curvature in 1/px."""
    return shape.squared


def tau4(shape: Shape) -> float:
    """Total curvature over L, in 1/px; nan without a length."""
    return _over(shape.curvature, shape.length)


def tau5(shape: Shape) -> float:
    """Total squared curvature over L, in 1/px2; nan without a length."""
    return _over(shape.squared, shape.length)


def tau6(shape: Shape) -> float:
    """Total curvature over C, in 1/px; nan without a chord."""
    return _over(shape.curvature, shape.chord)


def tau7(shape: Shape) -> float:
    """Total squared curvature over C, in 1/px2; nan without a chord."""
    return _over(shape.squared, shape.chord)


def grisan(shape: Shape) -> float:
    """(n - 1) / n times the sum of L_i / C_i - 1 over n turns, over L, in 1/px.

    A straight line and an arc have one turn, and so 0; nan without a length.
    """
    number = len(shape.turns)
    excess = sum(arc / chord - 1 for arc, chord in shape.turns if chord > 0)
    return _over((number - 1) / number * excess, shape.length)


def inflections(shape: Shape) -> float:
    """The number of times that the segment changes the direction of its bend."""
    return float(len(shape.turns) - 1)


def shape_of(segment: Segment) -> Shape:
    """The shape of a segment of at least two points."""
    steps, places = _steps(segment), turning_points(segment)
    turned = (segment.curvature * steps).cumsum() - segment.curvature * steps / 2
    turns = tuple(
        (
            float(segment.place[last] - segment.place[first]),
            float(np.hypot(*(segment.points[last] - segment.points[first]))),
        )
        for first, last in pairwise(places)
    )
    return Shape(
        length=segment.length_px,
        chord=segment.chord_px,
        curvature=float(np.abs(np.diff(turned[places])).sum()),
        squared=float(segment.curvature**2 @ steps),
        turns=turns,
    )


def turning_points(segment: Segment) -> list[int]:
    """Indices of the segment's points where it begins, changes its direction of bend, and ends.

    Turns that stay within BULGE_PX of their chord are merged with their neighbours, the flattest
    first.
    """
    sign = np.sign(segment.curvature)
    change = np.flatnonzero(sign[1:] * sign[:-1] < 0) + 1
    places = [0, *(int(place) for place in change), len(sign) - 1]
    bulges = [_bulge(segment, first, last) for first, last in pairwise(places)]
    while len(bulges) > 1 and min(bulges) < BULGE_PX:
        flat = bulges.index(min(bulges))
        # The turn's neighbours bend in the same direction, so all three form one turn.
        first, last = max(flat - 1, 0), min(flat + 1, len(bulges) - 1)
        places[first + 1 : last + 1] = []
        bulges[first : last + 1] = [_bulge(segment, places[first], places[first + 1])]
    return places


def has_shape(segment: Segment) -> bool:
    """True unless the segment is too short to distinguish its shape from the pixel grid's."""
    caliber = segment.mean_caliber_px
    least = max(SHORTEST_PX, SHORTEST_CALIBERS * caliber if math.isfinite(caliber) else 0)
    return segment.length_px >= least


def median_of(measure: OfShape) -> Callable[[View], float]:
    """The median of a measure over the segments that have a shape."""
    return lambda view: median([value for value, _ in _values(view, measure)])


def mean_of(measure: OfShape) -> Callable[[View], float]:
    """The mean of a measure over the segments that have a shape, weighted by their length."""
    return lambda view: weighted_mean(_values(view, measure))


def _values(view: View, measure: OfShape) -> list[tuple[float, float]]:
    shapes = view.once(shape_of, lambda: [shape_of(one) for one in view.segments if has_shape(one)])
    found = [(measure(shape), shape.length) for shape in shapes]
    return [pair for pair in found if math.isfinite(pair[0])]


def _over(value: float, length: float) -> float:
    return value / length if length > 0 else math.nan


def _steps(segment: Segment) -> NDArray[np.float64]:
    """(N,) the length that each point represents; their sum is L."""
    gaps = np.diff(segment.place)
    if segment.closed:
        gaps = np.append(gaps, segment.length_px - segment.place[-1])
        return (gaps + np.roll(gaps, 1)) / 2
    return np.asarray((np.append(gaps, 0) + np.append(0, gaps)) / 2)


def _bulge(segment: Segment, first: int, last: int) -> float:
    """The largest distance of a stretch from its chord."""
    row, column = segment.points[first : last + 1].T
    down, right = float(row[-1] - row[0]), float(column[-1] - column[0])
    norm = math.hypot(down, right)
    if norm == 0:
        return float(np.hypot(row - row[0], column - column[0]).max())
    away = (row - row[0]) * right - (column - column[0]) * down
    return float(max(away.max(), -away.min())) / norm
