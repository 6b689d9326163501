"""Tracing of a vessel mask to its tree of segments: the entry point of this package."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from venule.image.arrays import Mask, bounding_box
from venule.image.levels import strips
from venule.vessels.centerline import Trace, first_trace, skeleton_trace, turned
from venule.vessels.components import find_runs
from venule.vessels.crossings import arm_lines, join_crossings
from venule.vessels.ends import End, free_end, meeting_point
from venule.vessels.nodes import assemble
from venule.vessels.pixel_graph import skeleton_graph
from venule.vessels.pruning import Draft, draft_graph
from venule.vessels.radius import radius_at
from venule.vessels.segments import half_width, ring, segment
from venule.vessels.smoothing import median
from venule.vessels.thinning import thinned
from venule.vessels.tree import Segment, VesselTree

HOLE_PX = 8
"""Holes up to this many pixels are noise, as are those below half a mean width squared."""

_MARGIN_PX = 6
"""Margin around the vessels; larger than any search beyond a vessel's tip."""


def trace_vessels(
    mask: Mask, fov: Mask | None = None, reconnected: Mask | None = None
) -> VesselTree:
    """Trace the vessel graph of `mask` (H, W) bool.

    `fov` (H, W) bool is the field of view, at whose edge vessels are cut off. `reconnected` (H, W)
    bool marks pixels of `mask` that only close gaps: they connect, but have no calibre. An empty
    mask gives an empty tree.
    """
    window = _window(mask)
    inside = [None if one is None else one[window] for one in (fov, reconnected)]
    return _moved(_trace(np.ascontiguousarray(mask[window]), *inside), window, mask.shape)


def connect_vessels(mask: Mask) -> VesselTree:
    """Build the vessel graph of `mask` (H, W) bool without subpixel centrelines: faster.

    The nodes are those of `trace_vessels`; centrelines are the smoothed skeleton, accurate to a
    pixel, and end where it does; calibres are twice the distance to the edge.
    """
    window = _window(mask)
    return _moved(_connect(np.ascontiguousarray(mask[window])), window, mask.shape)


def _moved(found: VesselTree, window: tuple[slice, slice], shape: tuple[int, int]) -> VesselTree:
    """Convert the tree of a window to the whole image's coordinates."""
    corner = np.array([side.start for side in window], float)
    if not corner.any():
        return replace(found, shape=shape)
    return VesselTree(
        shape=shape,
        segments=tuple(replace(one, points=one.points + corner) for one in found.segments),
        nodes=tuple(replace(one, position=one.position + corner) for one in found.nodes),
        components=found.components,
    )


def _window(mask: Mask) -> tuple[slice, slice]:
    """The part of the image that holds all vessels, with a margin."""
    return bounding_box(mask, _MARGIN_PX) or (slice(0, _MARGIN_PX), slice(0, _MARGIN_PX))


def _trace(mask: Mask, fov: Mask | None, reconnected: Mask | None) -> VesselTree:
    filled = fill_small_holes(mask)
    draft = _draft(filled)
    traces = {
        number: first_trace(filled, edge.points, edge.radius, closed=edge.start < 0)
        for number, edge in draft.edges.items()
        if len(edge.points) > 1
    }
    join_crossings(draft, traces)
    forks = {node: _fork(node, draft, traces) for node in draft.at if draft.degree(node) >= 2}
    found: dict[int, Segment] = {}
    for number, trace in traces.items():
        edge = draft.edges[number]
        if edge.start < 0:
            found[number] = ring(filled, fov, reconnected, trace)
            continue
        ends = (
            forks.get(edge.start) or _free_end(filled, fov, turned(trace)),
            forks.get(edge.end) or _free_end(filled, fov, trace),
        )
        part = segment(filled, fov, reconnected, trace, ends)
        if part is not None:
            found[number] = part
    return assemble(mask.shape, draft, found, forks, components=_components(mask))


def _connect(mask: Mask) -> VesselTree:
    draft = _draft(fill_small_holes(mask))
    traces = {
        number: skeleton_trace(edge.points, edge.radius, closed=edge.start < 0)
        for number, edge in draft.edges.items()
        if len(edge.points) > 1
    }
    join_crossings(draft, traces)
    forks = {node: _fork(node, draft, traces) for node in draft.at if draft.degree(node) >= 2}
    found = {
        number: Segment(trace.points, trace.edges.width, closed=trace.closed)
        for number, trace in traces.items()
    }
    return assemble(mask.shape, draft, found, forks, components=_components(mask))


def _components(mask: Mask) -> int:
    runs = find_runs(mask[rows] for rows in strips(mask.shape))
    return runs.components(*runs.touching())[0]


def _draft(filled: Mask) -> Draft:
    """The pruned graph of a mask's skeleton."""
    graph = skeleton_graph(thinned(filled))
    return draft_graph(graph, radius_at(filled, graph.pixels))


def fill_small_holes(mask: Mask) -> Mask:
    """Fill holes of a mask (H, W) bool that are too small to be tissue between vessels."""
    area, inner = int(np.count_nonzero(mask)), _inner_px(mask)
    width = 2 * area / max(area - inner, 1)
    runs = find_runs(~mask[rows] for rows in strips(mask.shape))
    number, hole = runs.components(*runs.touching(corners=False))
    small = np.bincount(hole, runs.stops - runs.starts, number) <= max(HOLE_PX, (width / 2) ** 2)
    top, left = np.divmod(runs.starts, runs.row_px)
    bottom, right = np.divmod(runs.stops - 1, runs.row_px)
    border = (top == 0) | (left == 0) | (bottom == len(mask) - 1) | (right == mask.shape[1] - 1)
    small[hole[border]] = False
    at = runs.pixels(small[hole])
    filled = mask.copy()
    filled.ravel()[at - at // runs.row_px] = True
    return filled


def _inner_px(mask: Mask) -> int:
    """Number of pixels with all four neighbours in the mask; beyond the image counts as inside."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return int(np.count_nonzero(inner))


def _fork(node: int, draft: Draft, traces: Mapping[int, Trace]) -> End:
    """The fork at a node: where its arms' centrelines meet, and the radius of its inside."""
    pixels = np.array(draft.members[node])
    center = pixels[:, :2].mean(axis=0)
    radius = float((np.hypot(*(pixels[:, :2] - center).T) + pixels[:, 2]).max())
    lines = arm_lines(node, radius, draft, traces)
    return End(meeting_point(center, radius, list(lines.values())), radius)


def _free_end(mask: Mask, fov: Mask | None, trace: Trace) -> End:
    half = half_width(trace)
    near = max(int(6 * half[-1]), 12)
    seen = half[-near:][trace.seen[-near:]]
    return free_end(mask, fov, trace, median(seen) if len(seen) else float(half[-1]))
