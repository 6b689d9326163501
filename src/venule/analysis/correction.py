"""What somebody corrected of an analysis: the mask, probabilities, arteries and veins, the disc."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from venule.analysis.analyse import Analysis, Changed
from venule.errors import ImageError
from venule.image.arrays import Mask, check_mask
from venule.image.artery_vein import ARTERY, VEIN, Types, type_bits
from venule.image.landmarks import Disc, with_disc
from venule.image.levels import LARGEST, Levels, threshold_level
from venule.inference.prediction import Prediction, ProbabilityMap
from venule.vessels.extend import extend_types

Places = NDArray[np.intp]
"""(N,) indices into a flat map."""

Kind = TypeVar("Kind", np.bool_, np.uint8, np.uint16)

_TYPES = (("artery", ARTERY), ("vein", VEIN))


@dataclass(frozen=True, eq=False)
class Correction:
    """All that somebody corrected of one photograph; None where nothing of the kind was.

    Attributes:
        mask: (H, W) bool, the vessel mask.
        levels: (H, W) uint16, probabilities that a brush has raised or lowered.
        types: (H, W) uint8, arteries and veins among the mask's pixels.
        disc: the optic disc; with `has_disc` None means that none is there.
    """

    mask: Mask | None = None
    levels: Levels | None = None
    types: Types | None = None
    disc: Disc | None = None
    has_disc: bool = False


def correct(analysis: Analysis, mask: Mask) -> Analysis:
    """The analysis with another vessel mask, (H, W) bool, in place of the predicted one.

    What was added has probability 1 and what was removed 0; where the mask is as it was predicted,
    so is the probability. Arteries and veins keep their types, and what was added beside one has
    its type. The field of view bounds all of it.

    Raises:
        ImageError: a mask of another size or dtype.
    """
    check_mask(mask, analysis.prediction.fov.mask.shape, name="corrected mask")
    return _with_mask(analysis, _before(analysis.prediction.vessel_map), mask, {"vessels"})


def correct_probability(analysis: Analysis, places: Places, levels: Levels) -> Analysis:
    """The analysis with other levels (N,) at places (N,), and the mask that follows there.

    Raises:
        ImageError: a place outside the photograph.
    """
    found = analysis.prediction.vessel_map
    base, least = _before(found), threshold_level(found.threshold)
    changed = with_pixels(base.levels, places, levels)
    changed[~analysis.prediction.fov.mask] = 0
    mask = found.mask
    mask.ravel()[places] = changed.ravel()[places] >= least
    base = ProbabilityMap(changed, base.threshold, base.reconnected_at)
    return _with_mask(analysis, base, mask, {"vessels", "probability"})


def correct_types(analysis: Analysis, places: Places, types: NDArray[np.uint8]) -> Analysis:
    """The analysis with arteries and veins (N,), as bits, at places (N,) of its mask.

    Raises:
        ImageError: a place outside the photograph.
    """
    prediction = analysis.prediction
    changed = with_pixels(_base_types(prediction), places, types & np.uint8(ARTERY | VEIN))
    return _with_types(analysis, changed, {"types"})


def correct_disc(analysis: Analysis, disc: Disc | None) -> Analysis:
    """The analysis with the optic disc that somebody has drawn, or without one."""
    marks = with_disc(analysis.landmarks, disc, stated=analysis.photograph.laterality)
    return replace(analysis, landmarks=marks, corrected=analysis.corrected | {"disc"})


def apply(analysis: Analysis, correction: Correction) -> Analysis:
    """A predicted analysis with all of a correction.

    Raises:
        ImageError: a map of another size.
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
        predicted, mask = _base_types(analysis.prediction), analysis.prediction.vessels
        types = np.where(mask, correction.types, predicted)
        analysis = _with_types(analysis, types, {"types"})
    return correct_disc(analysis, correction.disc) if correction.has_disc else analysis


def types_of(analysis: Analysis) -> Types | None:
    """Arteries and veins of an analysis as bits; None where they are not known."""
    maps = analysis.prediction.maps
    if not {"artery", "vein"} <= set(maps):
        return None
    return type_bits(maps["artery"].mask, maps["vein"].mask)


def _before(found: ProbabilityMap) -> ProbabilityMap:
    """A map as it was before it was corrected."""
    return found.before or found


def with_pixels(values: NDArray[Kind], places: Places, to: NDArray[Kind]) -> NDArray[Kind]:
    """A copy of a map with other values (N,) at places (N,).

    Raises:
        ImageError: a place outside of it.
    """
    if places.size and not (places.min() >= 0 and places.max() < values.size):
        raise ImageError("a correction outside of the photograph")
    changed = values.copy()
    changed.ravel()[places] = to
    return changed


def _check_shape(values: NDArray[Any], analysis: Analysis) -> None:
    if values.shape != analysis.photograph.shape:
        raise ImageError("a correction of another size than the photograph")


def _with_mask(
    analysis: Analysis, base: ProbabilityMap, mask: Mask, changed: set[Changed]
) -> Analysis:
    """The analysis with a mask where `base` holds the probabilities before it was corrected."""
    prediction = analysis.prediction
    mask = mask & prediction.fov.mask
    least = threshold_level(base.threshold)
    levels = base.levels.copy()
    levels[mask & (levels < least)] = LARGEST
    levels[~mask & (levels >= least)] = 0
    at = base.reconnected_at
    vessel = ProbabilityMap(levels, base.threshold, at[mask.ravel()[at]], before=base)
    maps = {**prediction.maps, "vessel": vessel}
    after = replace(analysis, prediction=replace(prediction, maps=maps))
    after = replace(after, corrected=analysis.corrected | changed)
    if not {"artery", "vein"} <= set(maps):
        return after
    types = _base_types(prediction)
    new = mask & ~prediction.vessels & (types == 0)
    types = np.where(new, extend_types(np.where(mask, types, 0), new), types)
    return _with_types(after, types, set())


def _base_types(prediction: Prediction) -> Types:
    """Arteries and veins before the mask was corrected, also where it has nothing any more."""
    if not {"artery", "vein"} <= set(prediction.maps):
        return np.zeros(prediction.fov.mask.shape, np.uint8)
    return type_bits(*(_before(prediction.maps[name]).mask for name, _ in _TYPES))


def _with_types(analysis: Analysis, base: Types, changed: set[Changed]) -> Analysis:
    """The analysis with types of its mask where `base` holds those that are not bound to it."""
    prediction = analysis.prediction
    vessel = prediction.vessel_map
    types = np.where(vessel.mask, base, 0)
    maps = {**prediction.maps, "vessel": vessel}
    for name, bit in _TYPES:
        known = prediction.maps.get(name)
        maps[name] = _typed(known, base, types, bit, vessel.reconnected_at)
    after = replace(analysis, prediction=replace(prediction, maps=maps))
    return replace(after, corrected=analysis.corrected | changed)


def _typed(
    known: ProbabilityMap | None, base: Types, types: Types, bit: int, reconnected_at: Places
) -> ProbabilityMap:
    """The map of one type: its levels as they were where the type is as it was, else 1 and 0."""
    threshold = 0.5 if known is None else known.threshold
    levels = _leveled(None if known is None else _before(known), base, bit)
    before = ProbabilityMap(levels, threshold, reconnected_at[:0])
    levels = _leveled(before, types, bit)
    levels[types == 0] = 0
    at = reconnected_at
    return ProbabilityMap(levels, threshold, at[(types.ravel()[at] & bit) > 0], before=before)


def _leveled(known: ProbabilityMap | None, types: Types, bit: int) -> Levels:
    inside = (types & bit) > 0
    if known is None:
        return inside.astype(np.uint16) * np.uint16(LARGEST)
    levels, was = known.levels.copy(), known.mask
    levels[inside & ~was] = LARGEST
    levels[~inside & was] = 0
    return levels
