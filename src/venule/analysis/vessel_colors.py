"""Calibre and tortuosity at each vessel pixel, as positions on a colour scale."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from venule.analysis.analyse import Analysis
from venule.measure.tortuosity import has_shape, shape_of, tau1
from venule.vessels.trace import trace_vessels
from venule.vessels.tree import Segment, VesselTree
from venule.vessels.types import nearest_index

Measure = Literal["caliber", "tortuosity"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

UNDEFINED = 0
_STEPS = 254
_PERCENTILES = (2, 98)


@dataclass(frozen=True, eq=False)
class VesselColors:
    """A measurement of the vessels, pixel by pixel.

    Attributes:
        places: (H, W) uint8: 0 outside vessels and where there is no value, else 1 to 255, linear
            from `low` to `high` and clipped.
        low, high: percentiles 2 and 98 of the values along the centrelines; nan without any.
        unit: of `low` and `high`; empty for tortuosity.
    """

    places: NDArray[np.uint8]
    low: float
    high: float
    unit: str


def trace(analysis: Analysis) -> VesselTree:
    """The vessel tree of an analysis, as used for measurement."""
    found = analysis.prediction
    reconnected = found.vessel_map.reconnected
    return trace_vessels(found.vessels & found.fov.mask, found.fov.mask, reconnected)


def vessel_colors(analysis: Analysis, tree: VesselTree, measure: Measure) -> VesselColors:
    """Give each vessel pixel the value of the measurement at the nearest centreline point.

    Calibre is local, in um if the photograph has a scale, else in pixels; tortuosity is tau1,
    length over chord, of the segment.
    """
    scale, unit = 1.0, ""
    if measure == "caliber":
        um_per_px = analysis.photograph.um_per_px
        scale, unit = (1.0, "px") if um_per_px is None else (um_per_px, "µm")
    along = [_values(segment, measure) * scale for segment in tree.segments]
    values = np.concatenate(along) if along else np.empty(0)
    seen = values[np.isfinite(values)]
    places = np.zeros(analysis.prediction.fov.mask.shape, np.uint8)
    if not len(seen):
        return VesselColors(places, math.nan, math.nan, unit)
    low, high = (float(one) for one in np.percentile(seen, _PERCENTILES))
    share = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    steps = np.where(np.isfinite(share), 1 + np.rint(_STEPS * np.nan_to_num(share)), UNDEFINED)
    vessels = analysis.prediction.vessels
    places[vessels] = np.append(steps, UNDEFINED)[nearest_index(vessels, tree)]
    return VesselColors(places, low, high, unit)


def _values(segment: Segment, measure: Measure) -> NDArray[np.float64]:
    """(N,) the measurement at each point of a segment, nan where undefined."""
    if measure == "tortuosity":
        value = tau1(shape_of(segment)) if has_shape(segment) else math.nan
        return np.full(len(segment.points), value)
    known = np.isfinite(segment.caliber_px)
    if not known.any():
        return np.full(len(segment.points), math.nan)
    # Near forks calibre is not measured: the nearest measured value is used.
    place = np.arange(len(segment.points))
    return np.interp(place, place[known], segment.caliber_px[known])
