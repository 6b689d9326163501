"""The most uncertain regions of a vessel map, for review."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask
from venule.inference.prediction import ProbabilityMap

CELLS = 24
"""Number of windows along the longer side of the photograph."""

MOST = 40
"""Largest number of windows."""


@dataclass(frozen=True)
class Region:
    """A window of the photograph, in pixels; `doubt` is its expected number of wrong pixels."""

    x: int
    y: int
    size: int
    doubt: float


def uncertain_regions(found: ProbabilityMap, fov: Mask) -> tuple[Region, ...]:
    """The most doubtful windows in descending order, none adjacent to an earlier one.

    The doubt of a pixel is the probability that its class in the mask is wrong, if the
    probabilities are calibrated: p for background, 1 - p for vessel. Windows overlap by half.

    Args:
        found: the probability map, (H, W).
        fov: (H, W) bool.
    """
    probability: FloatMap = found.probability
    doubt = np.where(found.mask, 1 - probability, probability) * fov
    height, width = doubt.shape
    half = max(4, -(-max(height, width) // (2 * CELLS)))
    rows, columns = -(-height // half), -(-width // half)
    padded = np.zeros((rows * half, columns * half), np.float32)
    padded[:height, :width] = doubt
    sums = padded.reshape(rows, half, columns, half).sum(axis=(1, 3), dtype=np.float64)
    windows = np.zeros((rows + 1, columns + 1))
    for down in (0, 1):
        for right in (0, 1):
            windows[down : down + rows, right : right + columns] += sums
    peaks = (windows == ndi.maximum_filter(windows, size=3)) & (windows > 0)
    at = np.argwhere(peaks)
    kept: list[NDArray[np.intp]] = []
    for place in at[np.argsort(-windows[peaks], kind="stable")]:
        if len(kept) < MOST and all(np.abs(place - other).max() > 1 for other in kept):
            kept.append(place)  # of equal neighbours the first
    return tuple(
        Region(
            x=max(0, int(column - 1) * half),
            y=max(0, int(row - 1) * half),
            size=2 * half,
            doubt=float(windows[row, column]),
        )
        for row, column in kept
    )
