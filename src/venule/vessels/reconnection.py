"""Gaps in vessels: components of a vessel map joined where the network saw a vessel, if faintly.

A vessel that fades is cut in two by any threshold. Between the components the probability is still
higher than beside them, so the cheapest path from component to component follows the vessel: a
minimal path (Cohen and Kimmel 1997, doi 10.1023/A:1007922224810) whose cost is what the path lacks
in log-probability. Components are reconnected as a minimum spanning tree joins them, the cheapest
link first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree

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
    """The pixels that a path may use, and what each costs.

    Attributes:
        flat: (N,), their indices into the map with a border of one pixel, sorted.
        component: (N,), the component that each belongs to, 0 for none.
        cost: (N,), of a step of length 1.
        width: of the map with its border.
    """

    flat: NDArray[np.intp]
    component: NDArray[np.int32]
    cost: NDArray[np.float64]
    width: int

    def places(self, nodes: Sequence[int]) -> Path:
        """Rows and columns of some pixels."""
        rows, columns = np.divmod(self.flat[nodes], self.width)
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
    if not len(grid.flat):
        return []
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
    if not len(links):
        return []
    paths = [
        [*reversed([*_back(a, before)]), *_back(b, before)] for a, b in _tree(links, components)
    ]
    places = grid.places([node for path in paths for node in path])
    return np.split(places, np.cumsum([len(path) for path in paths])[:-1])


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
    if not paths:
        return np.empty(0, np.intp)
    least = threshold_level(threshold)
    factors = np.divide(levels.shape, shape)
    corners = ((np.concatenate(paths) + 0.5) * factors - 0.5).round().astype(np.intp)
    corners = corners.clip(0, np.subtract(levels.shape, 1))
    onward = np.ones(len(corners), bool)
    onward[np.cumsum([len(path) for path in paths]) - 1] = False  # the end of a path
    lines = _lines(corners[onward], corners[1:][onward[:-1]])
    rows, columns = np.concatenate([corners, lines]).T
    at: NDArray[np.intp] = np.unique(rows * levels.shape[1] + columns)
    flat = levels.ravel()  # a view, for maps are contiguous
    at = at[(flat[at] < least) & fov.ravel()[at]]
    flat[at] = least
    return at


def _lines(starts: Path, stops: Path) -> Path:
    """The pixels of 8-connected lines from each start on, without its stop (Bresenham 1965)."""
    away = stops - starts
    steps = np.abs(away).max(axis=1, initial=0)
    line = np.repeat(np.arange(len(steps)), steps)
    step, of = (np.arange(len(line)) - (np.cumsum(steps) - steps)[line])[:, None], steps[line, None]
    # Rounded to the nearest pixel; half way between two, to the farther one.
    away = away[line]
    return np.asarray(starts[line] + np.sign(away) * ((2 * np.abs(away) * step + of) // (2 * of)))


def _grid(
    probability: FloatMap, fov: Mask, labels: NDArray[np.int32], *, threshold: float
) -> _Grid:
    """The pixels of gaps between components, and those of the components beside them.

    A region of faint pixels that touches one component only, such as the rim of a vessel, is no
    gap: most are left out.
    """
    padded = np.pad(labels, 1)
    width = padded.shape[1]
    faint = np.pad((probability >= FLOOR * threshold) & fov & (labels == 0), 1)
    gaps, count = ndi.label(faint, structure=EIGHT_CONNECTED)
    flat = np.flatnonzero(faint)
    offsets = [width * down + right for down, right in product((-1, 0, 1), repeat=2)]
    around = flat + np.array(offsets)[:, None]
    beside, gap = padded.ravel()[around], gaps.ravel()[flat]
    highest, lowest = np.zeros(count + 1, np.int32), np.full(count + 1, labels.size, np.int32)
    np.maximum.at(highest, gap, beside.max(axis=0))
    np.minimum.at(lowest, gap, np.where(beside > 0, beside, labels.size).min(axis=0))
    between = (lowest < highest)[gap]
    ends = np.unique(around[:, between][beside[:, between] > 0])
    used = np.sort(np.concatenate([flat[between], ends]))
    component = padded.ravel()[used]
    rows, columns = np.divmod(used, width)
    seen = probability[rows - 1, columns - 1].astype(np.float64)
    lack = np.log(threshold / np.maximum(seen, 1e-12))
    cost = np.where(component > 0, 0, np.maximum(lack, 0)) + _FREE
    return _Grid(used, component, cost, width)


def _neighbours(
    grid: _Grid,
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float64]]:
    """Every pair of 8-connected pixels of the grid once, with their distance in pixels.

    Pairs inside one component, from which all paths begin anyhow, are left out.
    """
    pairs = []
    numbers, between = np.arange(len(grid.flat)), grid.component == 0
    for down, right, length in _STEPS:
        wanted = grid.flat + (down * grid.width + right)
        there = np.searchsorted(grid.flat, wanted).clip(max=len(grid.flat) - 1)
        useful = (grid.flat[there] == wanted) & (between | between[there])
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
