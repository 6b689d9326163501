"""Historic scoring, as by the authors of two published networks, labelled as such.

Both score the whole frame, including its black corners, resized to a square, at threshold 1/2. They
are not comparable with scores inside the field of view: the corners alone raise accuracy.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from venule.evaluation.intervals import Number
from venule.image.arrays import FloatMap, Mask
from venule.image.preprocess import scale_mask
from venule.metrics.counts import Counts, accuracy, count, miou, sensitivity, specificity

THRESHOLD = 0.5
SIDE_PX = 512
BATCH = 2


class MeanSd(BaseModel, frozen=True, extra="forbid"):
    """Mean and standard deviation (divisor n) over images; nan for an undefined image."""

    mean: Number
    sd: Number


class AghdamAmir(BaseModel, frozen=True, extra="forbid"):
    """Scoring of AghdamAmir's DDRNet_SemanticSegmentation.

    Its "AUC" is the area under the ROC curve of the thresholded map, which is balanced accuracy.
    The ground truth is resized bilinearly and thresholded again.
    """

    side_px: int
    accuracy: MeanSd
    sensitivity: MeanSd
    auc_of_thresholded_map: MeanSd


class Manshi3(BaseModel, frozen=True, extra="forbid"):
    """Scoring of Manshi3's retinal_vessel_sementic_segmentation (DebuggerCafe's DeepLabV3).

    The mean of vessel and background IoU is computed for every batch of two images, in order, and
    averaged over batches; the ground truth is resized by nearest neighbour.
    """

    side_px: int
    batch: int
    miou: Number
    pixel_accuracy: Number


class LegacyScores(BaseModel, frozen=True, extra="forbid"):
    """Both historic scorings: not inside the field of view, not at native size."""

    aghdamamir: AghdamAmir
    manshi3: Manshi3


class LegacyScorer:
    """Collects counts over frames resized to a square; `side_px` is that of Manshi3's scoring."""

    def __init__(self, *, side_px: int = SIDE_PX) -> None:
        self.side_px = side_px
        self._first: list[Counts] = []
        self._second: list[Counts] = []

    def add(self, probability: FloatMap, truth: Mask) -> None:
        """Add one image's (H, W) map and ground truth, at the photograph's own size."""
        first, second = (SIDE_PX, SIDE_PX), (self.side_px, self.side_px)
        self._first.append(_count(probability, scale_mask(truth, first)))
        self._second.append(_count(probability, _nearest(truth, second)))

    def result(self) -> LegacyScores:
        """The scores of the images added so far."""
        pairs = [
            sum(self._second[start : start + BATCH], Counts(0, 0, 0, 0))
            for start in range(0, len(self._second), BATCH)
        ]
        return LegacyScores(
            aghdamamir=AghdamAmir(
                side_px=SIDE_PX,
                accuracy=_mean_sd([accuracy(c) for c in self._first]),
                sensitivity=_mean_sd([sensitivity(c) for c in self._first]),
                auc_of_thresholded_map=_mean_sd(
                    [(sensitivity(c) + specificity(c)) / 2 for c in self._first]
                ),
            ),
            manshi3=Manshi3(
                side_px=self.side_px,
                batch=BATCH,
                miou=_mean_sd([miou(c) for c in pairs]).mean,
                pixel_accuracy=accuracy(sum(self._second, Counts(0, 0, 0, 0))),
            ),
        )


def _count(probability: FloatMap, truth: Mask) -> Counts:
    size = truth.shape[::-1]
    image = Image.fromarray(np.ascontiguousarray(probability, np.float32))
    resized = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    return count(resized >= THRESHOLD, truth, np.ones(truth.shape, bool))


def _nearest(mask: Mask, shape: tuple[int, int]) -> Mask:
    grey = Image.fromarray(mask.astype(np.uint8))
    resized: NDArray[np.uint8] = np.asarray(grey.resize(shape[::-1], Image.Resampling.NEAREST))
    return resized > 0


def _mean_sd(values: list[float]) -> MeanSd:
    if not values:
        return MeanSd(mean=math.nan, sd=math.nan)
    return MeanSd(mean=float(np.mean(values)), sd=float(np.std(values)))
