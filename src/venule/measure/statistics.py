"""Statistics of the values of many segments."""

import math
from collections.abc import Sequence

import numpy as np


def median(values: Sequence[float]) -> float:
    """The median; nan if empty."""
    return float(np.median(values)) if len(values) else math.nan


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float:
    """The weighted mean; nan if empty."""
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total > 0 else math.nan


def weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """The value at which half the weight is reached, the mean of two if tied; nan if empty."""
    if not pairs:
        return math.nan
    values, weights = np.array(sorted(pairs)).T
    reached = np.cumsum(weights) / weights.sum()
    place = int(np.searchsorted(reached, 0.5 - 1e-12))
    if abs(reached[place] - 0.5) < 1e-12 and place + 1 < len(values):
        return float(values[place] + values[place + 1]) / 2
    return float(values[place])
