"""Calibration: whether a share p of the pixels with probability p is vessel."""

import math

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask

Probability = NDArray[np.floating]

BINS = 15
"""Equal-width bins of the vessel probability."""


class Reliability:
    """Pixels, vessel pixels and summed probability of each bin; adding two pools their images."""

    def __init__(self) -> None:
        self.pixels: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.vessels: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.probability: NDArray[np.float64] = np.zeros(BINS, np.float64)

    def accumulate(self, probability: Probability, truth: Mask, fov: Mask) -> "Reliability":
        """Add the pixels of one (H, W) image inside `fov`; returns the object itself."""
        inside, vessel = probability[fov].astype(np.float64), truth[fov]
        bins = np.minimum((inside * BINS).astype(np.int64), BINS - 1)
        self.pixels += np.bincount(bins, minlength=BINS)
        self.vessels += np.bincount(bins[vessel], minlength=BINS)
        self.probability += np.bincount(bins, weights=inside, minlength=BINS)
        return self

    def __add__(self, other: "Reliability") -> "Reliability":
        pooled = Reliability()
        pooled.pixels = self.pixels + other.pixels
        pooled.vessels = self.vessels + other.vessels
        pooled.probability = self.probability + other.probability
        return pooled


def ece(r: Reliability) -> float:
    """Expected calibration error of the vessel probability, 0..1; nan without a pixel.

    The mean over pixels of |mean probability - share of vessels| of the pixel's bin; 15 bins of
    equal width (Naeini et al. 2015, for the vessel class, not for the more likely class).
    """
    total = int(r.pixels.sum())
    if not total:
        return math.nan
    return float(np.abs(r.probability - r.vessels).sum()) / total
