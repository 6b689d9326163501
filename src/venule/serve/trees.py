"""Vessel trees of photographs being viewed, and the effect of a click on a vessel."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from venule.analysis.analyse import Analysis
from venule.analysis.vessel_colors import trace
from venule.image.arrays import Mask
from venule.serve.service import BusyError
from venule.serve.strokes import runs_of
from venule.vessels.branch import Disc, Owners, branch_of, nearest_vessel_pixel, retype
from venule.vessels.tree import VesselTree
from venule.vessels.types import owners

NO_DISC = "no optic disc: this segment only; draw the disc first"
_MOST = 3


@dataclass(frozen=True, eq=False)
class Traced:
    """A mask's vessel tree, and the segment that each of its pixels belongs to."""

    mask: Mask
    tree: VesselTree

    @cached_property
    def owner(self) -> Owners:
        """The segment that each pixel of the mask belongs to."""
        return owners(self.mask, self.tree)


@dataclass
class Trees:
    """The most recently traced trees, by the pixels they were traced from; one trace at a time."""

    _traced: OrderedDict[str, Traced] = field(default_factory=OrderedDict)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def of(self, analysis: Analysis, *, wait: bool = True) -> Traced:
        """The vessel tree of an analysis.

        Raises:
            BusyError: another one is being traced, and the caller does not wait.
        """
        key = _key(analysis)
        kept = self._traced.get(key)
        if kept is not None:
            return kept
        if not self._one.acquire(blocking=wait):
            raise BusyError("the vessels of another photograph are being traced")
        try:
            if key not in self._traced:  # may have been added while waiting
                self._traced[key] = Traced(analysis.prediction.vessels, trace(analysis))
                while len(self._traced) > _MOST:
                    self._traced.popitem(last=False)
            return self._traced[key]
        finally:
            self._one.release()


def retyped(
    analysis: Analysis, traced: Traced, place: tuple[int, int], to: int, *, tree: bool
) -> tuple[list[tuple[int, int, int]], str]:
    """The changes if the vessel at a position (row, column) becomes of a type.

    Returns runs (first, length, bits) of pixels, and the reason if branches were to be included but
    are not.
    """
    mask = analysis.prediction.vessels
    if not (0 <= place[0] < mask.shape[0] and 0 <= place[1] < mask.shape[1]):
        return [], ""
    reach = max(3, max(mask.shape) // 200)
    pixel = nearest_vessel_pixel(traced.owner, *place, reach=reach)
    if pixel is None:
        return [], "no vessel at this position"
    segment = int(traced.owner[pixel])
    disc, note = _disc(analysis), ""
    chosen = frozenset([segment])
    if tree and disc is None:
        note = NO_DISC
    elif tree and disc is not None:
        chosen = branch_of(traced.tree, segment, disc)
    types = analysis.prediction.types
    before = np.zeros(mask.shape, np.uint8) if types is None else types
    clicked = int(before[pixel])
    after = retype(before, mask, traced.tree, traced.owner, chosen, to, clicked=clicked)
    return runs_of(after != before, after), note


def _key(analysis: Analysis) -> str:
    """The masks that a tree is traced from: vessels, reconnection pixels, the field of view."""
    found = analysis.prediction
    digest = hashlib.sha256(str(found.vessels.shape).encode())
    for mask in (found.vessels, found.vessel_map.reconnected, found.fov.mask):
        digest.update(np.packbits(mask).tobytes())
    return digest.hexdigest()


def _disc(analysis: Analysis) -> Disc | None:
    disc = None if analysis.landmarks is None else analysis.landmarks.disc
    return None if disc is None else (disc.y, disc.x, disc.radius_px)
