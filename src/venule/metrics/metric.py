"""The one list of metrics, for tables, training logs and checkpoint selection."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.metrics.calibration import Reliability, ece
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
from venule.vessels.width import Widths, vessel_widths


class Pixels(Protocol):
    """Counts for pixel metrics, of one image or pooled over many."""

    @property
    def counts(self) -> Counts:
        """Pixels by outcome."""
        ...

    @property
    def histogram(self) -> Histogram:
        """Pixels by probability."""
        ...

    @property
    def reliability(self) -> Reliability:
        """Pixels by bin of probability."""
        ...


class Scored:
    """One class of one image inside the field of view; each derived quantity is computed once.

    Args:
        probability: (H, W) floats in 0..1.
        truth: (H, W) bool, the ground truth.
        fov: (H, W) bool, the pixels that are scored.
        threshold: probability from which a pixel belongs to the class.
    """

    def __init__(
        self, probability: NDArray[np.floating], truth: Mask, fov: Mask, *, threshold: float
    ) -> None:
        self.probability, self.truth, self.fov = probability, truth, fov
        self.predicted: Mask = probability >= threshold

    @cached_property
    def counts(self) -> Counts:
        """Pixels by outcome."""
        return count(self.predicted, self.truth, self.fov)

    @cached_property
    def histogram(self) -> Histogram:
        """Pixels by probability."""
        return Histogram().accumulate(self.probability, self.truth, self.fov)

    @cached_property
    def reliability(self) -> Reliability:
        """Pixels by bin of probability."""
        return Reliability().accumulate(self.probability, self.truth, self.fov)

    @cached_property
    def truth_line(self) -> Mask:
        """(H, W) bool, the centreline of the ground truth."""
        return centerline(self.truth & self.fov)

    @cached_property
    def widths_px(self) -> Widths:
        """(H, W) float64, the width of the ground truth's vessels."""
        return vessel_widths(self.truth & self.fov, line=self.truth_line)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score by its name in files, with its label in tables.

    Attributes:
        of_pixels: the score from pixel counts, of one image or pooled; None if it needs an image.
        of_image: the score of an image, if not computed from its pixel counts.
        needs_probability: not defined for masks and human observers.
        only_pooled: not reported per image.
        validation: its name in training logs; empty if not computed in validation.
        selects: keep the checkpoint with its largest value, under its name in training logs.
    """

    name: str
    label: str
    of_pixels: Callable[[Pixels], float] | None = None
    of_image: Callable[[Scored], float] | None = None
    needs_probability: bool = False
    only_pooled: bool = False
    validation: str = ""
    selects: bool = False

    def image_score(self, image: Scored) -> float:
        """The score of one image; nan where it is undefined."""
        if self.of_image is not None:
            return self.of_image(image)
        assert self.of_pixels is not None, self.name
        return self.of_pixels(image)


def _cldice(one: Scored) -> float:
    return cldice(one.predicted, one.truth, one.fov, truth_line=one.truth_line)


def _thin_recall(one: Scored) -> float:
    return recall_up_to(one.predicted, one.widths_px, THIN_PX)


def _components(one: Scored) -> float:
    return float(components(one.predicted, one.fov))


def _largest_component(one: Scored) -> float:
    return largest_component_share(one.predicted, one.truth, one.fov, truth_line=one.truth_line)


METRICS: tuple[Metric, ...] = (
    Metric(
        name="roc_auc",
        label="ROC AUC",
        of_pixels=lambda p: roc_auc(p.histogram),
        needs_probability=True,
        validation="auc",
        selects=True,
    ),
    Metric(
        name="average_precision",
        label="average precision",
        of_pixels=lambda p: average_precision(p.histogram),
        needs_probability=True,
    ),
    Metric(
        name="dice",
        label="Dice",
        of_pixels=lambda p: dice(p.counts),
        validation="dice",
        selects=True,
    ),
    Metric(
        name="iou",
        label="IoU",
        of_pixels=lambda p: iou(p.counts),
        validation="iou",
        selects=True,
    ),
    Metric(
        name="miou",
        label="mIoU (vessel, background)",
        of_pixels=lambda p: miou(p.counts),
        validation="miou",
    ),
    Metric(
        name="accuracy",
        label="accuracy",
        of_pixels=lambda p: accuracy(p.counts),
        validation="accuracy",
    ),
    Metric(name="sensitivity", label="sensitivity", of_pixels=lambda p: sensitivity(p.counts)),
    Metric(name="specificity", label="specificity", of_pixels=lambda p: specificity(p.counts)),
    Metric(name="mcc", label="MCC", of_pixels=lambda p: mcc(p.counts)),
    Metric(name="cldice", label="clDice", of_image=_cldice),
    Metric(name="thin_recall", label="thin-vessel recall", of_image=_thin_recall),
    Metric(name="components", label="components of 20 px or more", of_image=_components),
    Metric(
        name="largest_component_share",
        label="centre line in largest component",
        of_image=_largest_component,
    ),
    Metric(
        name="ece",
        label="ECE (pooled, 15 bins)",
        of_pixels=lambda p: ece(p.reliability),
        needs_probability=True,
        only_pooled=True,
    ),
)
"""All metrics, in the order of the tables."""


def labels() -> dict[str, str]:
    """Table labels of all metrics by their name in files, in the order of the tables."""
    return {metric.name: metric.label for metric in METRICS}


def validation_metrics() -> tuple[Metric, ...]:
    """Metrics logged for validation images during training, in column order."""
    return tuple(metric for metric in reversed(METRICS) if metric.validation)


def selecting_metrics() -> tuple[str, ...]:
    """Names, in training logs, of the metrics that select checkpoints."""
    return tuple(metric.validation for metric in validation_metrics() if metric.selects)
