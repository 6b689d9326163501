"""Routes of other vessels to compare with a photograph's own."""

import math
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from venule.image.levels import threshold_level
from venule.metrics.counts import count, dice, sensitivity, specificity
from venule.serve.beside import Beside, Kind, Other
from venule.serve.receive import received_image, shown
from venule.serve.routes.pictures import level_map
from venule.serve.service import Service
from venule.serve.types import BODY, NOT_THERE, Id, Longest, answered, refusals

Key = Annotated[str, InPath(pattern=r"^(model|folder|file)-[A-Za-z0-9_.-]{1,80}$")]

_BUSY = refusals(429, 400)
_TAKES = refusals(404, 400, 408, 413, 415)


class Choice(BaseModel):
    """Something that a photograph can be compared with: another model, or a map."""

    key: str
    name: str
    kind: Kind


class Compared(Choice):
    """Agreement of the photograph's mask with another, inside the field of view.

    `sensitivity` and `specificity` take the other mask as ground truth; null if undefined.
    """

    threshold: float
    threshold_level: int
    dice: float | None
    sensitivity: float | None
    specificity: float | None


def add_beside(app: FastAPI, service: Service, beside: Beside) -> None:
    """Add the routes of other vessels."""

    @app.get("/api/photographs/{id}/others", responses=NOT_THERE)
    def others(id: Id) -> list[Choice]:
        """List everything the photograph can be compared with."""
        return [Choice(key=key, name=name, kind=kind) for key, name, kind in beside.choices(id)]

    @app.post("/api/photographs/{id}/others", status_code=201, responses=_TAKES, openapi_extra=BODY)
    async def add(
        request: Request,
        id: Id,
        name: Annotated[str, Query(max_length=400, description="Shown in lists.")] = "map",
    ) -> Choice:
        """Add a mask or a probability map of the photograph: the body is its file."""
        service.analysis(id)
        content = await received_image(request, service.limits)
        made = await run_in_threadpool(beside.add, id, content, shown(name))
        return Choice(key=made.key, name=made.name, kind=made.kind)

    @app.get("/api/photographs/{id}/others/{key}", responses=NOT_THERE | _BUSY)
    def other(id: Id, key: Key) -> Compared:
        """Agreement of the photograph's mask with another; a network's is computed now."""
        return _compared(service, id, beside.get(id, key))

    @app.get(
        "/api/photographs/{id}/others/{key}/map",
        responses=answered(200, {"content": {"application/octet-stream": {}}}) | _BUSY,
        response_class=Response,
    )
    def map_of_other(request: Request, id: Id, key: Key, longest: Longest = 16384) -> Response:
        """The other probability map times 65535: uint16 little-endian, row by row."""
        return level_map(request, beside.get(id, key).levels, longest)


def _compared(service: Service, id: str, other: Other) -> Compared:
    prediction = service.analysis(id).prediction
    level = threshold_level(other.threshold)
    counts = count(prediction.vessels, other.levels >= level, prediction.fov.mask)
    scores = [dice(counts), sensitivity(counts), specificity(counts)]
    defined = [None if math.isnan(score) else score for score in scores]
    return Compared(
        key=other.key,
        name=other.name,
        kind=other.kind,
        threshold=other.threshold,
        threshold_level=level,
        dice=defined[0],
        sensitivity=defined[1],
        specificity=defined[2],
    )
