"""Routes of vessels coloured by a measure."""

import math

from fastapi import FastAPI
from fastapi.responses import Response

from venule.analysis.vessel_colors import Measure, vessel_colors
from venule.serve import pictures
from venule.serve.routes.pictures import packed_map
from venule.serve.service import Service, UnknownError
from venule.serve.trees import Trees
from venule.serve.types import Id, Longest, answered, refusals


def add_colors(app: FastAPI, service: Service, trees: Trees) -> None:
    """Add the routes of vessels coloured by a measure."""
    raw = answered(200, {"content": {"application/octet-stream": {}}})

    @app.get(
        "/api/photographs/{id}/colors/{measure}",
        responses=raw | refusals(429),
        response_class=Response,
    )
    def colors(id: Id, measure: Measure, longest: Longest = 16384) -> Response:
        """Positions on a colour scale: uint8, row by row; 0 where there is no value.

        Values 1 to 255 span the headers X-Low to X-High, in X-Unit (`px`, `um` or none).
        """
        analysis = service.analysis(id)
        found = vessel_colors(analysis, trees.of(analysis, wait=False).tree, measure)
        if math.isnan(found.low):
            raise UnknownError("no vessel of this photograph is long enough to be measured")
        answer = packed_map(*pictures.packed_places(found.places, longest))
        answer.headers["X-Low"], answer.headers["X-High"] = f"{found.low:.6g}", f"{found.high:.6g}"
        answer.headers["X-Unit"] = found.unit.replace("µ", "u")
        return answer
