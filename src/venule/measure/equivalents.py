"""Central retinal equivalents: the calibre of one vessel equivalent to the six widest of a ring.

Knudtson et al. 2003, doi 10.1076/ceyr.27.3.143.16049 (factors, so of any unit); Hubbard et al.
1999, doi 10.1016/S0161-6420(99)90525-0, after Parr and Spears 1974 (constants in um). The ring is
zone B, 2 to 3 disc radii from the disc's centre.
"""

import math
from collections.abc import Callable, Sequence

from venule.measure.ring_vessels import vessels_in_ring
from venule.measure.view import View

MOST = 6
"""Most vessels used for an equivalent: the widest."""

Pair = Callable[[float, float], float]
"""The calibre of a trunk from its two branches' calibres, the wider first."""


def knudtson(calibers: Sequence[float], structure: str) -> float:
    """The equivalent of arteries or veins, in the unit of the calibres; nan without a vessel.

    The widest is paired with the narrowest, and so on; with an odd number, the middle one is
    carried over. This is repeated until one is left.
    """
    factor = {"artery": 0.88, "vein": 0.95}[structure]
    return _reduce(calibers, lambda wide, narrow: factor * math.hypot(wide, narrow))


def hubbard(calibers_um: Sequence[float], structure: str) -> float:
    """The equivalent in um of calibres in um, paired as in `knudtson`; nan for fewer than two."""
    if len(calibers_um) < 2:
        return math.nan
    return _reduce(calibers_um, _HUBBARD[structure])


def _artery(wide: float, narrow: float) -> float:
    squared = 1.01 * wide**2 + 0.87 * narrow**2 - 0.22 * wide * narrow - 10.76
    return math.sqrt(max(squared, 0.0))


def _vein(wide: float, narrow: float) -> float:
    return math.sqrt(0.91 * wide**2 + 0.72 * narrow**2 + 450.05)


_HUBBARD: dict[str, Pair] = {"artery": _artery, "vein": _vein}


def _reduce(calibers: Sequence[float], pair: Pair) -> float:
    left = sorted(calibers, reverse=True)[:MOST]
    while len(left) > 1:
        half = len(left) // 2
        pairs = zip(left[:half], reversed(left[-half:]), strict=True)
        middle = left[half : len(left) - half]
        left = sorted([*(pair(wide, narrow) for wide, narrow in pairs), *middle], reverse=True)
    return left[0] if left else math.nan


def calibers_in_ring(view: View) -> list[float]:
    """The calibres in px used for an equivalent of the view's zone, the widest first."""
    return [part.mean_caliber_px for part in vessels_in_ring(view)][:MOST]
