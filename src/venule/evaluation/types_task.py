"""Scores of artery/vein classification among the predicted vessels."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from venule.data.truth import ARTERY, VEIN, GroundTruth
from venule.image.arrays import Mask
from venule.metrics.counts import count, dice
from venule.vessels.skeleton import centerline
from venule.vessels.width import vessel_widths

LEAST_PX = 2.0
"""Vessels up to this width are left out: over a pixel or two, colour does not reveal the type."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "balanced_accuracy": "type right, balanced, vessels over 2 px",
        "artery_right": "arteries right",
        "vein_right": "veins right",
        "typed_share": "of those in the mask, with one type",
        "found_share": "of the truth, in the mask",
        "line_balanced_accuracy": "type right, balanced, centreline",
        "dice_artery": "Dice of arteries",
        "dice_vein": "Dice of veins",
    }
)
"""Table labels of the scores by their name in files."""


def score_types(
    artery: Mask, vein: Mask, mask: Mask, truth: GroundTruth, fov: Mask
) -> dict[str, float]:
    """The scores of one photograph by name; nan where undefined.

    Pixels count if they have exactly one type in the ground truth, lie in the vessel mask and were
    given exactly one type: the correct shares of arteries and of veins, and the mean of both.

    Args:
        artery, vein: (H, W) bool, predicted; crossings may be in both.
        mask: (H, W) bool, the predicted vessels.
        truth: annotated arteries and veins.
        fov: (H, W) bool, the field of view.
    """
    counts = fov & truth.counts(ARTERY) & truth.counts(VEIN)
    true_artery, true_vein = truth.plane(ARTERY) & counts, truth.plane(VEIN) & counts
    vessels = (truth.plane(ARTERY) | truth.plane(VEIN)) & fov
    line = centerline(vessels)
    one_type = true_artery ^ true_vein
    wide = one_type & (vessel_widths(vessels, line=line) > LEAST_PX)
    scores = _right(artery, vein, mask, true_artery, wide)
    on_line = _right(artery, vein, mask, true_artery, one_type & line)
    return scores | {
        "line_balanced_accuracy": on_line["balanced_accuracy"],
        "dice_artery": dice(count(artery, true_artery, counts)),
        "dice_vein": dice(count(vein, true_vein, counts)),
    }


def _right(artery: Mask, vein: Mask, mask: Mask, true_artery: Mask, of: Mask) -> dict[str, float]:
    """The share of correctly typed pixels among those `of` one true type."""
    found = of & mask
    typed = found & (artery ^ vein)
    arteries, veins = typed & true_artery, typed & ~true_artery
    right = (_share(arteries & artery, arteries), _share(veins & vein, veins))
    return {
        "balanced_accuracy": (right[0] + right[1]) / 2,
        "artery_right": right[0],
        "vein_right": right[1],
        "typed_share": _share(typed, found),
        "found_share": _share(found, of),
    }


def _share(part: Mask, whole: Mask) -> float:
    pixels = np.count_nonzero(whole)
    return np.count_nonzero(part) / pixels if pixels else math.nan
