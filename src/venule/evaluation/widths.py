"""Recall by vessel width over the images of a split, in native pixels and at a common scale."""

from typing import Literal

from venule.evaluation.intervals import bootstrap
from venule.evaluation.result import WidthRecall
from venule.image.arrays import Mask
from venule.image.fov import fit_outline
from venule.metrics.width import (
    EDGES_PX,
    REFERENCE_FOV_PX,
    WidthCounts,
    count_by_width,
)
from venule.vessels.width import Widths

Scale = Literal["native", "fov"]

_SAME_SCALE = 0.02


class WidthScorer:
    """Collects each image's counts by width class."""

    def __init__(self) -> None:
        self._counts: dict[Scale, list[WidthCounts]] = {"native": [], "fov": []}

    def add(self, predicted: Mask, widths_px: Widths, fov: Mask) -> None:
        """Add one image: its prediction, the ground truth's `vessel_widths`, its field of view."""
        self._counts["native"].append(count_by_width(predicted, widths_px))
        edges = [edge * fov_scale(fov) for edge in EDGES_PX]
        self._counts["fov"].append(count_by_width(predicted, widths_px, edges))

    def result(self) -> tuple[WidthRecall, ...]:
        """The width classes of each scale, from thin to wide; empty without an image."""
        return tuple(
            row for scale, counts in self._counts.items() if counts for row in _rows(scale, counts)
        )


def fov_scale(fov: Mask) -> float:
    """Native pixels per pixel of a field of view 540 px wide.

    It is 1 within 2 % of 540 px: widths take few discrete values, and a photograph of about that
    size should have the same classes at both scales.
    """
    scale = fit_outline(fov).diameter_px / REFERENCE_FOV_PX
    return 1.0 if abs(scale - 1) < _SAME_SCALE else scale


def _rows(scale: Scale, counts: list[WidthCounts]) -> list[WidthRecall]:
    pooled = sum(counts[1:], counts[0])
    bounds = [0.0, *EDGES_PX, None]
    return [
        WidthRecall(
            scale=scale,
            above_px=bounds[index] or 0.0,
            up_to_px=bounds[index + 1],
            pixels=pooled.total[index],
            pooled=pooled.recall[index],
            mean=bootstrap([count.recall[index] for count in counts]),
        )
        for index in range(len(EDGES_PX) + 1)
    ]
