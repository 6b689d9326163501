"""Gaps in vessels: components of a vessel map joined where the network saw a vessel, if faintly.

A vessel that fades is cut in two by any threshold. Between the components the probability is still
higher than beside them, so the cheapest path from component to component follows the vessel: a
minimal path (Cohen and Kimmel 1997, doi 10.1023/A:1007922224810) whose cost is what the path lacks
in log-probability. Components are reconnected as a minimum spanning tree joins them, the cheapest
link first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from skimage.draw import line

from venule.image.arrays import FloatMap, Mask
from venule.image.levels import Levels, threshold_level
from venule.vessels.components import EIGHT_CONNECTED

FLOOR = 0.1
"""Share of the threshold's probability below which no path leads."""

_STEPS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5))  # rows, columns, length

_FREE = 1e-3  # cost of a step at the threshold: of equal paths the shorter counts

Path = NDArray[np.intp]
"""(N, 2) rows and columns of pixels, each a neighbour of the next."""


@dataclass(frozen=True)
class _Grid:
    """The pixels that a path may use, and what each costs."""

    node: NDArray[np.int32]  # (h + 2, w + 2), a pixel's number from 0, or -1, with a border of -1
    flat: NDArray[np.intp]  # (N,), index into `node` of each number
    component: NDArray[np.int32]  # (N,), the component that each belongs to, 0 for none
    cost: NDArray[np.float64]  # (N,), of a step of length 1

    def places(self, nodes: Sequence[int]) -> Path:
        """Rows and columns of some pixels."""
        rows, columns = np.divmod(self.flat[nodes], self.node.shape[1])
        return np.stack((rows - 1, columns - 1), axis=1)


def reconnections(
    probability: FloatMap, fov: Mask, *, threshold: float, budget: float
) -> Sequence[Path]:
    """Paths that join components of the map (H, W) float32 at the threshold, cheapest first.

    A path's cost is the sum, over its steps between components, of length in pixels times
    log(threshold / probability); none above `budget` is taken, and none through pixels below
    FLOOR times the threshold or outside `fov`. Each path begins and ends in a component,
    8-connected.
    """
    labels, components = ndi.label((probability >= threshold) & fov, structure=EIGHT_CONNECTED)
    if components < 2 or budget <= 0:
        return []
    grid = _grid(probability, fov, labels, threshold=threshold)
    first, second, length = _neighbours(grid)
    weight = length * (grid.cost[first] + grid.cost[second]) / 2
    size = len(grid.flat)
    graph = csr_array(coo_array((weight, (first, second)), shape=(size, size)))
    distance, before, source = dijkstra(
        graph,
        directed=False,
        indices=np.flatnonzero(grid.component),
        min_only=True,
        limit=budget,
        return_predecessors=True,
    )
    links = _cheapest(grid, first, second, weight, distance, source, budget=budget)
    return [
        grid.places([*reversed([*_back(a, before)]), *_back(b, before)])
        for a, b in _tree(links, components)
    ]


def raise_paths(
    levels: Levels,
    fov: Mask,
    paths: Sequence[Path],
    shape: tuple[int, int],
    *,
    threshold: float,
) -> NDArray[np.intp]:
    """Lift pixels of a map (H, W), uint16 levels, under the paths to the threshold, in place.

    The paths lie in a map of `shape` (h, w), the same photograph at another size; each is drawn as
    8-connected lines between the centres of its pixels. Nothing is lowered, and nothing outside
    `fov` changes. Returns the flat indices, sorted, of the pixels that were below the threshold.
    """
    least = threshold_level(threshold)
    factors = np.divide(levels.shape, shape)
    under: list[NDArray[np.intp]] = [np.empty(0, np.intp)]
    for path in paths:
        corners = ((path + 0.5) * factors - 0.5).round().astype(int)
        corners = corners.clip(0, np.subtract(levels.shape, 1))
        for start, end in pairwise(corners):
            rows, columns = line(*start, *end)  # type: ignore[no-untyped-call]
            under.append(np.ravel_multi_index((rows, columns), levels.shape).astype(np.intp))
    at = np.unique(np.concatenate(under))
    flat = levels.ravel()  # a view, for maps are contiguous
    at = at[(flat[at] < least) & fov.ravel()[at]]
    flat[at] = least
    return at


def _grid(
    probability: FloatMap, fov: Mask, labels: NDArray[np.int32], *, threshold: float
) -> _Grid:
    inner = ndi.binary_erosion(labels > 0, EIGHT_CONNECTED)
    used = np.pad((probability >= FLOOR * threshold) & fov & ~inner, 1)
    node = np.full(used.shape, -1, np.int32)
    flat = np.flatnonzero(used)
    node.ravel()[flat] = np.arange(len(flat), dtype=np.int32)
    inside = used[1:-1, 1:-1]
    component = labels[inside]
    lack = np.log(threshold / np.maximum(probability[inside].astype(np.float64), 1e-12))
    return _Grid(node, flat, component, np.where(component > 0, 0, np.maximum(lack, 0)) + _FREE)


def _neighbours(
    grid: _Grid,
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float64]]:
    """Every pair of 8-connected pixels of the grid once, with their distance in pixels.

    Pairs inside one component, from which all paths begin anyhow, are left out.
    """
    pairs = []
    numbers, node, between = np.arange(len(grid.flat)), grid.node.ravel(), grid.component == 0
    for down, right, length in _STEPS:
        there = node[grid.flat + (down * grid.node.shape[1] + right)]
        useful = (there >= 0) & (between | between[there])
        pairs.append((numbers[useful], there[useful], np.full(np.count_nonzero(useful), length)))
    first, second, lengths = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return first, second, lengths


def _cheapest(
    grid: _Grid,
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    weight: NDArray[np.float64],
    distance: NDArray[np.float64],
    source: NDArray[np.int32],
    *,
    budget: float,
) -> NDArray[np.float64]:
    """(L, 5): component, other component, cost, and the two pixels at which their fronts meet."""
    met = np.flatnonzero(np.isfinite(distance[first]) & np.isfinite(distance[second]))
    a, b = first[met], second[met]
    one, other = grid.component[source[a]], grid.component[source[b]]
    cost = distance[a] + distance[b] + weight[met]
    apart = (one != other) & (cost <= budget)
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    rows = np.stack((low, high, cost[apart], a[apart], b[apart]), axis=1)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[new]


def _tree(links: NDArray[np.float64], components: int) -> list[tuple[int, int]]:
    """The meeting pixels of the links that a minimum spanning tree takes."""
    if not len(links):
        return []
    one, other = links[:, 0].astype(np.intp), links[:, 1].astype(np.intp)
    shape = (components + 1, components + 1)
    # The rank as weight: no ties, so that the tree does not depend on the order of its edges.
    rank = np.empty(len(links))
    rank[np.argsort(links[:, 2], kind="stable")] = np.arange(1, len(links) + 1)
    chosen = minimum_spanning_tree(csr_array(coo_array((rank, (one, other)), shape=shape)))
    order = np.argsort(rank)
    return [
        (int(links[order[int(r) - 1], 3]), int(links[order[int(r) - 1], 4]))
        for r in np.sort(chosen.data)
    ]


def _back(pixel: int, before: NDArray[np.int32]) -> Iterator[int]:
    """From a pixel to the component whose front reached it."""
    while pixel >= 0:
        yield pixel
        pixel = int(before[pixel])
