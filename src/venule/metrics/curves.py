"""Areas under the ROC and precision-recall curves of a probability map, from a histogram.

The bins follow the bits of a float, counted from 0 in the lower half of the scale and from 1 in the
upper: saturated networks crowd both ends, where bins of equal width would tie values that the
network distinguishes. Every value of a map stored in 16 bits has a bin of its own, so such maps are
scored exactly; memory does not depend on the number of images.
"""

import math

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask

Probability = NDArray[np.floating]

# A float32 has 23 bits of mantissa. From 2^-16 up, an octave has 2^14 bins, one for every 16-bit
# value; below, down to the smallest normal float, it has 2^10.
_FINE_SHIFT, _COARSE_SHIFT = 23 - 14, 23 - 10
_TINY = int(np.float32(2.0**-126).view(np.int32))  # values below share the first bin
_FINE = int(np.float32(2.0**-16).view(np.int32))
_COARSE_BINS = (_FINE - _TINY) >> _COARSE_SHIFT
_HALF = _COARSE_BINS + (15 << 14)  # 15 octaves from 2^-16 to 1/2
BINS = 2 * _HALF + 1  # the middle one holds exactly 1/2


class Histogram:
    """Vessel and background pixels by probability; adding two pools their images.

    `positives` and `negatives` are (BINS,) int64, in increasing order of probability.
    """

    def __init__(self) -> None:
        self.positives: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.negatives: NDArray[np.int64] = np.zeros(BINS, np.int64)

    def accumulate(self, probability: Probability, truth: Mask, fov: Mask) -> "Histogram":
        """Add the pixels of one (H, W) image inside `fov`; returns the histogram itself.

        Raises ValueError if a probability inside the field of view is not in 0..1.
        """
        if not probability.shape == truth.shape == fov.shape:
            raise ValueError(
                f"maps of different shapes: probability {probability.shape}, truth "
                f"{truth.shape}, fov {fov.shape}"
            )
        inside, vessel = probability[fov].astype(np.float32), truth[fov]
        if not np.all((inside >= 0) & (inside <= 1)):
            raise ValueError("a probability inside the field of view is nan or outside 0..1")
        bins = _bin(inside)
        total = np.bincount(bins, minlength=BINS)
        positives = np.bincount(bins[vessel], minlength=BINS)
        self.positives += positives
        self.negatives += total - positives
        return self

    def __add__(self, other: "Histogram") -> "Histogram":
        pooled = Histogram()
        pooled.positives = self.positives + other.positives
        pooled.negatives = self.negatives + other.negatives
        return pooled


def roc_auc(h: Histogram) -> float:
    """Area under the ROC curve, with ties counted as one half; nan if a class is missing."""
    positives, negatives = _occupied(h)
    pairs = float(positives.sum()) * float(negatives.sum())
    if not pairs:
        return math.nan
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + 0.5 * negatives))) / pairs


def average_precision(h: Histogram) -> float:
    """Sum of precision times increase in recall over falling thresholds; nan without vessels.

    The step-wise sum of scikit-learn's `average_precision_score`, not a trapezoid.
    """
    positives, negatives = _occupied(h)
    if not positives.sum():
        return math.nan
    found, false = _cumulated_from_above(positives, negatives)
    return float(np.sum(positives * found / (found + false)) / found[0])


def best_threshold(h: Histogram, *, dice_given_up: float = 0.0) -> float:
    """The threshold of maximal Dice over all pixels of the histogram, strictly inside 0..1.

    `>=` gives the mask with that Dice, except for pixels of probability 0, which are never vessel.
    The threshold is midway between two occupied bins, or at the start of the upper one if they
    adjoin. Of several equal maxima the highest is taken; nan without a vessel pixel. With
    `dice_given_up`, it is the lowest threshold whose Dice is at most that much below the maximum.
    """
    occupied = np.flatnonzero(h.positives + h.negatives)
    positives, negatives = _occupied(h)
    if not positives.sum():
        return math.nan
    found, false = _cumulated_from_above(positives, negatives)
    dice = 2 * found / (found + false + found[0])
    if dice_given_up:
        best = int(np.argmax(dice >= dice.max() - dice_given_up))
    else:
        best = len(dice) - 1 - int(np.argmax(dice[::-1]))
    upper = int(occupied[best])
    lower = int(occupied[best - 1]) if best else -1
    if lower == upper - 1:
        return _least(upper)
    return ((_center(lower) if best else 0.0) + _center(upper)) / 2


def operating_points(h: Histogram, *, most: int = 256) -> NDArray[np.float64]:
    """Rates at falling thresholds: (N, 3) false-positive rate, sensitivity, precision; N <= `most`.

    From the threshold that only the most probable pixels reach down to threshold 0. If there are
    more than `most`, those kept divide the length of both curves (ROC and precision-recall)
    equally, so that every step of a curve is short. Empty if a class is missing.
    """
    positives, negatives = _occupied(h)
    if not positives.sum() or not negatives.sum():
        return np.empty((0, 3))
    found, false = _cumulated_from_above(positives, negatives)
    rates = np.stack([false / false[0], found / found[0], found / (found + false)], axis=1)[::-1]
    if len(rates) <= most:
        return rates
    length = np.r_[0.0, np.cumsum(np.abs(np.diff(rates, axis=0)).sum(axis=1))]
    return rates[np.unique(np.searchsorted(length, np.linspace(0, length[-1], most)))]


def _bin(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    upper = probability >= 0.5
    # 1 - p is exact in float32 for p >= 1/2 (Sterbenz), so no precision is lost near 1.
    from_end = np.where(upper, np.float32(1) - probability, probability) + np.float32(0)  # no -0.0
    bits = from_end.view(np.int32).astype(np.int64)
    coarse = np.maximum(bits - _TINY, 0) >> _COARSE_SHIFT
    fine = _COARSE_BINS + ((bits - _FINE) >> _FINE_SHIFT)
    bins = np.where(bits < _FINE, coarse, fine)
    flipped: NDArray[np.int64] = np.where(upper, BINS - 1 - bins, bins)
    return flipped


def _center(index: int) -> float:
    if index > _HALF:
        return 1 - _center(BINS - 1 - index)
    if index == _HALF:
        return 0.5
    return (_lower_edge(index) + _lower_edge(index + 1)) / 2


def _least(index: int) -> float:
    """The smallest float32 above 0 of a bin."""
    if index > _HALF:  # a mirrored bin begins behind its edge
        edge = _lower_edge(BINS - index)
        near = np.float32(1 - edge)
        around = (np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(1)))
        return next(float(value) for value in around if np.float32(1) - value < edge)
    return 0.5 if index == _HALF else _lower_edge(index)


def _lower_edge(index: int) -> float:
    if index < _COARSE_BINS:
        bits = _TINY + (index << _COARSE_SHIFT)
    else:
        bits = _FINE + ((index - _COARSE_BINS) << _FINE_SHIFT)
    return float(np.int32(bits).view(np.float32))


def _occupied(h: Histogram) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    occupied = np.flatnonzero(h.positives + h.negatives)
    return h.positives[occupied].astype(np.float64), h.negatives[occupied].astype(np.float64)


def _cumulated_from_above(
    positives: NDArray[np.float64], negatives: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
