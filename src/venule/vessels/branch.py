"""A vessel segment and all that branches from it, away from the optic disc."""

import heapq

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.image.artery_vein import ARTERY, VEIN, Types
from venule.vessels.tree import VesselTree
from venule.vessels.types import pixels_around, through_pairs

AT_DISC = 1.5
"""Disc radii from the disc's centre within which vessels originate."""

TOUCHING = 0.25
"""Least share of a segment's pixels of either type if it is an artery beside a vein."""

Disc = tuple[float, float, float]
"""Row and column of the centre, and the radius, in pixels."""

Owners = NDArray[np.intp]
"""(H, W) the segment that each pixel of the mask belongs to, -1 elsewhere."""


def nearest_vessel_pixel(
    owner: Owners, row: int, column: int, reach: int
) -> tuple[int, int] | None:
    """The pixel of a segment nearest to a point, at most `reach` pixels away; None if none."""
    top, left = max(row - reach, 0), max(column - reach, 0)
    part = owner[top : row + reach + 1, left : column + reach + 1]
    rows, columns = np.nonzero(part >= 0)
    if not rows.size:
        return None
    away = np.hypot(rows + top - row, columns + left - column)
    nearest = int(np.argmin(away))
    if away[nearest] > reach:
        return None
    return int(rows[nearest]) + top, int(columns[nearest]) + left


def branch_of(tree: VesselTree, segment: int, disc: Disc) -> frozenset[int]:
    """The segment and those downstream of it, away from the disc.

    At a bifurcation all branches are included, at a crossing the one that runs straight on.
    """
    entry = _entries(tree, disc)
    found, waiting = {segment}, [segment]
    while waiting:
        here = waiting.pop()
        for following in _onward(tree, here, entry[here]):
            if following not in found and entry[following] == _exit(tree, here, entry[here]):
                found.add(following)
                waiting.append(following)
    return frozenset(found)


def retype(
    types: Types,
    mask: Mask,
    tree: VesselTree,
    owner: Owners,
    chosen: frozenset[int],
    to: int,
    *,
    clicked: int = 0,
) -> Types:
    """Set the type of the chosen segments' pixels, (H, W), to `to`: bits, or 0 for none.

    If the type `clicked` is an artery's or a vein's, only its pixels change in segments that are an
    artery beside a vein. Near a crossing, pixels have the types of all the vessels that cross.
    """
    changed, count = types.copy(), len(tree.segments)
    picked = np.append(np.isin(np.arange(count), list(chosen)), False)
    if clicked in (ARTERY, VEIN):
        double = np.append(_types_of_segments(types, owner, count) == ARTERY | VEIN, False)
        beside = (picked & double)[owner] & (types != clicked)
    else:
        beside = np.zeros(mask.shape, bool)
    changed[picked[owner] & mask & ~beside] = to
    of_segment = _types_of_segments(changed, owner, count)
    for node in tree.nodes:
        arms = {arm.segment for arm in node.arms}
        if not arms & chosen or len(through_pairs(node)) < 2:
            continue
        here = pixels_around(node, mask)
        inside = mask[here]
        bits = int(np.bitwise_or.reduce([of_segment[arm] for arm in arms]))
        changed[here[0][inside], here[1][inside]] = bits
    return changed


def _exit(tree: VesselTree, segment: int, entry: int) -> int:
    """The node at the other end of a segment; -1 for a ring."""
    one = tree.segments[segment]
    return one.end if one.start == entry else one.start


def _onward(tree: VesselTree, segment: int, entry: int) -> list[int]:
    """The segments that continue a segment entered at a node."""
    beyond = _exit(tree, segment, entry)
    if beyond < 0:
        return []
    node = tree.nodes[beyond]
    through = through_pairs(node)
    if len(through) >= 2:
        pairs = [{one.segment, other.segment} for one, other in through]
        return [next_ for pair in pairs if segment in pair for next_ in pair - {segment}]
    return [arm.segment for arm in node.arms if arm.segment != segment]


def _entries(tree: VesselTree, disc: Disc) -> list[int]:
    """The node at which each segment is entered from the disc, -1 for a ring.

    Vessels begin where they leave the disc; those that do not reach it, at their nearest end. Paths
    along vessels are the shortest (Dijkstra 1959).
    """
    straight = [float(np.hypot(*(node.position - disc[:2]))) for node in tree.nodes]
    entry, seen = [-1] * len(tree.segments), [False] * len(tree.segments)
    ends = sorted(
        (straight[node], number, node)
        for number, segment in enumerate(tree.segments)
        for node in (segment.start, segment.end)
        if node >= 0
    )
    at_disc = [end for end in ends if end[0] <= AT_DISC * disc[2]]
    for starts in (at_disc, *([end] for end in ends)):
        waiting = list(starts)
        while waiting:
            length, here, node = heapq.heappop(waiting)
            if seen[here]:
                continue
            seen[here], entry[here] = True, node
            beyond, length = _exit(tree, here, node), length + tree.segments[here].length_px
            for following in _onward(tree, here, node):
                heapq.heappush(waiting, (length, following, beyond))
    return entry


def _types_of_segments(types: Types, owner: Owners, count: int) -> NDArray[np.uint8]:
    """(S,) the bits of each segment: of its most frequent type, or of both if two vessels touch."""
    inside = owner >= 0
    votes = np.stack(
        [np.bincount(owner[inside], types[inside] == bit, count) for bit in (0, ARTERY, VEIN)]
    )
    bits = np.array([0, ARTERY, VEIN], np.uint8)
    touching = votes[1:].min(axis=0) >= TOUCHING * votes.sum(axis=0).clip(1)
    return np.where(touching, np.uint8(ARTERY | VEIN), bits[votes.argmax(axis=0)])
