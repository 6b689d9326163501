"""Statistics of the values of many segments."""

import math
from collections.abc import Sequence

import numpy as np


def median(values: Sequence[float]) -> float:
    """The median; nan of nothing."""
    return float(np.median(values)) if len(values) else math.nan


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float:
    """The mean of values with weights; nan of nothing."""
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total > 0 else math.nan


def weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """The value at which half of the weight is reached, at a tie the mean of two; nan of none."""
    if not pairs:
        return math.nan
    values, weights = np.array(sorted(pairs)).T
    reached = np.cumsum(weights) / weights.sum()
    place = int(np.searchsorted(reached, 0.5 - 1e-12))
    if abs(reached[place] - 0.5) < 1e-12 and place + 1 < len(values):
        return float(values[place] + values[place + 1]) / 2
    return float(values[place])
