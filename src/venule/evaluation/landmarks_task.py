"""Distances of disc and fovea from an expert's positions, in disc diameters."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from venule.data.truth import DISC, GroundTruth, Landmarks
from venule.image.landmarks import Landmarks as Found
from venule.metrics.counts import count, dice

MISSED = 1.0
"""The distance counted for a missed landmark, in disc diameters."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "disc_error": "disc centre, disc diameters off",
        "fovea_error": "fovea centre, disc diameters off",
        "disc_dice": "Dice of the disc (drawn ones)",
        "disc_found": "disc found",
        "fovea_found": "fovea found",
    }
)
"""Table labels of the scores by their name in files."""


def score_landmarks(found: Found, truth: GroundTruth, codec: Landmarks) -> dict[str, float]:
    """The scores of one photograph by name; nan where the expert marked nothing.

    Where no disc is drawn, there is no diameter to express distances in.

    Distances are in disc diameters: of the drawn disc, or of the mean disc if only its centre is
    known. A missed landmark counts as one diameter.
    """
    drawn = truth.plane(DISC)
    radius = (
        math.sqrt(np.count_nonzero(drawn) / math.pi) if codec.outlined else codec.disc_radius_px
    )
    center = codec.disc
    if center is None and codec.outlined and drawn.any():
        rows, columns = np.nonzero(drawn)
        center = float(columns.mean()), float(rows.mean())
    disc, fovea = found.disc, found.fovea
    scores = {
        "disc_error": _error(None if disc is None else (disc.x, disc.y), center, 2 * radius),
        "fovea_error": _error(
            None if fovea is None else (fovea.x, fovea.y), codec.fovea, 2 * radius
        ),
        "disc_dice": math.nan,
        "disc_found": math.nan if center is None else float(disc is not None),
        "fovea_found": math.nan if codec.fovea is None else float(fovea is not None),
    }
    if codec.outlined and drawn.any():
        mask = np.zeros(drawn.shape, bool) if disc is None else disc.mask(truth.shape)
        scores["disc_dice"] = dice(count(mask, drawn, np.ones(drawn.shape, bool)))
    return scores


def _error(
    found: tuple[float, float] | None, true: tuple[float, float] | None, diameter: float
) -> float:
    if true is None or diameter == 0:
        return math.nan
    return MISSED if found is None else math.dist(found, true) / diameter
