"""Routes of photographs: the list, uploads, states, results and measurements."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from venule.serve import answers
from venule.serve.cohort import Cohorts
from venule.serve.items import Item
from venule.serve.receive import drain, received_image, shown
from venule.serve.schemas import Measurements, Page, Result, entry
from venule.serve.service import BusyError, Service
from venule.serve.types import BODY, NOT_THERE, About, Id, answered, refusals

TAKES = refusals(400, 408, 413, 415, 429)

Search = Annotated[str, Query(max_length=200, description="A part of the name.")]
Grade = Annotated[str, Query(max_length=20, description="A grade, or a state such as failed.")]

_MOST_IDS = 50_000
"""Maximum number of characters of a list of ids in a URL."""


class Chosen(BaseModel):
    """The photographs of a table, by their ids."""

    ids: list[Id]


def _found(service: Service, search: str, grade: str) -> list[Item]:
    """Photographs matching a search: uploaded ones, the latest first, then the folder's."""
    wanted = search.casefold()
    return [
        item
        for item in (*service.uploads(), *service.listed)
        if wanted in item.name.casefold() and grade in ("", item.grade, item.state)
    ]


def add_photographs(app: FastAPI, service: Service, about: About) -> None:
    """Add the routes of photographs."""
    _add_list(app, service)
    _add_drop(app, service, about)
    _add_analysis(app, service, about)
    _add_measurements(app, service)


def _add_list(app: FastAPI, service: Service) -> None:
    @app.get("/api/photographs")
    def photographs(
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        search: Search = "",
        grade: Grade = "",
    ) -> Page:
        """Uploaded photographs, the latest first, then those of the folder."""
        found = _found(service, search, grade)
        part = [entry(item) for item in found[offset : offset + limit]]
        return Page(total=len(found), offset=offset, entries=part)

    table = answered(200, {"content": {"text/csv": {}}}) | refusals(409)

    @app.get("/api/measurements.csv", responses=table, response_class=Response)
    def selection_csv(
        ids: Annotated[str, Query(max_length=_MOST_IDS, pattern=r"^[A-Za-z0-9_,-]*$")] = "",
        search: Search = "",
        grade: Grade = "",
    ) -> Response:
        """The measurements of the photographs given by `ids`, or of all that match the search."""
        service.refresh()
        if ids:
            return _csv([service.get(id) for id in dict.fromkeys(ids.split(",")) if id])
        return _csv(_found(service, search, grade))

    @app.post("/api/measurements.csv", responses=table, response_class=Response)
    def long_selection_csv(chosen: Chosen) -> Response:
        """The measurements of any number of photographs."""
        service.refresh()
        return _csv([service.get(id) for id in dict.fromkeys(chosen.ids)])


def _csv(items: Sequence[Item]) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="measurements.csv"'}
    return Response(answers.table(items), media_type="text/csv", headers=headers)


def _add_drop(app: FastAPI, service: Service, about: About) -> None:
    @app.post(
        "/api/photographs",
        status_code=202,
        responses=TAKES,
        openapi_extra=BODY,
    )
    async def segment(
        request: Request,
        name: Annotated[str, Query(max_length=400, description="Shown in lists.")] = "photograph",
    ) -> Result:
        """Segment a photograph: the body is its file, whatever the Content-Type."""
        try:
            with service.reserve():
                content = await received_image(request, service.limits)
                item = service.add(content, shown(name))
        except BusyError:
            await drain(request)
            raise
        return answers.result(item, about.licences)


def _add_analysis(app: FastAPI, service: Service, about: About) -> None:
    @app.get("/api/photographs/{id}", responses=NOT_THERE)
    def photograph(id: Id) -> Result:
        """A photograph's state and, once there is one, its result."""
        return answers.result(service.get(id), about.licences)

    @app.post(
        "/api/photographs/{id}/analysis",
        status_code=202,
        responses=refusals(404, 429, 409),
    )
    def analyse(id: Id) -> Result:
        """Analyse a listed photograph, or load its stored results."""
        return answers.result(service.open(id), about.licences)

    @app.delete("/api/photographs/{id}", status_code=204, responses=NOT_THERE)
    def cancel(id: Id) -> Response:
        """Cancel a queued or running photograph, and forget an uploaded one."""
        service.cancel(id)
        return Response(status_code=204)


def _add_measurements(app: FastAPI, service: Service) -> None:
    cohorts = Cohorts(service.listed)

    @app.get("/api/photographs/{id}/measurements", responses=NOT_THERE)
    def measurements(id: Id) -> Measurements:
        """The photograph's measurements, with units and definitions."""
        source = service.analysis(id).mask_source
        return answers.measurements(service.get(id), cohorts.now(), mask_source=source)

    @app.get(
        "/api/photographs/{id}/measurements.csv",
        responses=answered(200, {"content": {"text/csv": {}}}),
        response_class=Response,
    )
    def measurements_csv(id: Id) -> Response:
        """The photograph's measurements as CSV."""
        service.analysis(id)
        return _csv([service.get(id)])
