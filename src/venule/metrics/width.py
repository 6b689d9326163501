"""Recall by vessel width: thin vessels are the most numerous and the hardest to segment.

The width of a vessel pixel is that at the nearest centreline pixel: twice the distance from there
to the vessel's edge, by the Euclidean distance transform of the mask. By this definition a vessel 1
or 2 pixels wide has width 2, one of 3 or 4 pixels width 4. Edge pixels of a wide vessel that are
nearer to the centreline of a thin neighbour take that one's width. Thin-vessel recall is the recall
of widths up to `THIN_PX`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from venule.image.arrays import Mask
from venule.vessels.width import Widths

EDGES_PX = (2.0, 3.0, 4.5, 7.0)
"""Inclusive upper bounds of the width classes; the last class has none."""

THIN_PX = 3.0
"""Largest width of a thin vessel: at most 1.5 px from centreline to edge."""

REFERENCE_FOV_PX = 540.0
"""Diameter of the field of view to which EDGES_PX refer for relative widths."""


@dataclass(frozen=True)
class WidthCounts:
    """Ground-truth pixels in each width class, and how many of them were found.

    Adding two pools their images.
    """

    found: tuple[int, ...]
    total: tuple[int, ...]

    def __add__(self, other: "WidthCounts") -> "WidthCounts":
        return WidthCounts(
            found=tuple(a + b for a, b in zip(self.found, other.found, strict=True)),
            total=tuple(a + b for a, b in zip(self.total, other.total, strict=True)),
        )

    @property
    def recall(self) -> tuple[float, ...]:
        """Share found in each class, 0..1; nan for an empty class."""
        pairs = zip(self.found, self.total, strict=True)
        return tuple(found / total if total else math.nan for found, total in pairs)


def recall_up_to(predicted: Mask, widths_px: Widths, most_px: float) -> float:
    """Share found of the pixels in vessels up to `most_px` wide; nan if there are none."""
    counts = count_by_width(predicted, widths_px, (most_px,))
    return counts.recall[0]


def count_by_width(
    predicted: Mask, widths_px: Widths, edges_px: Sequence[float] = EDGES_PX
) -> WidthCounts:
    """Count the pixels of `vessel_widths`, and those predicted, by class (one more than edges)."""
    is_vessel = widths_px > 0
    classes = np.searchsorted(edges_px, widths_px[is_vessel], side="left")
    number = len(edges_px) + 1
    total = np.bincount(classes, minlength=number)
    found = np.bincount(classes[predicted[is_vessel]], minlength=number)
    return WidthCounts(found=tuple(found.tolist()), total=tuple(total.tolist()))
