"""Masks that somebody corrected: beside the prediction, never over it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from venule.analysis.analyse import Analysis
from venule.analysis.kept import keep
from venule.image.arrays import Mask, check_mask
from venule.image.encode import encode_mask
from venule.image.levels import LARGEST, threshold_level
from venule.inference.prediction import ProbabilityMap

SUFFIX = "_mask.corrected.png"
HISTORY_SUFFIX = "_mask.corrected.jsonl"
"""The ends of the names of a corrected mask, and of who did what when: one JSON line a change."""

KEY = "venule-correction"
"""Keyword of the PNG text chunk that says what was corrected."""


@dataclass(frozen=True)
class Corrected:
    """Metadata of a corrected mask's file.

    Attributes:
        prediction_sha256: of the file with the prediction that was corrected.
        revision: how many changes it has seen.
    """

    prediction_sha256: str
    revision: int


def correct(analysis: Analysis, mask: Mask) -> Analysis:
    """The analysis with another vessel mask, (H, W) bool, in place of the predicted one.

    What was added has probability 1 and what was removed 0, in arteries and veins as well; the
    field of view bounds both.

    Raises:
        ImageError: a mask of another size or dtype.
    """
    prediction = analysis.prediction
    check_mask(mask, prediction.fov.mask.shape, name="corrected mask")
    mask = mask & prediction.fov.mask
    before = prediction.vessel_map
    least = threshold_level(before.threshold)
    levels = before.levels.copy()
    levels[mask & (levels < least)] = LARGEST
    levels[~mask & (levels >= least)] = 0
    maps = {**prediction.maps, "vessel": _with(before, levels, mask)}
    for name in ("artery", "vein"):
        if name in maps:
            maps[name] = _with(maps[name], np.where(mask, maps[name].levels, 0), mask)
    changed = replace(prediction, maps=maps)
    return replace(analysis, prediction=changed, mask_source="corrected")


def _with(before: ProbabilityMap, levels: Any, mask: Mask) -> ProbabilityMap:
    at = before.reconnected_at
    stored = np.ascontiguousarray(levels, np.uint16)
    return ProbabilityMap(stored, before.threshold, at[mask.ravel()[at]])


def encode_corrected(analysis: Analysis, about: Corrected) -> bytes:
    """Encode the mask as PNG, with what it keeps and what it corrects."""
    told = {"prediction_sha256": about.prediction_sha256, "revision": about.revision}
    return encode_mask(analysis.prediction.vessels, keep(analysis) | {KEY: json.dumps(told)})


def corrected_of(texts: Mapping[str, Any]) -> Corrected | None:
    """Read the metadata of a correction from a PNG's text chunks; None if it is none."""
    try:
        told = json.loads(texts[KEY])
        return Corrected(str(told["prediction_sha256"]), int(told["revision"]))
    except (KeyError, TypeError, ValueError):
        return None
