"""Vessel calibre, from edge to edge across the centreline."""

import math

import numpy as np

from venule.measure.statistics import weighted_median
from venule.measure.view import View


def mean_caliber(view: View) -> float:
    """Mean calibre in px over all centreline points where it was measured; nan if none."""
    seen = [one.caliber_px[np.isfinite(one.caliber_px)] for one in view.segments]
    values = np.concatenate(seen) if seen else np.zeros(0)
    return float(values.mean()) if len(values) else math.nan


def median_caliber(view: View) -> float:
    """Median in px of the segments' mean calibres, weighted by their length; nan if none."""
    seen = [(one.mean_caliber_px, one.length_px) for one in view.segments]
    return weighted_median([pair for pair in seen if math.isfinite(pair[0])])
