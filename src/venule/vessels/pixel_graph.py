"""The graph of a skeleton: its pixels traced into paths between ends and forks, without recursion.

Pixels are neighbours if they share a side, or a corner that no path of sides goes around. So a
staircase is a path, and none of its pixels is taken for a fork.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask

Path = NDArray[np.intp]
"""(N,) indices into `SkeletonGraph.pixels`, each pixel a neighbour of the next."""

_SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))
_CORNERS = (((1, 1), (0, 1)), ((1, -1), (1, 2)), ((-1, -1), (2, 3)), ((-1, 1), (3, 0)))


@dataclass(frozen=True, eq=False)
class SkeletonGraph:
    """Paths between the special pixels of a skeleton: its ends, forks and lone pixels.

    `paths` begin and end at a special pixel, except the closed ones, which begin and end at the
    same pixel. `node` is the number of the fork or end that each pixel belongs to, -1 inside a
    path; forks that touch are one node.
    """

    pixels: NDArray[np.intp]  # (N, 2), rows and columns
    node: NDArray[np.intp]  # (N,)
    nodes: int
    paths: tuple[Path, ...]


def skeleton_graph(skeleton: Mask) -> SkeletonGraph:
    """Trace a skeleton (H, W) bool, one pixel wide."""
    pixels = np.argwhere(skeleton)
    neighbours = _neighbours(skeleton, pixels)
    degree = np.count_nonzero(neighbours >= 0, axis=1)
    node, nodes = _group(neighbours, degree)
    return SkeletonGraph(pixels, node, nodes, tuple(_trace(neighbours, node, degree)))


def _neighbours(skeleton: Mask, pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    """(N, 8), the index of each neighbour in `pixels`, -1 for none."""
    kind = np.intp if len(pixels) > 2**31 else np.int32
    number: NDArray[np.signedinteger[Any]] = np.full(np.add(skeleton.shape, 2), -1, kind)
    rows, columns = pixels[:, 0] + 1, pixels[:, 1] + 1
    number[rows, columns] = np.arange(len(pixels))
    sides = [number[rows + down, columns + right] for down, right in _SIDES]
    found = list(sides)
    for (down, right), around in _CORNERS:
        corner = number[rows + down, columns + right]
        goes_round = (sides[around[0]] >= 0) | (sides[around[1]] >= 0)
        found.append(np.where(goes_round, -1, corner))
    return np.asarray(np.stack(found, axis=1), np.intp)


def _group(neighbours: NDArray[np.intp], degree: NDArray[np.intp]) -> tuple[NDArray[np.intp], int]:
    """(N,) the node of each special pixel, and the number of nodes."""
    node = np.full(len(degree), -1, np.intp)
    count = 0
    for seed in np.flatnonzero(degree >= 3):
        if node[seed] >= 0:
            continue
        node[seed], stack = count, [seed]
        while stack:
            for other in neighbours[stack.pop()]:
                if other >= 0 and degree[other] >= 3 and node[other] < 0:
                    node[other] = count
                    stack.append(other)
        count += 1
    ends = np.flatnonzero(degree <= 1)
    node[ends] = count + np.arange(len(ends))
    return node, count + len(ends)


def _trace(
    neighbours: NDArray[np.intp], node: NDArray[np.intp], degree: NDArray[np.intp]
) -> list[Path]:
    links = [[n for n in row if n >= 0] for row in neighbours.tolist()]
    special, seen = (node >= 0).tolist(), np.zeros(len(node), bool).tolist()
    paths = []
    for start in np.flatnonzero(node >= 0).tolist():
        for step in links[start]:
            if special[step]:
                if node[step] != node[start] and start < step:
                    paths.append([start, step])
            elif not seen[step]:
                paths.append(_walk(links, special, seen, start, step))
    for start in np.flatnonzero((node < 0) & (degree == 2)).tolist():
        if not seen[start]:  # a ring without a fork
            seen[start] = True
            paths.append(_walk(links, special, seen, start, links[start][0]))
    return [np.array(path, np.intp) for path in paths]


def _walk(
    links: list[list[int]], special: list[bool], seen: list[bool], start: int, step: int
) -> list[int]:
    """Pixels from `start` via `step` to the next special one, or back to `start`."""
    path, before, here = [start], start, step
    while True:
        path.append(here)
        if special[here] or here == start:
            return path
        seen[here] = True
        before, here = here, next(n for n in (*links[here], start) if n != before)
