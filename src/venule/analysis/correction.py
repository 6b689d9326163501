"""Corrections of an analysis: mask, probabilities, arteries and veins, disc."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from venule.analysis.analyse import Analysis, Changed
from venule.errors import ImageError
from venule.image.arrays import Mask, bounding_box, check_mask
from venule.image.artery_vein import ARTERY, VEIN, Types, type_bits
from venule.image.fov import with_rim
from venule.image.landmarks import with_disc
from venule.image.levels import LARGEST, Levels, threshold_level
from venule.image.optic_disc import Disc
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.vessels.extend import extend_types

Places = NDArray[np.intp]
"""(N,) indices into a flat map."""

OUTSIDE = "a correction outside of the photograph"

Kind = TypeVar("Kind", np.bool_, np.uint8, np.uint16)

_TYPES = (("artery", ARTERY), ("vein", VEIN))


@dataclass(frozen=True, eq=False)
class Correction:
    """All corrections of one photograph; None for parts that were not corrected.

    Attributes:
        mask: (H, W) bool, the vessel mask.
        levels: (H, W) uint16, probabilities raised or lowered with a brush.
        types: (H, W) uint8, arteries and veins among the mask's pixels.
        disc: the optic disc; with `has_disc`, None means that there is none.
    """

    mask: Mask | None = None
    levels: Levels | None = None
    types: Types | None = None
    disc: Disc | None = None
    has_disc: bool = False


def correct(analysis: Analysis, mask: Mask) -> Analysis:
    """Replace the predicted vessel mask by another one, (H, W) bool.

    Added pixels get probability 1 and removed pixels 0; elsewhere the probability is unchanged.
    Arteries and veins keep their types, and added pixels take the type of adjacent ones. All is
    limited to the field of view.

    Raises:
        ImageError: the mask has another size or dtype.
    """
    check_mask(mask, analysis.prediction.fov.mask.shape, name="corrected mask")
    return _with_mask(analysis, _before(analysis.prediction.vessel_map), mask, {"vessels"})


def correct_probability(analysis: Analysis, places: Places, levels: Levels) -> Analysis:
    """Set levels (N,) at places (N,), and the mask accordingly.

    Raises:
        ImageError: a place outside the photograph.
    """
    found = analysis.prediction.vessel_map
    base, least = _before(found), threshold_level(found.threshold)
    changed = with_pixels(base.levels, places, levels)
    changed[~with_rim(analysis.prediction.fov.mask)] = 0
    mask = found.mask
    mask.ravel()[places] = changed.ravel()[places] >= least
    base = ProbabilityMap(changed, base.threshold, base.reconnected_at)
    return _with_mask(analysis, base, mask, {"vessels", "probability"})


def correct_types(analysis: Analysis, places: Places, types: NDArray[np.uint8]) -> Analysis:
    """Set arteries and veins (N,), as bits, at places (N,) of the mask.

    Raises:
        ImageError: a place outside the photograph.
    """
    if places.size and not (places.min() >= 0 and places.max() < analysis.prediction.fov.mask.size):
        raise ImageError(OUTSIDE)
    return _with_types(analysis, places, types, {"types"})


def correct_disc(analysis: Analysis, disc: Disc | None) -> Analysis:
    """Replace the optic disc by a drawn one, or remove it."""
    marks = with_disc(analysis.landmarks, disc, stated=analysis.photograph.laterality)
    return replace(analysis, landmarks=marks, corrected=analysis.corrected | {"disc"})


def apply(analysis: Analysis, correction: Correction) -> Analysis:
    """Apply all parts of a correction to a predicted analysis.

    Raises:
        ImageError: a map has another size.
    """
    found = analysis.prediction.vessel_map
    if correction.levels is not None:
        _check_shape(correction.levels, analysis)
        base = ProbabilityMap(correction.levels, found.threshold, found.reconnected_at)
        mask = base.mask if correction.mask is None else correction.mask
        analysis = _with_mask(analysis, base, mask, {"vessels", "probability"})
    elif correction.mask is not None:
        analysis = correct(analysis, correction.mask)
    if correction.types is not None:
        _check_shape(correction.types, analysis)
        known = analysis.prediction.types
        differs = analysis.prediction.vessels
        if known is not None:
            differs = differs & (correction.types != known)
        places = np.flatnonzero(differs)
        analysis = _with_types(analysis, places, correction.types.ravel()[places], {"types"})
    return correct_disc(analysis, correction.disc) if correction.has_disc else analysis


def _before(found: ProbabilityMap) -> ProbabilityMap:
    """The map before correction."""
    return found.before or found


def with_pixels(values: NDArray[Kind], places: Places, to: NDArray[Kind]) -> NDArray[Kind]:
    """Copy a map with new values (N,) at places (N,).

    Raises:
        ImageError: a place outside the map.
    """
    if places.size and not (places.min() >= 0 and places.max() < values.size):
        raise ImageError(OUTSIDE)
    changed = values.copy()
    changed.ravel()[places] = to
    return changed


def _check_shape(values: NDArray[Any], analysis: Analysis) -> None:
    if values.shape != analysis.photograph.shape:
        raise ImageError("the correction and the photograph differ in size")


def _with_mask(
    analysis: Analysis, base: ProbabilityMap, mask: Mask, changed: set[Changed]
) -> Analysis:
    """Set the mask; `base` holds the probabilities before correction."""
    prediction = analysis.prediction
    mask = mask & with_rim(prediction.fov.mask)
    least = threshold_level(base.threshold)
    levels = base.levels.copy()
    levels[mask & (levels < least)] = LARGEST
    levels[~mask & (levels >= least)] = 0
    at = base.reconnected_at
    vessel = ProbabilityMap(levels, base.threshold, at[mask.ravel()[at]], before=base)
    maps = {**prediction.maps, "vessel": vessel}
    after = replace(analysis, prediction=replace(prediction, maps=maps))
    after = replace(after, corrected=analysis.corrected | changed)
    if not prediction.has_types:
        return after
    places, types = _extended(prediction, mask)
    return _with_types(after, places, types, set())


def _extended(prediction: Prediction, mask: Mask) -> tuple[Places, Types]:
    """Places (N,) newly in the mask, and their types (N,), taken from what they touch."""
    new = mask & ~prediction.vessels
    window = bounding_box(new, 1)
    if window is None:
        return np.empty(0, np.intp), np.empty(0, np.uint8)
    known = type_bits(
        *(
            _before(prediction.maps[name]).levels[window] >= _least(prediction, name)
            for name, _ in _TYPES
        )
    )
    part = new[window] & (known == 0)
    extended = extend_types(np.where(mask[window], known, 0), part)
    down, right = np.nonzero(part)
    top, left = (side.start for side in window)
    return (down + top) * mask.shape[1] + right + left, extended[down, right]


def _least(prediction: Prediction, name: str) -> int:
    return threshold_level(prediction.maps[name].threshold)


def _with_types(
    analysis: Analysis, places: Places, types: NDArray[np.uint8], changed: set[Changed]
) -> Analysis:
    """Set types (N,) at places (N,), and remove them outside the mask."""
    prediction = analysis.prediction
    vessel = prediction.vessel_map
    mask, gaps = vessel.mask, vessel.reconnected_at
    maps = {**prediction.maps, "vessel": vessel}
    for name, bit in _TYPES:
        known = prediction.maps.get(name)
        before = None if known is None else _before(known)
        before = _typed(before, mask.shape, places, (types & bit) > 0)
        levels = before.levels * mask
        marked = gaps[levels.ravel()[gaps] >= threshold_level(before.threshold)]
        maps[name] = ProbabilityMap(levels, before.threshold, marked, before=before)
    after = replace(analysis, prediction=replace(prediction, maps=maps))
    return replace(after, corrected=analysis.corrected | changed)


def _typed(
    known: ProbabilityMap | None, shape: tuple[int, ...], places: Places, inside: Mask
) -> ProbabilityMap:
    """A map of one type, set to 1 or 0 at places (N,) where it disagrees with `inside`."""
    if known is not None and not places.size:
        return known
    threshold = 0.5 if known is None else known.threshold
    levels = np.zeros(shape, np.uint16) if known is None else known.levels.copy()
    here, least = levels.ravel()[places], threshold_level(threshold)
    here[inside & (here < least)] = LARGEST
    here[~inside & (here >= least)] = 0
    levels.ravel()[places] = here
    return ProbabilityMap(levels, threshold, np.empty(0, np.intp))
