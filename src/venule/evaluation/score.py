"""Every score of one image, and of all pixels together, inside the field of view."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from venule.evaluation.result import CalibrationBin, WidthRecall
from venule.evaluation.widths import WidthScorer
from venule.image.arrays import FloatMap, Mask
from venule.metrics.calibration import BINS, Reliability, ece
from venule.metrics.cldice import cldice
from venule.metrics.counts import (
    Counts,
    accuracy,
    count,
    dice,
    iou,
    mcc,
    miou,
    sensitivity,
    specificity,
)
from venule.metrics.curves import Histogram, average_precision, roc_auc
from venule.metrics.topology import components, largest_component_share
from venule.metrics.width import THIN_PX, recall_up_to
from venule.vessels.skeleton import centerline
from venule.vessels.width import vessel_widths

_OF_HISTOGRAM: Mapping[str, Callable[[Histogram], float]] = MappingProxyType(
    {"roc_auc": roc_auc, "average_precision": average_precision}
)
_OF_COUNTS: Mapping[str, Callable[[Counts], float]] = MappingProxyType(
    {
        "dice": dice,
        "iou": iou,
        "miou": miou,
        "accuracy": accuracy,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "mcc": mcc,
    }
)

PROBABILITY_SCORES = (*_OF_HISTOGRAM, "ece")
"""Scores that need probabilities; a mask or a human observer has none of them."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "roc_auc": "ROC AUC",
        "average_precision": "average precision",
        "dice": "Dice",
        "iou": "IoU",
        "miou": "mIoU (vessel, background)",
        "accuracy": "accuracy",
        "sensitivity": "sensitivity",
        "specificity": "specificity",
        "mcc": "MCC",
        "cldice": "clDice",
        "thin_recall": "thin-vessel recall",
        "components": "components of 20 px or more",
        "largest_component_share": "centre line in largest component",
        "ece": "ECE (pooled, 15 bins)",
    }
)
"""Every score by the name it has in files, in the order of the table, with its label there."""


class Scorer:
    """Scores images one by one and keeps what the pooled scores need, in constant memory.

    `binary` predictors are masks: ROC AUC, average precision and calibration are left out, for an
    area under one point is balanced accuracy by another name.
    """

    def __init__(self, *, binary: bool) -> None:
        self.binary = binary
        self._counts = Counts(0, 0, 0, 0)
        self._histogram = Histogram()
        self._reliability = Reliability()
        self._widths = WidthScorer()

    def add(
        self, probability: FloatMap, truth: Mask, fov: Mask, *, threshold: float
    ) -> dict[str, float]:
        """The scores of one (H, W) image by name; a pixel is vessel if it reaches `threshold`."""
        predicted = probability >= threshold
        line = centerline(truth & fov)  # once an image
        widths_px = vessel_widths(truth & fov, line=line)
        self._widths.add(predicted, widths_px, fov)
        counts = count(predicted, truth, fov)
        self._counts += counts
        scores: dict[str, float] = {}
        if not self.binary:
            histogram = Histogram().accumulate(probability, truth, fov)
            self._histogram = self._histogram + histogram
            self._reliability.accumulate(probability, truth, fov)
            scores |= {name: score(histogram) for name, score in _OF_HISTOGRAM.items()}
        scores |= {name: score(counts) for name, score in _OF_COUNTS.items()}
        return scores | {
            "cldice": cldice(predicted, truth, fov, truth_line=line),
            "thin_recall": recall_up_to(predicted, widths_px, THIN_PX),
            "components": float(components(predicted, fov)),
            "largest_component_share": largest_component_share(
                predicted, truth, fov, truth_line=line
            ),
        }

    def pooled(self) -> dict[str, float]:
        """The scores of the pixels of all images together; those of a tree's shape have none."""
        scores = {name: score(self._counts) for name, score in _OF_COUNTS.items()}
        if self.binary:
            return scores
        areas = {name: score(self._histogram) for name, score in _OF_HISTOGRAM.items()}
        return areas | scores | {"ece": ece(self._reliability)}

    def recall_by_width(self) -> tuple[WidthRecall, ...]:
        """Recall by class of vessel width, at both scales."""
        return self._widths.result()

    def calibration(self) -> tuple[CalibrationBin, ...]:
        """The bins of the reliability diagram; none for masks."""
        if self.binary:
            return ()
        r = self._reliability
        rows = zip(r.pixels.tolist(), r.vessels.tolist(), r.probability.tolist(), strict=True)
        return tuple(
            CalibrationBin(
                low=index / BINS,
                high=(index + 1) / BINS,
                pixels=pixels,
                mean_probability=probability / pixels if pixels else math.nan,
                vessel_share=vessels / pixels if pixels else math.nan,
            )
            for index, (pixels, vessels, probability) in enumerate(rows)
        )
