"""Levels of a probability map: a probability is k / 65535, in memory as in a file.

So a mask, the map in memory, its 16-bit file and every score agree by construction.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import FloatMap

LARGEST = 65535

Levels = NDArray[np.uint16]
"""(H, W) uint16, probability times 65535."""

_AT_ONCE = 2**20


def to_levels(probability: FloatMap) -> Levels:
    """Round probabilities (H, W) to levels; what lies outside 0..1 is clipped."""
    levels = np.empty(probability.shape, np.uint16)
    for rows in strips(probability.shape):
        part = probability[rows] * np.float32(LARGEST)
        part.clip(0, LARGEST, out=part)
        levels[rows] = np.rint(part, out=part)
    return levels


def to_probability(levels: Levels) -> FloatMap:
    """(H, W) float32 in 0..1, each the float nearest to a multiple of 1 / 65535."""
    return np.divide(levels, np.float32(LARGEST), dtype=np.float32)


def threshold_level(threshold: float) -> int:
    """The least level whose probability reaches a threshold in 0..1, as float32 compares them."""
    nearest = round(threshold * LARGEST)
    around = np.arange(max(nearest - 1, 0), min(nearest + 2, LARGEST) + 1, dtype=np.uint16)
    return int(around[to_probability(around) >= np.float32(threshold)][0])


def strips(shape: tuple[int, ...], pixels: int = _AT_ONCE) -> Iterator[slice]:
    """Yield rows of an (H, W) array, top to bottom, in strips of about `pixels` pixels."""
    rows = max(1, pixels // max(1, shape[1]))
    return (slice(top, min(top + rows, shape[0])) for top in range(0, shape[0], rows))
