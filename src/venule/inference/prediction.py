"""The prediction for one photograph, at the photograph's own size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask
from venule.image.artery_vein import Types, type_bits
from venule.image.fov import FieldOfView
from venule.image.levels import Levels, threshold_level, to_probability


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """The probability of one class, with the threshold for its mask.

    Attributes:
        levels: (H, W) uint16, probability times 65535; 0 outside the field of view and its rim.
        threshold: probability from which a pixel belongs to the class.
        reconnected_at: (N,) indices into the flat map of pixels that only close gaps between
            components. They are part of the vessel tree, but excluded from calibre and area.
        before: the map before its mask was corrected; None if it was not.
    """

    levels: Levels
    threshold: float
    reconnected_at: NDArray[np.intp]
    before: "ProbabilityMap | None" = None

    @property
    def probability(self) -> FloatMap:
        """(H, W) float32 in 0..1, each value a multiple of 1 / 65535."""
        return to_probability(self.levels)

    @property
    def mask(self) -> Mask:
        """(H, W) bool, where the probability reaches the threshold."""
        return self.levels >= threshold_level(self.threshold)

    @property
    def reconnected(self) -> Mask:
        """(H, W) bool, the pixels that only close gaps."""
        marked = np.zeros(self.levels.shape, bool)
        marked.ravel()[self.reconnected_at] = True
        return marked


@dataclass(frozen=True, eq=False)
class Prediction:
    """Vessels of one photograph, (H, W) as the photograph.

    Attributes:
        fov: the field of view that was segmented.
        maps: a probability map per class, such as "vessel", or "artery" and "vein".
    """

    fov: FieldOfView
    maps: Mapping[str, ProbabilityMap]

    @property
    def vessel_map(self) -> ProbabilityMap:
        """The map of vessels; for several classes, one whose mask is the union of theirs.

        Its levels are the pointwise maximum over classes, its threshold the maximum of theirs:
        vessels of a class with a lower threshold are raised to it. A pixel counts as reconnected if
        every class that contains it marks it so.
        """
        if "vessel" in self.maps:
            return self.maps["vessel"]
        maps = list(self.maps.values())
        threshold = max(one.threshold for one in maps)
        levels = np.maximum.reduce([one.levels for one in maps])
        np.maximum(levels, threshold_level(threshold), out=levels, where=self.vessels)
        return ProbabilityMap(levels, threshold, _reconnected_in_all(maps))

    @property
    def probability(self) -> FloatMap:
        """(H, W) float32 in 0..1, the vessel probability."""
        return self.vessel_map.probability

    @property
    def vessels(self) -> Mask:
        """(H, W) bool, the vessel mask; for several classes, their union."""
        if "vessel" in self.maps:
            return self.maps["vessel"].mask
        union: Mask = np.logical_or.reduce([one.mask for one in self.maps.values()])
        return union

    @property
    def has_types(self) -> bool:
        """True if arteries and veins are known."""
        return {"artery", "vein"} <= self.maps.keys()

    @property
    def types(self) -> Types | None:
        """(H, W) uint8, arteries and veins as bits; None if unknown."""
        if not self.has_types:
            return None
        return type_bits(self.maps["artery"].mask, self.maps["vein"].mask)


def _reconnected_in_all(maps: Sequence[ProbabilityMap]) -> NDArray[np.intp]:
    """Indices (N,) of pixels marked as reconnected by every map whose mask contains them."""
    marked = np.unique(np.concatenate([one.reconnected_at for one in maps]))
    for one in maps:
        inside = one.levels.ravel()[marked] >= threshold_level(one.threshold)
        marked = marked[~inside | np.isin(marked, one.reconnected_at)]
    return marked
