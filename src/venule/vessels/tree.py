"""The vessels of one mask as a graph: segments in path order between forks, crossings and ends."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from venule.image.arrays import Points, Values
from venule.vessels.centerline import along, curvature


@dataclass(frozen=True, eq=False)
class Arm:
    """One segment as it leaves a node: its direction, a unit vector, and its calibre."""

    segment: int
    at_start: bool
    direction: Points  # (2,)
    caliber_px: float  # nan where it could not be measured


@dataclass(frozen=True, eq=False)
class Node:
    """A bifurcation, a crossing or the end of a vessel.

    `radius_px` is the radius of the region in which the vessels cannot be told apart.
    """

    position: Points  # (2,)
    radius_px: float
    arms: tuple[Arm, ...]
    is_crossing: bool = False

    @property
    def is_end(self) -> bool:
        """True for a free end."""
        return len(self.arms) == 1

    @property
    def is_junction(self) -> bool:
        """True where three or more arms meet: bifurcations and crossings."""
        return len(self.arms) >= 3


@dataclass(frozen=True, eq=False)
class Segment:
    """A vessel between two nodes: its smooth centreline from end to end, in path order.

    `caliber_px` is the distance between the vessel's edges at each point, nan near forks, in closed
    gaps, and where another vessel's edge is nearer. A closed ring has no nodes (-1), and its last
    point is not its first.
    """

    points: Points  # (N, 2), about one pixel apart
    caliber_px: Values  # (N,)
    start: int = -1
    end: int = -1
    closed: bool = False

    @cached_property
    def place(self) -> Values:
        """(N,) length of the centreline up to each point, in pixels."""
        return along(self.points)

    @cached_property
    def length_px(self) -> float:
        """Length of the centreline; of a ring, its perimeter."""
        gap = float(np.hypot(*(self.points[0] - self.points[-1]))) if self.closed else 0.0
        return float(self.place[-1]) + gap

    @cached_property
    def chord_px(self) -> float:
        """Distance between the ends; 0 for a ring, and for a loop whose ends touch."""
        if self.closed or (self.start == self.end >= 0):
            return 0.0
        apart = float(np.hypot(*(self.points[-1] - self.points[0])))
        touching = apart < self.mean_caliber_px < self.length_px / 2
        return 0.0 if touching else apart

    @cached_property
    def curvature(self) -> Values:
        """(N,) signed curvature in 1/px, positive where the path turns from columns to rows.

        At most that of a tube of the same calibre: 1 over half the calibre.
        """
        caliber = self.mean_caliber_px
        most = 2 / caliber if caliber > 2 else 1.0
        return np.clip(curvature(self.points, closed=self.closed), -most, most)

    @cached_property
    def mean_caliber_px(self) -> float:
        """Mean calibre over the points where it was measured, nan if there are none."""
        seen = self.caliber_px[np.isfinite(self.caliber_px)]
        return float(seen.mean()) if len(seen) else np.nan


@dataclass(frozen=True, eq=False)
class VesselTree:
    """The graph of all vessels of a mask; it may have rings and several components."""

    shape: tuple[int, int]
    segments: tuple[Segment, ...]
    nodes: tuple[Node, ...]
    components: int

    @property
    def points(self) -> Points:
        """(N, 2) the points of all segments in turn."""
        return np.concatenate([np.empty((0, 2)), *(segment.points for segment in self.segments)])

    @property
    def length_px(self) -> float:
        """Length of all the centrelines."""
        return float(sum(segment.length_px for segment in self.segments))
