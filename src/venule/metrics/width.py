"""Recall by the width of the vessel: the thin ones are the hard ones, and the many.

A vessel pixel has the width at the nearest centre-line pixel: twice the distance from there to the
vessel's edge, in the Euclidean distance transform of the mask. A vessel 1 or 2 pixels wide has
width 2 by this definition, one of 3 or 4 pixels width 4. Where a wide vessel's edge is nearer to
the centre line of a thin neighbour, it takes that one's width. Thin-vessel recall is the recall of
widths up to `THIN_PX`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from venule.image.arrays import Mask
from venule.vessels.width import Widths

EDGES_PX = (2.0, 3.0, 4.5, 7.0)
"""Upper bounds of the classes of width, each included; the last class has none."""

THIN_PX = 3.0
"""Vessels at most this wide are thin: from centre line to edge it is at most 1.5 px."""

REFERENCE_FOV_PX = 540.0
"""Diameter of the field of view for which EDGES_PX are meant where widths are relative to it."""


@dataclass(frozen=True)
class WidthCounts:
    """The truth's pixels in each class of width, and how many of them were found.

    The sum of two counts is that of both images.
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
        """Share found in each class, 0..1; nan in a class without a pixel."""
        pairs = zip(self.found, self.total, strict=True)
        return tuple(found / total if total else math.nan for found, total in pairs)


def recall_up_to(predicted: Mask, widths_px: Widths, most_px: float) -> float:
    """Share found of the pixels of vessels at most `most_px` wide; nan if there are none."""
    counts = count_by_width(predicted, widths_px, (most_px,))
    return counts.recall[0]


def count_by_width(
    predicted: Mask, widths_px: Widths, edges_px: Sequence[float] = EDGES_PX
) -> WidthCounts:
    """The pixels of `vessel_widths` by class, one class more than edges, and those predicted."""
    is_vessel = widths_px > 0
    classes = np.searchsorted(edges_px, widths_px[is_vessel], side="left")
    number = len(edges_px) + 1
    total = np.bincount(classes, minlength=number)
    found = np.bincount(classes[predicted[is_vessel]], minlength=number)
    return WidthCounts(found=tuple(found.tolist()), total=tuple(total.tolist()))
