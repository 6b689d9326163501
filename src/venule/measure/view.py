"""The input of a measurement: one structure's vessels in one region of the field of view."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import Mask, bounding_box
from venule.vessels.tree import Node, Segment, VesselTree

T = TypeVar("T")


@dataclass(frozen=True)
class Disc:
    """The optic disc as a circle; pixel centres lie at integers. `confidence` is 0..1."""

    row: float
    column: float
    radius_px: float
    confidence: float = 1.0


@dataclass(frozen=True)
class Zone:
    """A ring around the disc, between two multiples of its radius, measured from its centre."""

    name: str
    inner: float
    outer: float


ZONE_B = Zone("zone_b", 2, 3)
ZONE_C = Zone("zone_c", 2, 5)
"""0.5 to 1, and 0.5 to 2, disc diameters from the disc's margin."""


@dataclass(frozen=True, eq=False)
class View:
    """One structure inside one region.

    `region` is (H, W) bool, within the field of view. `mask` holds the vessel pixels that may be
    measured: those that only close gaps are only in `tree`, which covers the whole field. `parts`
    are the arteries and the veins, if a view of vessels consists of these. `is_map` is false of a
    mask that has no graph, as it covers too much to be vessels.
    """

    structure: str
    mask: Mask
    region: Mask
    tree: VesselTree
    zone: Zone | None = None
    disc: Disc | None = None
    parts: tuple["View", "View"] | None = None
    is_map: bool = True
    _found: dict[object, Any] = field(default_factory=dict, repr=False)

    def once(self, key: object, find: Callable[[], T]) -> T:
        """The result of `find`, computed once for several measurements."""
        if key not in self._found:
            self._found[key] = find()
        found: T = self._found[key]
        return found

    def within(self, zone: Zone, disc: Disc | None, region: Mask) -> "View":
        """The structure in `region` (H, W) bool, the part of the zone in the field of view."""
        return replace(self, region=region, zone=zone, disc=disc, parts=None, _found={})

    @cached_property
    def area_px(self) -> int:
        """Number of pixels of the region."""
        return int(np.count_nonzero(self.region))

    @cached_property
    def vessel_px(self) -> int:
        """Number of vessel pixels in the region."""
        return int(np.count_nonzero(self.mask & self.region))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, cut where they leave the region."""
        if self.zone is None or self.disc is None:
            return self.tree.segments
        return tuple(part for one in self.tree.segments for part in clip(one, self.zone, self.disc))

    @cached_property
    def junctions(self) -> tuple[Node, ...]:
        """The nodes in the whole field of view where three or more arms meet."""
        return tuple(node for node in self.tree.nodes if node.is_junction)


def clip(segment: Segment, zone: Zone, disc: Disc) -> Iterator[Segment]:
    """Yield the parts of a segment inside a zone that have at least two points."""
    inside = _inside(segment.points, zone, disc)
    if inside.all():
        yield segment
        return
    change = np.flatnonzero(np.diff(np.concatenate(((0,), inside.view(np.int8), (0,)))))
    for first, last in change.reshape(-1, 2):
        if last - first >= 2:
            yield replace(
                segment,
                points=segment.points[first:last],
                caliber_px=segment.caliber_px[first:last],
                start=segment.start if first == 0 else -1,
                end=segment.end if last == len(inside) else -1,
                closed=False,
            )


def window_of(region: Mask, factor: int) -> tuple[slice, slice]:
    """The window of the image that holds the region, starting at multiples of `factor`."""
    rows, columns = bounding_box(region) or (slice(0, 1), slice(0, 1))
    first_row, first_column = (part.start // factor * factor for part in (rows, columns))
    return slice(first_row, rows.stop), slice(first_column, columns.stop)


def zone_mask(shape: tuple[int, int], zone: Zone, disc: Disc) -> Mask:
    """(H, W) bool, the pixels whose centre lies in the ring."""
    reach = zone.outer * disc.radius_px
    low = [max(math.floor(place - reach), 0) for place in (disc.row, disc.column)]
    high = [math.ceil(place + reach) + 1 for place in (disc.row, disc.column)]
    ring = np.zeros(shape, bool)
    window = ring[low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
    rows, columns = np.ogrid[: window.shape[0], : window.shape[1]]
    away = (rows + (low[0] - disc.row)) ** 2 + (columns + (low[1] - disc.column)) ** 2
    window[:] = (away >= (zone.inner * disc.radius_px) ** 2) & (away <= reach**2)
    return ring


def _inside(points: NDArray[np.float64], zone: Zone, disc: Disc) -> NDArray[np.bool_]:
    away = np.hypot(points[:, 0] - disc.row, points[:, 1] - disc.column) / disc.radius_px
    return (away >= zone.inner) & (away <= zone.outer)
