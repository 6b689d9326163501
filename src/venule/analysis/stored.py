"""Reconstruction of an analysis from its output files."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from venule.analysis.analyse import Analysis
from venule.analysis.columns import Cell
from venule.analysis.kept import Kept
from venule.analysis.marks import shipped_models
from venule.errors import ImageError
from venule.files.cells import number_in, reasons_in
from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN, Types
from venule.image.fov import find_fov, outlined
from venule.image.landmarks import Fovea, Landmarks
from venule.image.levels import LARGEST, Levels
from venule.image.optic_disc import Disc
from venule.image.photograph import Laterality, Photograph
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.quality.assess import GRADES, Quality


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """The files and the table row of one photograph in a folder of results.

    Attributes:
        levels: (H, W) uint16, the probability map; None if not written.
        mask: (H, W) bool, the vessel mask; None if not written.
        kept: the metadata in the mask's file.
        threshold: probability from which a pixel is vessel.
        types: (H, W) uint8, the artery/vein map; None if not written.
        cells: the photograph's row of the table.
        model: the name of the network that segmented the vessels.
        networks: the names of the shipped networks used besides.
    """

    levels: Levels | None
    mask: Mask | None
    threshold: float
    kept: Kept | None = None
    types: Types | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)
    model: str = ""
    networks: Collection[str] = ()


def stored_analysis(photograph: Photograph, stored: Stored) -> Analysis:
    """Reconstruct an analysis from a photograph and its stored results.

    Raises:
        ImageError: neither mask nor probability map was stored, or sizes differ.
    """
    shape = photograph.shape
    levels, threshold = stored.levels, stored.threshold
    if levels is None:
        if stored.mask is None:
            raise ImageError("neither a mask nor a probability map was saved for it")
        # Levels are 0 and 1, so any threshold will do.
        levels, threshold = stored.mask.astype(np.uint16) * np.uint16(LARGEST), 0.5
    if levels.shape != shape:
        raise ImageError(
            f"its results are {levels.shape[1]} x {levels.shape[0]} px, the photograph has "
            f"{shape[1]} x {shape[0]}: it has changed"
        )
    kept = stored.kept
    fov = find_fov(photograph.pixels) if kept is None else outlined(kept.fov)
    empty = np.empty(0, np.intp)
    reconnected = empty if kept is None else np.flatnonzero(kept.reconnected)
    maps = {"vessel": ProbabilityMap(levels, threshold, reconnected)}
    if stored.types is not None and stored.types.shape == shape:
        for name, bit in (("artery", ARTERY), ("vein", VEIN)):
            inside = (stored.types & bit) > 0
            closed = reconnected[inside.ravel()[reconnected]]
            maps[name] = ProbabilityMap(inside.astype(np.uint16) * np.uint16(LARGEST), 0.5, closed)
    return Analysis(
        photograph=photograph,
        prediction=Prediction(fov, maps),
        model=stored.model,
        other_models=shipped_models(stored.networks),
        quality=_quality(stored.cells),
        landmarks=_landmarks(stored.cells),
    )


def _quality(cells: Mapping[str, Cell]) -> Quality | None:
    grade = cells.get("quality")
    if grade not in GRADES:
        return None
    reasons = reasons_in(cells.get("quality_reasons"))
    uncertainty = number_in(cells.get("uncertainty"))
    return Quality(
        grade=grade,
        reasons=reasons,
        uncertainty=1.0 if uncertainty is None else uncertainty,
        features=None,
    )


def _landmarks(cells: Mapping[str, Cell]) -> Landmarks | None:
    """The landmarks of a row."""
    ellipse = ("x_px", "y_px", "major_px", "minor_px", "angle_deg", "confidence")
    disc = _numbers(cells, *(f"disc_{name}" for name in ellipse))
    fovea = _numbers(cells, "fovea_x_px", "fovea_y_px", "fovea_confidence")
    if disc is None and fovea is None:
        return None
    seen: Disc | None = None
    if disc is not None:
        x, y, major, minor, degrees, confidence = disc
        seen = Disc(x, y, major, minor, math.radians(degrees), confidence)
    laterality = cells.get("laterality")
    return Landmarks(
        seen,
        None if fovea is None else Fovea(*fovea),
        cast(Laterality, laterality) if laterality in ("left", "right") else None,
        number_in(cells.get("laterality_confidence")) or 0.0,
        reasons_in(cells.get("landmarks_reasons")),
    )


def _numbers(cells: Mapping[str, Cell], *names: str) -> list[float] | None:
    """The numbers in these cells; None unless all are there."""
    found = [value for name in names if (value := number_in(cells.get(name))) is not None]
    return found if len(found) == len(names) else None
