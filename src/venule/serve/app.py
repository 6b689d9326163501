"""The web application: routes that ask the service and answer, and nothing else."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from venule import __version__
from venule.analysis.outputs import OUTPUTS
from venule.analysis.uncertain import uncertain_regions
from venule.errors import ImageError, VenuleError
from venule.serve import answers, pictures
from venule.serve.correcting import add_corrections, add_exports
from venule.serve.corrections import Corrections
from venule.serve.door import Door
from venule.serve.schemas import (
    Health,
    Measurements,
    Model,
    Page,
    Refusal,
    Region,
    Result,
    entry,
)
from venule.serve.service import BusyError, Service, UnknownError
from venule.serve.sniff import check_content
from venule.serve.types import Answers, Id

STATIC = Path(str(files("venule.serve"))) / "static"

_IMMUTABLE = {"Cache-Control": "private, max-age=3600"}

Longest = Annotated[int, Query(ge=64, le=32768, description="Pixels of the longer side at most.")]


@dataclass
class Shelf:
    """Small pictures that were made before; the least recently used go first."""

    most: int = 2000
    _pictures: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: str) -> bytes | None:
        """The picture of that key, if it was made."""
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: str, picture: bytes) -> bytes:
        """Keep a picture."""
        with self._lock:
            self._pictures[key] = picture
            while len(self._pictures) > self.most:
                self._pictures.popitem(last=False)
        return picture


@dataclass(frozen=True)
class About:
    """What the application tells of its weights: licences by name, and which are in use."""

    model: str
    licences: Mapping[str, str]


def create_app(
    service: Service,
    *,
    about: About,
    door: Door | None = None,
    places: Mapping[str, Path] | None = None,
    corrections: Corrections | None = None,
) -> FastAPI:
    """The application that answers for a service.

    Args:
        service: analyses and keeps photographs; closed when the application ends.
        about: the weights.
        door: where it listens, and its secret.
        places: the files of listed photographs by id, for thumbnails.
        corrections: takes corrections of masks; without a place to save them if None.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="venule",
        version=__version__,
        description="Vessels in colour fundus photographs. Research use only, not a medical "
        "device. Each request needs the session's cookie, which `/` sets, or its secret as a "
        "bearer token.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={401: {"model": Refusal}, 403: {"model": Refusal}, 421: {"model": Refusal}},
    )
    app.middleware("http")(door or Door())
    app.add_exception_handler(BusyError, _busy)
    app.add_exception_handler(UnknownError, _unknown)
    app.add_exception_handler(VenuleError, _mistake)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_page(app)
    _add_service(app, service, about)
    _add_photographs(app, service, about)
    _add_pictures(app, service, places or {})
    add_corrections(app, service, corrections or Corrections(service))
    add_exports(app, service)
    return app


async def _busy(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=429, headers={"Retry-After": "2"})


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=404)


async def _mistake(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=400)


_NOT_THERE: Answers = {404: {"model": Refusal}}
_TAKES: Answers = {
    400: {"model": Refusal},
    408: {"model": Refusal},
    413: {"model": Refusal},
    415: {"model": Refusal},
    429: {"model": Refusal},
}


def _answers(status: int, answer: dict[str, Any]) -> Answers:
    return {**_NOT_THERE, status: answer}


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")


def _add_service(app: FastAPI, service: Service, about: About) -> None:
    @app.get("/api/health")
    def health() -> Health:
        """Tell whether the service is there, and how busy it is."""
        return Health(
            status="ok",
            version=__version__,
            waiting=service.waiting,
            most_waiting=service.limits.waiting,
            listed=len(service.listed),
        )

    @app.get("/api/models")
    def models() -> list[Model]:
        """The weights that segment vessels, with their licences."""
        return [
            Model(name=name, licence=licence, in_use=name == about.model)
            for name, licence in about.licences.items()
        ]


def _add_photographs(app: FastAPI, service: Service, about: About) -> None:
    @app.get("/api/photographs")
    def photographs(
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        search: Annotated[str, Query(max_length=200)] = "",
        grade: Annotated[str, Query(max_length=20)] = "",
    ) -> Page:
        """Photographs that were dropped, the latest first, then those of the folder."""
        wanted = search.casefold()
        found = [
            item
            for item in (*service.uploads(), *service.listed)
            if wanted in item.name.casefold() and grade in ("", item.grade, item.state)
        ]
        part = [entry(item) for item in found[offset : offset + limit]]
        return Page(total=len(found), offset=offset, entries=part)

    @app.post(
        "/api/photographs",
        status_code=202,
        responses=_TAKES,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
                },
            }
        },
    )
    async def segment(
        request: Request,
        name: Annotated[str, Query(max_length=400, description="Shown in lists.")] = "photograph",
    ) -> Result:
        """Segment a photograph: the body is its file, whatever the Content-Type says it is."""
        try:
            with service.reserve():
                content = await _received(request, service)
                check_content(content, service.limits.pixels)
                item = service.add(content, _shown(name))
        except BusyError:
            await _drain(request, service)
            raise
        return answers.result(item, about.licences)

    @app.get("/api/photographs/{id}", responses=_NOT_THERE)
    def photograph(id: Id) -> Result:
        """A photograph's state and, once there is one, its result."""
        return answers.result(service.get(id), about.licences)

    @app.post(
        "/api/photographs/{id}/analysis",
        status_code=202,
        responses=_answers(429, {"model": Refusal}),
    )
    def analyse(id: Id) -> Result:
        """Analyse a listed photograph, or read what was found of it before."""
        return answers.result(service.open(id), about.licences)

    @app.delete("/api/photographs/{id}", status_code=204, responses=_NOT_THERE)
    def cancel(id: Id) -> Response:
        """Give up a photograph that waits or is worked on, and forget a dropped one."""
        service.cancel(id)
        return Response(status_code=204)

    @app.get("/api/photographs/{id}/measurements", responses=_NOT_THERE)
    def measurements(id: Id) -> Measurements:
        """The photograph's table, with units and definitions."""
        return answers.measurements(service.get(id), mask_source=service.analysis(id).mask_source)

    @app.get(
        "/api/photographs/{id}/measurements.csv",
        responses=_answers(200, {"content": {"text/csv": {}}}),
        response_class=Response,
    )
    def measurements_csv(id: Id) -> Response:
        """The photograph's table as CSV."""
        service.analysis(id)
        headers = {"Content-Disposition": 'attachment; filename="measurements.csv"'}
        return Response(answers.table(service.get(id)), media_type="text/csv", headers=headers)


def _add_pictures(app: FastAPI, service: Service, places: Mapping[str, Path]) -> None:
    shelf, large, few = Shelf(), Shelf(most=6), BoundedSemaphore(2)
    jpeg = _answers(200, {"content": {"image/jpeg": {}}})
    raw = _answers(200, {"content": {"application/octet-stream": {}}})

    @app.get("/api/photographs/{id}/image", responses=jpeg, response_class=Response)
    def image(id: Id, view: pictures.View = "color", longest: Longest = 16384) -> Response:
        """A view of the photograph: JPEG, at its own size unless `longest` is less."""
        analysis, key = service.analysis(id), f"{id} {view} {longest}"
        picture = large.get(key)
        if picture is None:
            with few:
                picture = large.put(key, pictures.view(analysis, view, longest))
        return Response(picture, media_type="image/jpeg", headers=_IMMUTABLE)

    @app.get("/api/photographs/{id}/thumbnail", responses=jpeg, response_class=Response)
    def thumbnail(id: Id) -> Response:
        """A small JPEG of the photograph."""
        item, picture = service.get(id), shelf.get(id)
        if picture is None:
            with few:
                if item.analysis is not None:
                    picture = pictures.thumbnail(item.analysis.photograph.pixels)
                elif id in places and places[id].is_file():
                    try:
                        picture = pictures.thumbnail_of(places[id])
                    except ImageError as error:
                        raise UnknownError("no picture of this photograph") from error
                else:
                    raise UnknownError("no picture of this photograph")
            shelf.put(id, picture)
        return Response(picture, media_type="image/jpeg", headers=_IMMUTABLE)

    @app.get("/api/photographs/{id}/probability", responses=raw, response_class=Response)
    def probability(id: Id, longest: Longest = 16384) -> Response:
        """The probability map times 65535: uint16 little-endian, row by row."""
        return _map(*pictures.levels(service.analysis(id), longest))

    @app.get(
        "/api/photographs/{id}/mask",
        responses=_answers(200, {"content": {"image/png": {}}}),
        response_class=Response,
    )
    def mask(id: Id) -> Response:
        """The vessel mask, as `venule predict` writes it."""
        picture = OUTPUTS["mask"].encode(service.analysis(id))
        headers = {"Content-Disposition": 'attachment; filename="mask.png"'}
        return Response(picture, media_type="image/png", headers=headers)

    @app.get("/api/photographs/{id}/types", responses=raw, response_class=Response)
    def types(id: Id, longest: Longest = 16384) -> Response:
        """Arteries (bit 1) and veins (bit 2): uint8, row by row."""
        packed = pictures.classes(service.analysis(id), longest)
        if packed is None:
            raise UnknownError("arteries and veins are not known of this photograph")
        return _map(*packed)

    @app.get("/api/photographs/{id}/uncertain", responses=_NOT_THERE)
    def uncertain(id: Id) -> list[Region]:
        """The most uncertain regions, most uncertain first."""
        prediction = service.analysis(id).prediction
        regions = uncertain_regions(prediction.vessel_map, prediction.fov.mask)
        return [Region(x=r.x, y=r.y, size=r.size, doubt=r.doubt) for r in regions]


def _map(shape: tuple[int, int], packed: bytes) -> Response:
    headers = {
        "Content-Encoding": "gzip",
        "X-Height": str(shape[0]),
        "X-Width": str(shape[1]),
    }
    return Response(packed, media_type="application/octet-stream", headers=headers)


async def _received(request: Request, service: Service) -> bytes:
    """The body of a request, if it is not too long and does not take too long."""
    limits, parts, length = service.limits, [], 0
    too_long = HTTPException(413, f"larger than {limits.upload_bytes / 2**20:.0f} MiB")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limits.upload_bytes:
        raise too_long
    try:
        async with asyncio.timeout(limits.upload_s):
            async for part in request.stream():
                length += len(part)
                if length > limits.upload_bytes:
                    raise too_long
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, f"took longer than {limits.upload_s:g} s to send") from None
    return b"".join(parts)


async def _drain(request: Request, service: Service) -> None:
    """Read and drop a body that is not wanted, so that its sender hears why."""
    length = 0
    try:
        async with asyncio.timeout(5):
            async for part in request.stream():
                length += len(part)
                if length > service.limits.upload_bytes:
                    return
    except TimeoutError:
        return


def _shown(name: str) -> str:
    """The last part of a file's name, without what would steer its reader."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:120] or "photograph"
