"""The nodes of a vessel graph: their arms, and whether vessels cross there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from venule.image.arrays import Points
from venule.vessels.centerline import along, direction_of
from venule.vessels.ends import End
from venule.vessels.pruning import Draft
from venule.vessels.smoothing import median
from venule.vessels.tree import Arm, Node, Segment, VesselTree

STRAIGHT_DEG = 150.0
"""Least angle between two arms of one vessel that runs through a crossing."""

ALIKE = 0.6
"""Least ratio of the calibres of two arms of one vessel."""

_MOST_ARMS = 8
"""A node with more arms is a patch, not a crossing of two vessels."""


def assemble(
    shape: tuple[int, ...],
    draft: Draft,
    found: Mapping[int, Segment],
    forks: Mapping[int, End],
    *,
    components: int,
) -> VesselTree:
    """Assemble the tree from its segments, with nodes and segments numbered from 0."""
    place = {number: index for index, number in enumerate(found)}
    kept = [node for node in draft.at if any(number in place for number in draft.at[node])]
    node_of = {node: index for index, node in enumerate(kept)}
    segments = []
    for number, segment in found.items():
        edge = draft.edges[number]
        if edge.start >= 0:
            segment = replace(segment, start=node_of[edge.start], end=node_of[edge.end])
        segments.append(segment)
    nodes = []
    for node in kept:
        numbers = sorted({place[number] for number in draft.at[node] if number in place})
        nodes.append(_node(node_of[node], {n: segments[n] for n in numbers}, forks.get(node)))
    return VesselTree((shape[0], shape[1]), tuple(segments), tuple(nodes), components)


def angle_deg(first: Points, second: Points) -> float:
    """The angle between two unit vectors, 0 to 180 degrees."""
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def _node(index: int, segments: Mapping[int, Segment], fork: End | None) -> Node:
    arms = []
    for number, segment in segments.items():
        if segment.start == index:
            arms.append(_arm(number, segment, fork, at_start=True))
        if segment.end == index:
            arms.append(_arm(number, segment, fork, at_start=False))
    position = fork.position if fork is not None else _tip(segments[arms[0].segment], arms[0])
    radius = fork.radius if fork is not None else 0.0
    return Node(position, radius, tuple(arms), is_crossing=_is_crossing(arms))


def _tip(segment: Segment, arm: Arm) -> Points:
    return np.asarray(segment.points[0 if arm.at_start else -1])


def _arm(number: int, segment: Segment, fork: End | None, *, at_start: bool) -> Arm:
    """An arm: direction and calibre over its first two calibres beyond the fork."""
    points = segment.points if at_start else segment.points[::-1]
    caliber = segment.caliber_px if at_start else segment.caliber_px[::-1]
    place = along(points)
    first = fork.radius if fork is not None else 0.0
    seen = np.isfinite(caliber)
    width = median(caliber[seen]) if seen.any() else 2 * max(first, 1.0)
    begin = min(first + 1 + width / 2, place[-1] / 2)
    near = (place >= begin) & (place <= begin + max(2 * width, 10))
    direction = direction_of(points[near] if near.sum() >= 2 else points)
    measured = caliber[seen & (place <= first + max(4 * width, 20))]
    return Arm(number, at_start, direction, float(measured.mean()) if len(measured) else np.nan)


def _is_crossing(arms: Sequence[Arm]) -> bool:
    """Tell whether four of the arms form two straight vessels, each of one calibre."""
    if len(arms) > _MOST_ARMS:
        return False
    through = [pair for pair in combinations(range(len(arms)), 2) if _runs_through(arms, pair)]
    return any(not set(one) & set(other) for one, other in combinations(through, 2))


def _runs_through(arms: Sequence[Arm], pair: tuple[int, int]) -> bool:
    one, other = (arms[place] for place in pair)
    calibers = sorted((one.caliber_px, other.caliber_px))
    alike = np.isnan(calibers).any() or calibers[0] >= ALIKE * calibers[1]
    return bool(alike and angle_deg(one.direction, other.direction) >= STRAIGHT_DEG)
