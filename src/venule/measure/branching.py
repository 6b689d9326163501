"""Counts of a vessel graph, and the geometry of its bifurcations."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from venule.measure.statistics import median
from venule.measure.view import View
from venule.vessels.nodes import angle_deg
from venule.vessels.tree import Arm, Node

PARENT = 1.1
"""The widest arm is the parent if it is at least this many times as wide as the next one."""


@dataclass(frozen=True)
class Fork:
    """A bifurcation: its parent and its two daughters."""

    parent: Arm
    daughters: tuple[Arm, Arm]


def junctions(view: View) -> float:
    """Number of nodes where three or more arms meet: bifurcations and crossings."""
    return float(len(view.junctions))


def bifurcations(view: View) -> float:
    """Number of junctions that are not crossings."""
    return float(sum(not node.is_crossing for node in view.junctions))


def crossings(view: View) -> float:
    """Number of junctions through which two vessels run straight, each of one calibre."""
    return float(sum(node.is_crossing for node in view.junctions))


def endpoints(view: View) -> float:
    """Number of free ends, including those at the edge of the field of view."""
    return float(sum(node.is_end for node in view.tree.nodes))


def components(view: View) -> float:
    """Number of 8-connected components of the mask, with gaps closed."""
    return float(view.tree.components)


def angle(node: Node) -> float:
    """The angle between the daughters in degrees.

    Where more than three arms meet without crossing, the smallest angle between two of them.
    """
    fork = fork_of(node)
    if fork is not None:
        return angle_deg(fork.daughters[0].direction, fork.daughters[1].direction)
    pairs = combinations(node.arms, 2)
    return min(angle_deg(one.direction, other.direction) for one, other in pairs)


def coefficient(node: Node) -> float:
    """(d1^2 + d2^2) / d0^2: the daughters' cross-section over the parent's (Murray: 1.26)."""
    fork = fork_of(node)
    if fork is None:
        return math.nan
    one, other = (daughter.caliber_px for daughter in fork.daughters)
    return (one**2 + other**2) / fork.parent.caliber_px**2


def asymmetry(node: Node) -> float:
    """The narrower daughter's cross-section over the wider one's, 0..1."""
    fork = fork_of(node)
    if fork is None:
        return math.nan
    narrow, wide = sorted(daughter.caliber_px for daughter in fork.daughters)
    return (narrow / wide) ** 2


def fork_of(node: Node) -> Fork | None:
    """Find the parent of a bifurcation; None for other nodes.

    The parent is the arm clearly wider than the others; if none is, the two arms with the smallest
    angle between them are the daughters.
    """
    if len(node.arms) != 3 or node.is_crossing:
        return None
    by_caliber = sorted(node.arms, key=lambda arm: np.nan_to_num(arm.caliber_px), reverse=True)
    if by_caliber[0].caliber_px >= PARENT * by_caliber[1].caliber_px:
        return Fork(by_caliber[0], (by_caliber[1], by_caliber[2]))
    pairs = list(combinations(node.arms, 2))
    one, other = min(pairs, key=lambda pair: angle_deg(pair[0].direction, pair[1].direction))
    parent = next(arm for arm in node.arms if arm is not one and arm is not other)
    return Fork(parent, (one, other))


def median_at_forks(measure: Callable[[Node], float]) -> Callable[[View], float]:
    """The median of a measure over the bifurcations where it is defined."""

    def over(view: View) -> float:
        found = [measure(node) for node in view.junctions if not node.is_crossing]
        return median([value for value in found if math.isfinite(value)])

    return over
