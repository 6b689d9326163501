"""Vessel reconnection: closing gaps between components along faint network responses.

Any threshold cuts a fading vessel in two. Between the components the probability is still higher
than beside them, so the cheapest path between components follows the vessel: a minimal path (Cohen
and Kimmel 1997, doi 10.1023/A:1007922224810) whose cost is its deficit in log-probability.
Components are joined by a minimum spanning tree, the cheapest link first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from venule.image.arrays import FloatMap, Mask
from venule.image.levels import Levels, threshold_level
from venule.vessels.components import find_runs

FLOOR = 0.1
"""Share of the threshold below which no path runs."""

_STEPS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5))  # rows, columns, length

_AROUND = [*product((-1, 0, 1), repeat=2)]

FREE = 1e-3
"""Cost of a step at the threshold, so that the shorter of equal paths wins."""

Path = NDArray[np.intp]
"""(N, 2) rows and columns of pixels, each a neighbour of the next."""


@dataclass(frozen=True)
class _Grid:
    """The pixels that a path may use, with their costs.

    Attributes:
        flat: (N,), sorted flat indices into the map with one extra pixel at the end of each row.
        component: (N,), the component of each pixel, 0 for none.
        cost: (N,), cost of a step of length 1.
        width: row length of the map, including the extra pixel.
    """

    flat: NDArray[np.intp]
    component: NDArray[np.int32]
    cost: NDArray[np.float64]
    width: int

    def places(self, nodes: Sequence[int]) -> Path:
        """Rows and columns of the pixels `nodes`."""
        return np.stack(np.divmod(self.flat[nodes], self.width), axis=1)


def reconnections(
    probability: FloatMap, fov: Mask, *, threshold: float, budget: float
) -> Sequence[Path]:
    """Find paths that join components of the map (H, W) float32 at the threshold, cheapest first.

    A path's cost is the sum, over its steps between components, of length in pixels times
    log(threshold / probability); no path costs more than `budget` or uses pixels below FLOOR times
    the threshold or outside `fov`. Each path is 8-connected, and begins and ends in a component.
    """
    if budget <= 0:
        return []
    grid = _grid(probability, fov, threshold=threshold)
    if not len(grid.flat):
        return []
    first, graph = _graph(grid)
    distance, before, source = dijkstra(
        graph,
        directed=False,
        indices=np.flatnonzero(grid.component),
        min_only=True,
        limit=budget,
        return_predecessors=True,
    )
    links = _cheapest(grid, first, graph, distance, source, budget=budget)
    if not len(links):
        return []
    paths = [[*reversed([*_back(a, before)]), *_back(b, before)] for a, b in _tree(links)]
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
    """Raise pixels of a map (H, W), uint16 levels, along the paths to the threshold, in place.

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
    flat = levels.ravel()  # a view: maps are contiguous
    at = at[(flat[at] < least) & fov.ravel()[at]]
    flat[at] = least
    return at


def _lines(starts: Path, stops: Path) -> Path:
    """The pixels of 8-connected lines from each start, excluding its stop (Bresenham 1965)."""
    away = stops - starts
    steps = np.abs(away).max(axis=1, initial=0)
    line = np.repeat(np.arange(len(steps)), steps)
    step, of = (np.arange(len(line)) - (np.cumsum(steps) - steps)[line])[:, None], steps[line, None]
    # Rounded to the nearest pixel; ties, to the farther one.
    away = away[line]
    return np.asarray(starts[line] + np.sign(away) * ((2 * np.abs(away) * step + of) // (2 * of)))


def _grid(probability: FloatMap, fov: Mask, *, threshold: float) -> _Grid:
    """The pixels of gaps between components, and the adjacent pixels of those components.

    A region of faint pixels that touches only one component, such as the rim of a vessel, is not a
    gap: most are left out.
    """
    seen, sure = (probability >= least for least in (FLOOR * threshold, threshold))
    runs = find_runs([(seen.view(np.uint8) + sure.view(np.uint8)) * fov.view(np.uint8)])
    lower, upper = runs.touching()
    count, part = runs.components(lower, upper)
    # The first and last component adjacent to each gap, in the same row or the next ones.
    abutting = np.flatnonzero(runs.starts[1:] == runs.stops[:-1])
    one, other = np.concatenate([lower, abutting]), np.concatenate([upper, abutting + 1])
    apart = runs.kind[one] != runs.kind[other]
    one, other = one[apart], other[apart]
    faint = runs.kind == 1
    gap, component = part[np.where(faint[one], [one, other], [other, one])]
    highest, lowest = np.full(count, -1, np.int32), np.full(count, count, np.int32)
    np.maximum.at(highest, gap, component)
    np.minimum.at(lowest, gap, component)
    flat = runs.pixels(faint & (lowest < highest)[part])
    vessels = runs.pixels(~faint)
    # One extra row above and below, so that every pixel has neighbours.
    width = runs.row_px
    number = np.zeros((len(fov) + 2) * width, np.int32)
    number[vessels + width] = (part + 1)[~faint].repeat((runs.stops - runs.starts)[~faint])
    used = np.zeros(len(number), bool)
    around = flat + np.array([[width * (1 + down) + right] for down, right in _AROUND])
    used[around] = number[around] > 0
    used[flat + width] = True
    at = np.flatnonzero(used) - width
    lack = np.log(threshold / np.maximum(probability[np.divmod(at, width)], 1e-12, dtype=float))
    cost = np.where(number[at + width] > 0, 0, np.maximum(lack, 0)) + FREE
    return _Grid(at, number[at + width], cost, width)


def _graph(grid: _Grid) -> tuple[NDArray[np.integer], csr_array]:
    """The steps between 8-connected pixels of the grid, each once, and the pixel each starts from.

    Steps inside one component, where all paths start, are left out.
    """
    places = np.full(grid.flat[-1] + 2 * grid.width, -1, np.int32)
    size = len(grid.flat)
    places[grid.flat] = np.arange(size)
    down, right, length = np.array(_STEPS).T
    there = places[grid.flat[:, None] + (down * grid.width + right).astype(np.intp)]
    between = grid.component == 0
    useful = (there >= 0) & (between[:, None] | between[there])
    first, step = np.nonzero(useful)
    second = there[useful]
    weight = length[step] * (grid.cost[first] + grid.cost[second]) / 2
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(useful, axis=1))])
    return first, csr_array((weight, second, ends), (size, size))


def _cheapest(
    grid: _Grid,
    first: NDArray[np.integer],
    graph: csr_array,
    distance: NDArray[np.float64],
    source: NDArray[np.int32],
    *,
    budget: float,
) -> NDArray[np.float64]:
    """(L, 5): component, other component, cost, and the two pixels at which their fronts meet."""
    second = graph.indices
    met = np.flatnonzero(np.isfinite(distance[first]) & np.isfinite(distance[second]))
    a, b = first[met], second[met]
    one, other = grid.component[source[a]], grid.component[source[b]]
    cost = distance[a] + distance[b] + graph.data[met]
    apart = (one != other) & (cost <= budget)
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    rows = np.stack((low, high, cost[apart], a[apart], b[apart]), axis=1)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    return rows[new]


def _tree(links: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield the meeting pixels of the links in the minimum spanning tree (Kruskal 1956)."""
    joined: dict[float, float] = {}  # component to one that it is joined to

    def representative(component: float) -> float:
        while component in joined:
            component = joined[component]
        return component

    for one, other, _, a, b in links[np.argsort(links[:, 2], kind="stable")].tolist():
        low, high = sorted(map(representative, (one, other)))
        if low < high:
            joined[high] = low
            yield int(a), int(b)


def _back(pixel: int, before: NDArray[np.int32]) -> Iterator[int]:
    """Trace back from a pixel to the component whose front reached it."""
    while pixel >= 0:
        yield pixel
        pixel = int(before[pixel])
