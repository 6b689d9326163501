"""Crossings at an acute angle, where the skeleton follows both vessels between two forks."""

from collections.abc import Mapping

import numpy as np

from venule.vessels.centerline import Trace, turned
from venule.vessels.ends import Line, arm_line
from venule.vessels.pruning import Draft
from venule.vessels.smoothing import median

_LONGEST = 5.0
"""Most calibres between the two forks of a crossing: this many at 17 degrees."""

_STRAIGHT = float(np.cos(np.radians(150)))

_ASIDE = 0.5
"""Most offset, in calibres, between the two halves of a vessel across a crossing."""

ArmLines = dict[tuple[int, bool], Line]
"""The line of each arm of a node, by (edge, whether the arm is at the edge's start)."""


def arm_lines(node: int, radius: float, draft: Draft, traces: Mapping[int, Trace]) -> ArmLines:
    """The lines of a node's arms beyond `radius`, where they can be fitted."""
    lines: ArmLines = {}
    for number in set(draft.at[node]):
        edge, trace = draft.edges[number], traces.get(number)
        for at_start in (True, False):
            if trace is None or node != (edge.start if at_start else edge.end):
                continue
            path = trace if at_start else turned(trace)
            width = _caliber(trace, 2 * radius)
            line = arm_line(path, radius + 1 + width / 2, max(2 * width, 10))
            if line is not None:
                lines[number, at_start] = line
    return lines


def join_crossings(draft: Draft, traces: dict[int, Trace]) -> None:
    """Merge two forks between which two straight vessels overlap into one node."""
    for number, edge in list(draft.edges.items()):
        if number not in draft.edges or edge.start < 0 or edge.start == edge.end:
            continue
        if draft.degree(edge.start) != 3 or draft.degree(edge.end) != 3:
            continue
        others = [n for node in (edge.start, edge.end) for n in draft.at[node] if n != number]
        widths = [_caliber(traces[n], 0) for n in others if n in traces]
        if len(widths) < 4 or edge.length > _LONGEST * max(widths):
            continue
        first, second = (_others(node, number, draft, traces) for node in (edge.start, edge.end))
        if _continue(first, second, _ASIDE * max(widths)):
            draft.remove(number)
            draft.merge(edge.start, edge.end)
            traces.pop(number, None)


def _others(node: int, number: int, draft: Draft, traces: Mapping[int, Trace]) -> list[Line]:
    """The lines of a fork's arms except those of one edge."""
    radius = max(member[2] for member in draft.members[node])
    lines = arm_lines(node, radius, draft, traces)
    return [line for (other, _), line in lines.items() if other != number]


def _continue(first: list[Line], second: list[Line], aside: float) -> bool:
    """Tell whether each of two lines on one side continues in its own line on the other."""
    if len(first) != 2 or len(second) != 2:
        return False
    straight = [[_one_line(a, b, aside) for b in second] for a in first]
    return (straight[0][0] and straight[1][1]) or (straight[0][1] and straight[1][0])


def _one_line(one: Line, other: Line, aside: float) -> bool:
    if one.direction @ other.direction > _STRAIGHT:
        return False
    across = np.array((-one.direction[1], one.direction[0]))
    back = np.array((-other.direction[1], other.direction[0]))
    gap = other.point - one.point
    return bool(min(abs(gap @ across), abs(gap @ back)) <= aside + 0.05 * np.hypot(*gap))


def _caliber(trace: Trace, default: float) -> float:
    seen = trace.edges.width[trace.seen]
    return median(seen) if len(seen) else default
