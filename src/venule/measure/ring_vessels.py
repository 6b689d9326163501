"""The vessels of a ring about the disc whose calibres make up a central retinal equivalent."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from venule.measure.view import Disc, View, Zone, clip
from venule.vessels.nodes import ALIKE, STRAIGHT_DEG, angle_deg
from venule.vessels.tree import Segment

LEAST_DEPTH = 1 / 3
"""Share of the ring's depth that a vessel must cover to be measured there."""

SIDE_BRANCH = 2 / 3
"""Largest ratio of the calibres of a side branch and of the vessel that goes on beyond it.

By Murray's law that vessel keeps nine tenths of its calibre.
"""

_HEADING_PX = 10


def vessels_in_ring(view: View) -> list[Segment]:
    """The vessels measured in the view's zone, the widest first.

    A vessel enters at the ring's inner edge and is measured up to its first junction in the ring,
    or, until it covers a third of the ring's depth, past crossings and side branches. If it
    bifurcates before, its branches are measured instead, unless they are much narrower. A vessel
    that does not come from the inner edge is measured in the part nearest to the disc.
    """
    zone, disc = view.zone, view.disc
    if zone is None or disc is None:
        return []
    least = LEAST_DEPTH * (zone.outer - zone.inner) * disc.radius_px
    crossings = {number for number, node in enumerate(view.tree.nodes) if node.is_crossing}
    found: dict[int, Segment] = {}
    for group in _connected(_parts(view, zone, disc)):
        ring = _Group(group, crossings, least)
        trunks = [part for part in group if _enters(part, zone, disc)]
        nearest = min(group, key=lambda part: float(_away(part.segment, disc).min()))
        for trunk in trunks or [nearest]:
            found |= ring.measured(trunk)
    seen = (one for one in found.values() if math.isfinite(one.mean_caliber_px))
    return sorted(seen, key=lambda one: one.mean_caliber_px, reverse=True)


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a segment inside the ring, numbered.

    `caliber_px` is its mean calibre, or the whole segment's if it was measured nowhere inside.
    """

    number: int
    segment: Segment
    caliber_px: float

    @property
    def junctions(self) -> set[int]:
        """The nodes at its ends."""
        return {node for node in (self.segment.start, self.segment.end) if node >= 0}


def _parts(view: View, zone: Zone, disc: Disc) -> list[_Part]:
    """The parts of all segments, each from its end nearer to the disc."""
    found: list[_Part] = []
    for whole in view.tree.segments:
        for part in clip(whole, zone, disc):
            away = _away(part, disc)
            outward = part if away[0] <= away[-1] else _reversed(part)
            inside = part.mean_caliber_px
            caliber = inside if math.isfinite(inside) else whole.mean_caliber_px
            found.append(_Part(len(found), outward, caliber))
    return found


@dataclass(frozen=True)
class _Group:
    """Parts that are joined by junctions in the ring.

    Attributes:
        crossings: the nodes at which vessels cross.
        least: length in px that a vessel must have to be measured.
    """

    parts: Sequence[_Part]
    crossings: Collection[int]
    least: float

    def measured(self, trunk: _Part) -> dict[int, Segment]:
        """The measured parts of the vessel that begins with `trunk`, by their numbers."""
        chain = [trunk]
        while _length(chain) < self.least or not math.isfinite(_joined(chain).mean_caliber_px):
            onward = self._onward(chain)
            if onward is None:
                break
            chain.append(onward)
        if _length(chain) >= self.least:
            return {trunk.number: _joined(chain)}
        branches = [arm for arm in self._arms(chain) if arm.segment.length_px >= self.least]
        if branches and _widest(branches) < ALIKE * chain[-1].caliber_px:
            return {trunk.number: _joined(chain)}
        return {arm.number: arm.segment for arm in branches}

    def _arms(self, chain: Sequence[_Part]) -> list[_Part]:
        """The parts beyond the end of a chain, from there on."""
        node, inner = chain[-1].segment.end, {part.number for part in chain}
        return [
            part if part.segment.start == node else replace(part, segment=_reversed(part.segment))
            for part in self.parts
            if node in part.junctions and part.number not in inner
        ]

    def _onward(self, chain: Sequence[_Part]) -> _Part | None:
        """The part in which the vessel itself goes on: straight, of its calibre, beside narrower.

        What is beside it at a crossing is another vessel, of whatever calibre.
        """
        last, arms = chain[-1], self._arms(chain)
        straight = [
            arm
            for arm in arms
            if _bend_deg(last.segment, arm.segment) <= 180 - STRAIGHT_DEG and _are_alike(last, arm)
        ]
        if not straight:
            return None
        onward = max(straight, key=lambda arm: _widest([arm]))
        beside = _widest([arm for arm in arms if arm is not onward])
        is_through = last.segment.end in self.crossings
        return onward if is_through or beside <= SIDE_BRANCH * _widest([onward]) else None


def _connected(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Group the parts that are joined by junctions in the zone."""
    groups: list[list[_Part]] = []
    for part in parts:
        touching = [g for g in groups if any(other.junctions & part.junctions for other in g)]
        groups = [g for g in groups if g not in touching]
        groups.append([*(one for g in touching for one in g), part])
    return groups


def _enters(part: _Part, zone: Zone, disc: Disc) -> bool:
    """Tell whether an end of the part lies on the ring's inner edge, within 2 px."""
    ends = _away(part.segment, disc)[[0, -1]]
    return bool((ends <= zone.inner * disc.radius_px + 2).any())


def _away(segment: Segment, disc: Disc) -> NDArray[np.float64]:
    return np.asarray(np.hypot(*(segment.points - (disc.row, disc.column)).T))


def _are_alike(one: _Part, other: _Part) -> bool:
    """Tell whether two calibres may be one vessel's; unknown ones may."""
    narrow, wide = sorted((one.caliber_px, other.caliber_px))
    return not narrow < ALIKE * wide


def _widest(parts: Sequence[_Part]) -> float:
    """The largest of the known calibres, 0 if there are none."""
    return max((part.caliber_px for part in parts if math.isfinite(part.caliber_px)), default=0.0)


def _bend_deg(before: Segment, after: Segment) -> float:
    """The angle between the directions of two segments, where the first's end is the other's."""
    ends = before.points[-_HEADING_PX:], after.points[:_HEADING_PX]
    one, other = ((points[-1] - points[0]) / _norm(points[-1] - points[0]) for points in ends)
    return angle_deg(one, other)


def _norm(vector: NDArray[np.float64]) -> float:
    return max(float(np.hypot(*vector)), 1e-9)


def _length(chain: Sequence[_Part]) -> float:
    return sum(part.segment.length_px for part in chain)


def _joined(chain: Sequence[_Part]) -> Segment:
    first, *others = (part.segment for part in chain)
    if not others:
        return first
    return replace(
        first,
        points=np.concatenate([first.points, *(one.points for one in others)]),
        caliber_px=np.concatenate([first.caliber_px, *(one.caliber_px for one in others)]),
        end=others[-1].end,
    )


def _reversed(part: Segment) -> Segment:
    points, calibers = part.points[::-1], part.caliber_px[::-1]
    return replace(part, points=points, caliber_px=calibers, start=part.end, end=part.start)
