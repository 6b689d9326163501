"""All scores of one image, and of all pixels pooled, inside the field of view."""

import math
from dataclasses import dataclass, field

from venule.evaluation.result import CalibrationBin, WidthRecall
from venule.evaluation.widths import WidthScorer
from venule.metrics.calibration import BINS, Reliability
from venule.metrics.counts import Counts
from venule.metrics.curves import Histogram
from venule.metrics.metric import METRICS, Metric, Scored


@dataclass
class Pooled:
    """The pixels of all images together."""

    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0))
    histogram: Histogram = field(default_factory=Histogram)
    reliability: Reliability = field(default_factory=Reliability)


class Scorer:
    """Scores images one by one and accumulates the pooled scores, in constant memory.

    `binary` predictors are masks: ROC AUC, average precision and calibration are left out, because
    the area under a curve of one point is just balanced accuracy.
    """

    def __init__(self, *, binary: bool) -> None:
        self.binary = binary
        self._pooled = Pooled()
        self._widths = WidthScorer()

    def score(self, image: Scored) -> dict[str, float]:
        """The scores of one (H, W) image by name."""
        self._widths.add(image.predicted, image.widths_px, image.fov)
        self._pooled.counts += image.counts
        if not self.binary:
            self._pooled.histogram += image.histogram
            self._pooled.reliability += image.reliability
        return {m.name: m.image_score(image) for m in self._metrics() if not m.only_pooled}

    def pooled(self) -> dict[str, float]:
        """The scores of all images' pixels pooled; topological scores have none."""
        pairs = [(m.name, m.of_pixels) for m in self._metrics()]
        return {name: score(self._pooled) for name, score in pairs if score is not None}

    def _metrics(self) -> list[Metric]:
        return [m for m in METRICS if not (self.binary and m.needs_probability)]

    def recall_by_width(self) -> tuple[WidthRecall, ...]:
        """Recall by class of vessel width, at both scales."""
        return self._widths.result()

    def calibration(self) -> tuple[CalibrationBin, ...]:
        """The bins of the reliability diagram; none for masks."""
        if self.binary:
            return ()
        r = self._pooled.reliability
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
