"""Routes of vessels coloured by a measure."""

import math
from collections import OrderedDict
from threading import BoundedSemaphore

from fastapi import FastAPI
from fastapi.responses import Response

from venule.analysis.analyse import Analysis
from venule.analysis.vessel_colors import Measure, trace, vessel_colors
from venule.serve import pictures
from venule.serve.routes.pictures import packed_map
from venule.serve.schemas import Refusal
from venule.serve.service import BusyError, Service, UnknownError
from venule.serve.types import Id, Longest, answered
from venule.vessels.tree import VesselTree

_TREES = 3
"""Vessel trees that are kept, so that the second measure of a photograph comes at once."""


class _Trees:
    """The trees of the analyses that were looked at last; one is traced at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Analysis, VesselTree]] = OrderedDict()
        self._one = BoundedSemaphore(1)

    def of(self, id: str, analysis: Analysis) -> VesselTree:
        """The tree of an analysis.

        Raises:
            BusyError: another one is being traced.
        """
        kept = self._kept.get(id)
        if kept is not None and kept[0] is analysis:
            return kept[1]
        if not self._one.acquire(blocking=False):
            raise BusyError("the vessels of another photograph are being traced")
        try:
            tree = trace(analysis)
            self._kept[id] = (analysis, tree)
            while len(self._kept) > _TREES:
                self._kept.popitem(last=False)
        finally:
            self._one.release()
        return tree


def add_colors(app: FastAPI, service: Service) -> None:
    """Add the routes of vessels coloured by a measure."""
    trees = _Trees()
    raw = answered(200, {"content": {"application/octet-stream": {}}})

    @app.get(
        "/api/photographs/{id}/colors/{measure}",
        responses={**raw, 429: {"model": Refusal}},
        response_class=Response,
    )
    def colors(id: Id, measure: Measure, longest: Longest = 16384) -> Response:
        """Places on a scale of colours: uint8, row by row; 0 where there is no value.

        1 to 255 stand for the headers X-Low to X-High, in X-Unit (`px`, `um` or nothing).
        """
        analysis = service.analysis(id)
        found = vessel_colors(analysis, trees.of(id, analysis), measure)
        if math.isnan(found.low):
            raise UnknownError("no vessel of this photograph is long enough to be measured")
        answer = packed_map(*pictures.packed_places(found.places, longest))
        answer.headers["X-Low"], answer.headers["X-High"] = f"{found.low:.6g}", f"{found.high:.6g}"
        answer.headers["X-Unit"] = found.unit.replace("µ", "u")
        return answer
