"""Pruning of a skeleton graph to a vessel graph.

Three rules are applied in turn until nothing changes:

- Two forks are merged if their inscribed circles overlap: a crossing of two vessels, and a fork
  drawn with a wide brush, give a skeleton several forks that lie within the vessel itself.
- A path with a free end is a spur and is removed, unless it reaches beyond the edge of the vessel
  it leaves by more than three quarters of that vessel's width, and by more than half of it plus
  `SPUR_PX`.
- Two paths that meet at a node of degree 2 are joined.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from venule.image.arrays import Points, Values
from venule.vessels.pixel_graph import SkeletonGraph

SPUR_PX = 2.0
"""A path with a free end is a spur if it reaches no more than this plus half a width beyond its
vessel."""

_TOUCH = 1.08
"""Factor by which the inscribed circles of a skeleton's forks are too small."""


@dataclass
class Edge:
    """A path between two nodes (-1 and -1 for a ring): its points and their inscribed radii."""

    start: int
    end: int
    points: Points
    radius: Values

    @property
    def length(self) -> float:
        """Sum of the pixel steps."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())


@dataclass
class Draft:
    """A vessel graph under construction."""

    edges: dict[int, Edge] = field(default_factory=dict)
    at: dict[int, list[int]] = field(default_factory=dict)  # node to its edges, a loop twice
    members: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, edge: Edge) -> int:
        """Add an edge and return its number."""
        number = next(self._numbers)
        self.edges[number] = edge
        for node in (edge.start, edge.end):
            if node >= 0:
                self.at.setdefault(node, []).append(number)
        return number

    def remove(self, number: int) -> Edge:
        """Remove an edge and return it."""
        edge = self.edges.pop(number)
        for node in (edge.start, edge.end):
            if node >= 0:
                self.at[node].remove(number)
        return edge

    def merge(self, kept: int, lost: int) -> None:
        """Merge two nodes into one."""
        for number in set(self.at.pop(lost)):
            edge = self.edges[number]
            for side in ("start", "end"):
                if getattr(edge, side) == lost:
                    setattr(edge, side, kept)
                    self.at[kept].append(number)
        self.members[kept] += self.members.pop(lost)

    def degree(self, node: int) -> int:
        """The degree of a node: its number of arms."""
        return len(self.at[node])


def draft_graph(graph: SkeletonGraph, radius: Values) -> Draft:
    """The pruned graph; `radius` (N,) is the inscribed radius at each skeleton pixel."""
    draft = Draft()
    place = graph.pixels.astype(float)
    for pixel in np.flatnonzero(graph.node >= 0):
        member = (place[pixel, 0], place[pixel, 1], float(radius[pixel]))
        draft.members.setdefault(int(graph.node[pixel]), []).append(member)
        draft.at.setdefault(int(graph.node[pixel]), [])
    for path in graph.paths:
        start, end = int(graph.node[path[0]]), int(graph.node[path[-1]])
        draft.add(Edge(start, end, place[path], radius[path]))
    _simplify(draft)
    return draft


def _simplify(draft: Draft) -> None:
    changed = True
    while changed:
        changed = _merge_forks(draft)
        changed |= _prune(draft)
        changed |= _join(draft)


def _merge_forks(draft: Draft) -> bool:
    """Merge forks whose circles overlap, and remove the resulting self-loops."""
    changed = False
    for number in list(draft.edges):
        edge = draft.edges.get(number)
        if edge is None or edge.start < 0:
            continue
        if not _overlaps(edge):
            continue
        if edge.start == edge.end:
            draft.remove(number)
            changed = True
        elif draft.degree(edge.start) >= 3 and draft.degree(edge.end) >= 3:
            draft.remove(number)
            draft.merge(edge.start, edge.end)
            changed = True
    return changed


def _overlaps(edge: Edge) -> bool:
    """Tell whether the inscribed circles at both ends overlap and the path is no detour."""
    reach = float(edge.radius[0] + edge.radius[-1])
    apart = float(np.hypot(*(edge.points[0] - edge.points[-1])))
    return apart <= max(_TOUCH * reach, reach + 1) and edge.length <= 1.5 * reach + 2


def _prune(draft: Draft) -> bool:
    """Remove spurs, the shortest first; a node with spurs only keeps two."""
    spurs = []
    for number, edge in draft.edges.items():
        if edge.start < 0 or edge.start == edge.end:
            continue
        for free, fork in ((edge.start, edge.end), (edge.end, edge.start)):
            if draft.degree(free) == 1 and draft.degree(fork) >= 3:
                beyond = _beyond(edge, forked_at_start=fork == edge.start)
                if beyond[0] <= max(1.5 * beyond[1], beyond[1] + SPUR_PX):
                    spurs.append((beyond[0], number, fork))
    numbers, changed = {number for _, number, _ in spurs}, False
    for _, number, fork in sorted(spurs):
        others = {n for n in draft.at[fork] if n != number}
        if number in draft.edges and (len(others) >= 2 or others - numbers):
            draft.remove(number)
            changed = True
    return changed


def _beyond(edge: Edge, *, forked_at_start: bool) -> tuple[float, float]:
    """The reach of an edge beyond the vessel it leaves, and half that vessel's width."""
    at_fork, at_tip = (0, -1) if forked_at_start else (-1, 0)
    half = float(edge.radius[at_fork])
    return edge.length + float(edge.radius[at_tip]) - half, half


def _join(draft: Draft) -> bool:
    """Join the two edges that meet at a node of degree 2."""
    changed = False
    for node in list(draft.at):
        numbers = tuple(draft.at[node])
        if len(numbers) != 2 or numbers[0] == numbers[1]:
            continue
        first, second = draft.remove(numbers[0]), draft.remove(numbers[1])
        if first.end != node or first.start == node:
            first = _reversed(first)
        if second.start != node or second.end == node:
            second = _reversed(second)
        draft.add(
            Edge(
                first.start,
                second.end,
                np.concatenate((first.points, second.points)),
                np.concatenate((first.radius, second.radius)),
            )
        )
        changed = True
    return changed


def _reversed(edge: Edge) -> Edge:
    return Edge(edge.end, edge.start, edge.points[::-1], edge.radius[::-1])
