"""Central retinal equivalents: the calibre of one vessel equivalent to the six widest of a ring.

Knudtson et al. 2003, doi 10.1076/ceyr.27.3.143.16049 (factors, so of any unit); Hubbard et al.
1999, doi 10.1016/S0161-6420(99)90525-0, after Parr and Spears 1974 (constants in um). The ring is
zone B, 2 to 3 disc radii from the disc's centre.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from venule.measure.view import Disc, View, Zone
from venule.vessels.tree import Segment

MOST = 6
"""Most vessels used for an equivalent: the widest."""

LEAST_DEPTH = 1 / 3
"""Share of the ring's depth that a vessel must cover to be measured there."""

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


def vessels_in_ring(view: View) -> list[Segment]:
    """The vessels measured in the view's zone, the widest first.

    A vessel enters at the ring's inner edge and is measured up to its first junction in the ring.
    If that covers less than a third of the ring's depth, its branches are measured instead. A
    vessel that does not come from the inner edge is measured in the part nearest to the disc.
    """
    if view.zone is None or view.disc is None:
        return []
    parts, depth = list(view.segments), (view.zone.outer - view.zone.inner) * view.disc.radius_px
    found = []
    for group in _connected(parts):
        trunks = [part for part in group if _enters(part, view.zone, view.disc)]
        trunks = trunks or [min(group, key=lambda part: _nearest(part, view.disc))]
        for trunk in trunks:
            if trunk.length_px >= LEAST_DEPTH * depth:
                found.append(trunk)
            else:
                found += _branches(trunk, group, LEAST_DEPTH * depth)
    unique = {id(part): part for part in found if math.isfinite(part.mean_caliber_px)}
    return sorted(unique.values(), key=lambda part: part.mean_caliber_px, reverse=True)


def calibers_in_ring(view: View) -> list[float]:
    """The calibres in px used for an equivalent of the view's zone, the widest first."""
    return [part.mean_caliber_px for part in vessels_in_ring(view)][:MOST]


def _branches(trunk: Segment, group: Iterable[Segment], least: float) -> list[Segment]:
    ends = _junctions(trunk)
    return [
        part
        for part in group
        if part is not trunk and part.length_px >= least and _junctions(part) & ends
    ]


def _connected(parts: Sequence[Segment]) -> list[list[Segment]]:
    """Group the parts that are joined by junctions in the zone."""
    groups: list[list[Segment]] = []
    for part in parts:
        ends = _junctions(part)
        touching = [g for g in groups if any(_junctions(other) & ends for other in g)]
        groups = [g for g in groups if g not in touching]
        groups.append([*(one for g in touching for one in g), part])
    return groups


def _junctions(part: Segment) -> set[int]:
    return {node for node in (part.start, part.end) if node >= 0}


def _enters(part: Segment, zone: Zone, disc: Disc) -> bool:
    """Tell whether an end of the part lies on the ring's inner edge, within 2 px."""
    ends = part.points[[0, -1]] - (disc.row, disc.column)
    return bool((np.hypot(ends[:, 0], ends[:, 1]) <= zone.inner * disc.radius_px + 2).any())


def _nearest(part: Segment, disc: Disc | None) -> float:
    assert disc is not None
    return float(np.hypot(*(part.points - (disc.row, disc.column)).T).min())
