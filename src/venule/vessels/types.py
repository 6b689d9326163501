"""Artery/vein classification of the segments of a vessel tree, from pixel probabilities.

Pixels of one vessel may disagree where it is thin or crossed, but a vessel has one type. So each
segment has one type; at a bifurcation, branches share the parent's type; at a crossing, the two
vessels that run straight through keep theirs, which are seldom the same. A segment with arteries on
one side of its centreline and veins on the other is two vessels that touch: its pixels keep theirs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from venule.image.arrays import FloatMap, Mask
from venule.image.levels import LARGEST, Levels
from venule.vessels.profiles import normals
from venule.vessels.tree import Arm, Node, VesselTree

MOST = 4.0
"""Limit of a pixel's log-odds, so that one certain pixel does not outweigh a vessel."""

ARTERIES = (0.40, 0.50)
"""Range of the arteries' share of a photograph's vessel pixels: at most half, since they are
narrower (AVRDB's labels: 0.44). Cameras render blood in different colours, and a network trained on
one camera finds too many or too few arteries with another: doubtful segments are assigned
accordingly."""

BRANCH = 60.0
"""Strength of attraction between the arms of a bifurcation, in pixels of length."""

THROUGH = 300.0
"""Strength of attraction between the two arms of a vessel that runs through a crossing."""

ACROSS = 60.0
"""Strength of repulsion between two vessels that cross."""

STRAIGHT = -0.85
"""Largest cosine of the angle between two arms of one vessel: 148 degrees."""

SIDE_ODDS = 0.5
"""Least log-odds, on average, of an artery on one side of a segment and of a vein on the other."""

SIDE_PX = 8
"""Least number of pixels on either side."""


@dataclass(frozen=True, eq=False)
class VesselTypes:
    """Arteries and veins among the pixels of a vessel mask.

    Attributes:
        artery, vein: (H, W) bool, together the vessel mask; both where two types cross.
        log_odds: (H, W), of an artery at each vessel pixel: its segment's, after smoothing over the
            tree, or its own where no segment is near or two vessels touch; 0 elsewhere.
    """

    artery: Mask
    vein: Mask
    log_odds: NDArray[np.float64]


def vessel_types(mask: Mask, artery: FloatMap, vein: FloatMap, tree: VesselTree) -> VesselTypes:
    """Classify each pixel of a vessel mask as artery or vein.

    Args:
        mask: (H, W) bool, the vessels.
        artery: (H, W) float32 in 0..1, the probability of an artery.
        vein: (H, W) float32 in 0..1, that of a vein.
        tree: the graph of `mask`.
    """
    odds = (_log_odds(artery) - _log_odds(vein))[mask].clip(-MOST, MOST)
    nearest, count = nearest_points(mask, tree), len(tree.segments)
    owner = nearest.segment
    own, weight = _own_evidence(odds, owner, count)
    if count > 1:
        shift = _shift(own, weight)
        odds, own = odds + shift, own + shift
    double = _side_by_side(odds, nearest, count)
    evidence = _agree(own, weight, tree, double) if count > 1 else own
    alone = (owner < 0) | np.append(double, False)[owner]
    agreed = np.zeros(mask.shape)
    agreed[mask] = np.where(alone, odds, np.append(evidence, 0.0)[owner])
    arteries, veins = mask & (agreed >= 0), mask & (agreed < 0)
    for node in tree.nodes:
        if _types_cross(node, evidence, double):
            here = pixels_around(node, mask)
            arteries[here] |= mask[here]
            veins[here] |= mask[here]
    return VesselTypes(arteries, veins, agreed)


def _log_odds(probability: FloatMap) -> NDArray[np.float64]:
    p = np.clip(probability.astype(np.float64), 1e-5, 1 - 1e-5)
    return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True, eq=False)
class NearestPoints:
    """The centreline point nearest to each of the P pixels of a mask, in the order of `mask[...]`.

    Attributes:
        segment: (P,) the segment it belongs to, -1 if the tree has none.
        side_px: (P,) signed distance from the centreline, positive on the side of its normal.
    """

    segment: NDArray[np.intp]
    side_px: NDArray[np.float64]


def nearest_points(mask: Mask, tree: VesselTree) -> NearestPoints:
    """Find the nearest centreline point of each pixel of `mask` (H, W)."""
    nearest = nearest_index(mask, tree)
    if not (nearest >= 0).any():
        return NearestPoints(nearest, np.zeros(len(nearest)))
    numbers = np.repeat(np.arange(len(tree.segments)), [len(one.points) for one in tree.segments])
    across = np.concatenate([normals(one.points, closed=one.closed) for one in tree.segments])
    offset = np.argwhere(mask) - tree.points[nearest]
    return NearestPoints(numbers[nearest], (offset * across[nearest]).sum(axis=1))


def nearest_index(mask: Mask, tree: VesselTree) -> NDArray[np.intp]:
    """(P,) index into the tree's points of the one nearest to each pixel; -1 if it has none."""
    seeds = np.full(mask.shape, -1, np.int32)
    rows, columns = np.rint(tree.points).astype(np.intp).T
    inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    seeds[rows[inside], columns[inside]] = np.flatnonzero(inside)
    if not inside.any():
        return np.full(int(np.count_nonzero(mask)), -1, np.intp)
    rows, columns = ndi.distance_transform_edt(
        seeds < 0, return_distances=False, return_indices=True
    )
    return np.asarray(seeds[rows[mask], columns[mask]], np.intp)


def owners(mask: Mask, tree: VesselTree) -> NDArray[np.intp]:
    """(H, W) the segment whose centreline is nearest to each pixel of the mask, -1 elsewhere."""
    owner = np.full(mask.shape, -1, np.intp)
    owner[mask] = nearest_points(mask, tree).segment
    return owner


def _own_evidence(
    odds: NDArray[np.float64], owner: NDArray[np.intp], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(S,) mean log-odds of each segment's pixels, and (S,) its number of pixels."""
    inside = owner >= 0
    pixels = np.bincount(owner[inside], minlength=count).astype(np.float64)
    total = np.bincount(owner[inside], odds[inside], minlength=count)
    return total / np.maximum(pixels, 1), pixels


def _side_by_side(
    odds: NDArray[np.float64], nearest: NearestPoints, count: int
) -> NDArray[np.bool_]:
    """(S,) whether a segment is an artery beside a vein, by the log-odds (P,) of its pixels."""
    means = []
    for side_px in (nearest.side_px, -nearest.side_px):
        owner = np.where(side_px > 0.5, nearest.segment, -1)  # in neither half: near the centreline
        mean, pixels = _own_evidence(odds, owner, count)
        means.append(np.where(pixels >= SIDE_PX, mean, 0.0))
    low, high = np.sort(means, axis=0)
    return np.asarray((low < -SIDE_ODDS) & (high > SIDE_ODDS))


def _shift(own: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """The least addition to all log-odds that brings the share of arteries into ARTERIES."""
    order = np.argsort(own)
    sizes = weight[order] / max(float(weight.sum()), 1.0)
    least, most = ARTERIES
    bounds = np.interp((1 - most, 1 - least), np.cumsum(sizes) - sizes / 2, own[order])
    return -float(np.clip(0.0, bounds[0], bounds[1]).clip(-MOST / 2, MOST / 2))


def _agree(
    own: NDArray[np.float64],
    weight: NDArray[np.float64],
    tree: VesselTree,
    double: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(S,) the log-odds x that minimise sum w (x - own)^2 + sum of b (x_i -+ x_j)^2 over pairs.

    A Gaussian random field: pairs of one vessel attract each other (b (x_i - x_j)^2), pairs that
    cross repel each other (b (x_i + x_j)^2). Segments that are an artery beside a vein (`double`)
    take no part.
    """
    count = len(own)
    diagonal = np.maximum(weight, 1.0)
    rows, columns, values = [np.arange(count)], [np.arange(count)], [diagonal.copy()]
    for i, j, strength in _pairs(tree):
        if double[i] or double[j]:
            continue
        b = abs(strength)
        rows += [np.array([i, j, i, j])]
        columns += [np.array([i, j, j, i])]
        values += [np.array([b, b, -strength, -strength])]
    matrix = coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    )
    return np.asarray(spsolve(matrix.tocsc(), diagonal * own))


def _pairs(tree: VesselTree) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of segments that meet, with attraction (positive) or repulsion (negative)."""
    for node in tree.nodes:
        if len(node.arms) < 2:
            continue
        through = through_pairs(node)
        for one, other in combinations(node.arms, 2):
            if one.segment == other.segment:
                continue
            if len(through) < 2:
                yield one.segment, other.segment, BRANCH
            elif any({one, other} == set(pair) for pair in through):
                yield one.segment, other.segment, THROUGH
            else:
                yield one.segment, other.segment, -ACROSS


def through_pairs(node: Node) -> list[tuple[Arm, Arm]]:
    """The pairs of arms that run straight through a crossing; fewer than two at a bifurcation."""
    if len(node.arms) < 4:
        return []
    left, pairs = list(node.arms), []
    while len(left) > 1:
        cosine, one, other = min(
            ((float(a.direction @ b.direction), a, b) for a, b in combinations(left, 2)),
            key=lambda found: found[0],
        )
        if cosine > STRAIGHT:
            break
        pairs.append((one, other))
        left = [arm for arm in left if arm is not one and arm is not other]
    return pairs


def _types_cross(node: Node, evidence: NDArray[np.float64], double: NDArray[np.bool_]) -> bool:
    """Tell whether an artery and a vein cross at a node, one of them perhaps beside another."""
    through = through_pairs(node)
    if through and any(double[arm.segment] for arm in node.arms):
        return len(through) > 1
    types = {evidence[one.segment] + evidence[other.segment] >= 0 for one, other in through}
    return len(types) == 2


def pixels_around(node: Node, mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels within a node's radius."""
    reach = int(np.ceil(node.radius_px))
    row, column = (round(float(value)) for value in node.position)
    rows = np.arange(max(row - reach, 0), min(row + reach + 1, mask.shape[0]))
    columns = np.arange(max(column - reach, 0), min(column + reach + 1, mask.shape[1]))
    down, right = np.meshgrid(rows, columns, indexing="ij")
    near = np.hypot(down - node.position[0], right - node.position[1]) <= node.radius_px
    return down[near], right[near]


def type_levels(types: VesselTypes, artery: FloatMap, vein: FloatMap) -> tuple[Levels, Levels]:
    """Levels of artery and vein at each vessel pixel, both (H, W) uint16, 65535 for 1.

    The ratio artery : vein of the pixel's own probabilities (H, W), limited to agree with its type:
    a pixel's type has at least one half, the other less. 0 where there is no vessel.
    """
    share = artery / np.maximum(artery + vein, np.float32(1e-6))
    half = (LARGEST + 1) // 2
    levels = []
    for own, chosen, other in (
        (share, types.artery, types.vein),
        (1 - share, types.vein, types.artery),
    ):
        level = np.rint(own * LARGEST).clip(0, LARGEST).astype(np.uint16)
        level[chosen] = np.maximum(level[chosen], half)
        level[~chosen] = np.minimum(level[~chosen], half - 1)
        level[~(chosen | other)] = 0
        levels.append(level)
    return levels[0], levels[1]
