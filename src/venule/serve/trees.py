"""Vessel trees of the photographs whose arteries and veins are being corrected."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from venule.analysis.analyse import Analysis
from venule.analysis.correction import types_of
from venule.serve.strokes import runs_of
from venule.vessels.branch import Disc, Owners, branch_of, retype, segment_at
from venule.vessels.trace import trace_vessels
from venule.vessels.tree import VesselTree
from venule.vessels.types import owners

NO_DISC = "no optic disc: the segment alone; drag the disc first"
_MOST = 2


@dataclass(frozen=True, eq=False)
class _Traced:
    tree: VesselTree
    owner: Owners


@dataclass
class Trees:
    """The trees that were traced last, by the pixels of their masks."""

    _traced: OrderedDict[str, _Traced] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def retyped(
        self, analysis: Analysis, place: tuple[int, int], to: int, *, tree: bool
    ) -> tuple[list[tuple[int, int, int]], str]:
        """What changes where the vessel at a place (row, column) becomes of a type.

        Runs (first, length, bits) of pixels; and why what branches from it does not follow, where
        that was wanted.
        """
        prediction = analysis.prediction
        mask = prediction.vessels
        if not (0 <= place[0] < mask.shape[0] and 0 <= place[1] < mask.shape[1]):
            return [], ""
        traced = self._of(analysis)
        reach = max(3, max(mask.shape) // 200)
        segment = segment_at(traced.owner, *place, reach=reach)
        if segment is None:
            return [], "no vessel is there"
        disc, note = _disc(analysis), ""
        chosen = frozenset([segment])
        if tree and disc is None:
            note = NO_DISC
        elif tree and disc is not None:
            chosen = branch_of(traced.tree, segment, disc)
        types = types_of(analysis)
        before = np.zeros(mask.shape, np.uint8) if types is None else types
        after = retype(before, mask, traced.tree, traced.owner, chosen, to)
        return runs_of(after != before, after), note

    def _of(self, analysis: Analysis) -> _Traced:
        prediction = analysis.prediction
        mask = prediction.vessels
        key = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest() + str(mask.shape)
        with self._lock:
            if key not in self._traced:
                fov, gaps = prediction.fov.mask, prediction.vessel_map.reconnected
                tree = trace_vessels(mask, fov, gaps)
                self._traced[key] = _Traced(tree, owners(mask, tree))
                while len(self._traced) > _MOST:
                    self._traced.popitem(last=False)
            self._traced.move_to_end(key)
            return self._traced[key]


def _disc(analysis: Analysis) -> Disc | None:
    disc = None if analysis.landmarks is None else analysis.landmarks.disc
    return None if disc is None else (disc.y, disc.x, disc.radius_px)
