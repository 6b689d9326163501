"""Vessel trees as linked points, and Murray's laws for their calibres and angles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from venule.synth.anatomy import Kind, Points, Vessel


def murray_radii(radius: float, ratio: float) -> tuple[float, float]:
    """The radii of two branches, the second `ratio` times the first: r0^3 = r1^3 + r2^3.

    Murray, PNAS 12, 1926.
    """
    first = radius / (1 + ratio**3) ** (1 / 3)
    return first, ratio * first


def murray_angles(radius: float, first: float, second: float) -> tuple[float, float]:
    """The angles (radians) between two branches and the direction of their parent.

    cos a1 = (r0^4 + r1^4 - r2^4) / (2 r0^2 r1^2), and the same for a2 (Murray, J. Gen. Physiol.
    9, 1926).
    """

    def angle(own: float, other: float) -> float:
        cosine = (radius**4 + own**4 - other**4) / (2 * radius**2 * own**2)
        return math.acos(min(1.0, max(-1.0, cosine)))

    return angle(first, second), angle(second, first)


@dataclass
class Tree:
    """The vessels of one type as nodes (points in mm) with parents, which come first."""

    kind: Kind
    points: Points = field(default_factory=lambda: np.empty((1024, 2)))
    heading: Points = field(default_factory=lambda: np.empty((1024, 2)))
    forked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1024, bool))
    arcade: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1024, bool))
    parents: list[int] = field(default_factory=list)
    cube: dict[int, float] = field(default_factory=dict)  # radius^3 (mm^3) at an end
    trunks: list[tuple[int, int, float]] = field(default_factory=list)  # first, end, radius^3

    def __len__(self) -> int:
        return len(self.parents)

    def add(self, path: Points, parent: int) -> int:
        """Add a path below `parent` (-1: none), without its point; return the end's index."""
        start, stop = len(self), len(self) + len(path)
        while stop > len(self.points):
            self.points = np.concatenate([self.points, np.empty_like(self.points)])
            self.heading = np.concatenate([self.heading, np.empty_like(self.heading)])
            self.forked = np.concatenate([self.forked, np.zeros_like(self.forked)])
            self.arcade = np.concatenate([self.arcade, np.zeros_like(self.arcade)])
        before = path[:1] - (path[1:2] - path[:1]) if parent < 0 else self.points[parent][None]
        along = np.diff(np.concatenate([before, path]), axis=0)
        self.points[start:stop] = path
        self.heading[start:stop] = along / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
        self.forked[start : start + 3] = True  # no two forks at one position
        self.parents += [parent, *range(start, stop - 1)]
        if parent >= 0:
            self.forked[max(0, parent - 3) : parent + 4] = True
        return stop - 1

    def components(self, mm: float) -> Iterator[Vessel]:
        """The tree split at its forks, with Murray's radii; `mm` is one unit of the result."""
        cubes, children = [0.0] * len(self), [0] * len(self)
        for node in range(len(self) - 1, -1, -1):
            cubes[node] += self.cube.get(node, 0.0)
            if (parent := self.parents[node]) >= 0:
                cubes[parent] += cubes[node]
                children[parent] += 1
        chain: list[int] = []
        for node, parent in enumerate(self.parents):
            if not chain:
                chain = [parent, node] if parent >= 0 else [node]
            else:
                chain.append(node)
            if children[node] != 1 or node + 1 == len(self) or self.parents[node + 1] != node:
                if len(chain) > 1:
                    radius = cubes[node] ** (1 / 3) / mm
                    # Between forks the calibre is constant; a free end tapers.
                    least = 0.97 if children[node] else 0.85
                    radii = radius * np.linspace(1, least, len(chain))
                    yield Vessel(self.kind, self.points[chain] / mm, radii)
                chain = []
