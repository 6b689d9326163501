"""Statistics of repeatability and agreement, over pairs or groups of values of one measure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from venule.measure.columns import all_columns

Values = Mapping[str, float | None]
Numbers = NDArray[np.float64]


def icc_1_1(groups: Sequence[Numbers]) -> dict[str, float | int]:
    """ICC(1,1) of a one-way analysis of variance (Shrout and Fleiss 1979), for unequal groups.

    Also the within-eye coefficient of variation, and the smallest detectable change between two
    single measurements, 1.96 sqrt(2) times the within-eye standard deviation.
    """
    sizes = np.array([len(group) for group in groups])
    means = np.array([group.mean() for group in groups])
    everything = np.concatenate(groups)
    number, total = len(groups), int(sizes.sum())
    between = float((sizes * (means - everything.mean()) ** 2).sum()) / (number - 1)
    within = float(sum(((g - g.mean()) ** 2).sum() for g in groups)) / (total - number)
    size = (total - float((sizes**2).sum()) / total) / (number - 1)
    spread = math.sqrt(within)
    mean = float(everything.mean())
    below = between + (size - 1) * within
    return {
        "eyes": number,
        "values": total,
        "mean": rounded(mean),
        "icc": rounded((between - within) / below) if below > 0 else math.nan,
        "cv": rounded(spread / abs(mean)) if mean else math.nan,
        "sdc": rounded(1.96 * math.sqrt(2) * spread),
        "sdc_over_mean": rounded(1.96 * math.sqrt(2) * spread / abs(mean)) if mean else math.nan,
    }


def agreement(pairs: Numbers) -> dict[str, Any]:
    """ICC(2,1) of absolute agreement, Bland and Altman's limits, and Spearman's correlation.

    `pairs` is (N, 2). Bias and limits are of second minus first, and also over the mean of both.
    """
    number = len(pairs)
    difference, mean = pairs[:, 1] - pairs[:, 0], float(pairs.mean())
    rows = 2 * float(((pairs.mean(axis=1) - mean) ** 2).sum()) / (number - 1)
    columns = number * float(((pairs.mean(axis=0) - mean) ** 2).sum())
    total = float(((pairs - mean) ** 2).sum())
    error = (total - rows * (number - 1) - columns) / (number - 1)
    below = rows + error + 2 / number * (columns - error)
    ranks = np.stack([rankdata(column) for column in pairs.T])
    constant = bool((ranks.std(axis=1) == 0).any())
    spread = 1.96 * float(difference.std(ddof=1))
    bias = float(difference.mean())
    return {
        "values": number,
        "mean": rounded(mean),
        "icc": rounded((rows - error) / below) if below > 0 else math.nan,
        "bias": rounded(bias),
        "limits": [rounded(bias - spread), rounded(bias + spread)],
        "bias_over_mean": rounded(bias / mean) if mean else math.nan,
        "spearman": math.nan if constant else rounded(float(np.corrcoef(ranks)[0, 1])),
    }


def columns_of(rows: Iterable[Values]) -> list[str]:
    """The columns that any of the rows has, in order."""
    present = {name for values in rows for name in values}
    return [column.name for column in all_columns() if column.name in present]


def rounded(value: float) -> float:
    """Round to five digits."""
    return float(f"{value:.5g}")
