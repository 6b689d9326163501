"""Scores of a binary map: counts of outcomes inside the field of view, and their ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from venule.image.arrays import Mask


@dataclass(frozen=True)
class Counts:
    """Pixels inside the field of view, by outcome; adding two pools their images."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )


def count(predicted: Mask, truth: Mask, fov: Mask) -> Counts:
    """Compare two (H, W) bool masks inside a third."""
    if not predicted.shape == truth.shape == fov.shape:
        raise ValueError(
            f"masks of different shapes: predicted {predicted.shape}, truth {truth.shape}, "
            f"fov {fov.shape}"
        )
    p, t = predicted[fov], truth[fov]
    tp = int(np.count_nonzero(p & t))
    fp = int(np.count_nonzero(p)) - tp
    fn = int(np.count_nonzero(t)) - tp
    return Counts(tp=tp, fp=fp, fn=fn, tn=p.size - tp - fp - fn)


def dice(c: Counts) -> float:
    """2 TP / (2 TP + FP + FN); nan if neither mask has a vessel pixel."""
    return _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn)


def iou(c: Counts) -> float:
    """TP / (TP + FP + FN), the vessels' intersection over union; nan if neither mask has one."""
    return _ratio(c.tp, c.tp + c.fp + c.fn)


def miou(c: Counts) -> float:
    """Mean of the IoU of vessel and of background; nan if one of the two is nan."""
    return (iou(c) + _ratio(c.tn, c.tn + c.fp + c.fn)) / 2


def accuracy(c: Counts) -> float:
    """(TP + TN) / all pixels, also called pixel accuracy; nan for an empty field of view."""
    return _ratio(c.tp + c.tn, c.tp + c.fp + c.fn + c.tn)


def sensitivity(c: Counts) -> float:
    """TP / (TP + FN), also called recall; nan if the ground truth has no vessel pixel."""
    return _ratio(c.tp, c.tp + c.fn)


def specificity(c: Counts) -> float:
    """TN / (TN + FP); nan if the ground truth has no background pixel."""
    return _ratio(c.tn, c.tn + c.fp)


def mcc(c: Counts) -> float:
    """Matthews correlation coefficient, -1..1; nan if a mask has one class only (0 / 0)."""
    product = (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)
    return _ratio(c.tp * c.tn - c.fp * c.fn, math.sqrt(product))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def mean_of_defined(values: Sequence[float]) -> float:
    """The mean of the images' scores, ignoring nan; nan if all are."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan
