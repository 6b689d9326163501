"""Centreline Dice: agreement of the vessel trees, regardless of vessel widths."""

import math

import numpy as np

from venule.image.arrays import Mask
from venule.vessels.skeleton import centerline


def cldice(predicted: Mask, truth: Mask, fov: Mask, *, truth_line: Mask | None = None) -> float:
    """clDice of two (H, W) bool masks inside a third, 0..1 (Shit et al. 2021, arXiv:2003.07311).

    The harmonic mean of T_prec = |S_P and V_L| / |S_P| and T_sens = |S_L and V_P| / |S_L|, where V
    is a mask and S its centreline. Both masks are cropped to the field of view before thinning
    (scikit-image's `skeletonize`); `truth_line` is the ground truth's centreline, if already known.
    0 if one mask is empty, nan if both are.
    """
    vessels_p, vessels_l = predicted & fov, truth & fov
    line_p = centerline(vessels_p)
    line_l = centerline(vessels_l) if truth_line is None else truth_line
    total_p, total_l = int(np.count_nonzero(line_p)), int(np.count_nonzero(line_l))
    if not total_p and not total_l:
        return math.nan
    if not total_p or not total_l:
        return 0.0
    precision = int(np.count_nonzero(line_p & vessels_l)) / total_p
    sensitivity = int(np.count_nonzero(line_l & vessels_p)) / total_l
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0
