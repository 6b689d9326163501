"""The web application: one page, and routes that delegate to the service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect

from venule import __version__
from venule.errors import OutputError, VenuleError
from venule.files.cells import text
from venule.serve.beside import Beside
from venule.serve.corrections import Corrections
from venule.serve.door import Door
from venule.serve.receive import Receiving
from venule.serve.routes.about import add_about
from venule.serve.routes.beside import add_beside
from venule.serve.routes.colors import add_colors
from venule.serve.routes.corrections import add_corrections
from venule.serve.routes.exports import add_exports
from venule.serve.routes.photographs import add_photographs
from venule.serve.routes.pictures import add_pictures
from venule.serve.routes.tiles import add_tiles
from venule.serve.service import BusyError, ElsewhereError, Service, UnknownError
from venule.serve.trees import Trees
from venule.serve.types import About, refusals
from venule.serve.versions import Versions

__all__ = ["About", "create_app"]

_STATUSES: Mapping[type[VenuleError], int] = {
    VenuleError: 400,
    UnknownError: 404,
    ElsewhereError: 409,
    BusyError: 429,
    OutputError: 507,
}

STATIC = Path(str(files("venule.serve"))) / "static"


def create_app(
    service: Service,
    *,
    about: About,
    door: Door | None = None,
    places: Mapping[str, Path] | None = None,
    corrections: Corrections | None = None,
    beside: Beside | None = None,
) -> FastAPI:
    """Create the application for a service.

    Args:
        service: analyses and keeps photographs; closed when the application ends.
        about: the weights.
        door: address and secret.
        places: the files of listed photographs by id, for thumbnails.
        corrections: handles corrections of masks; if None, they are kept in memory only.
        beside: other vessels to compare with; none if None.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="venule",
        version=__version__,
        description="Vessels in colour fundus photographs. Research use only, not a medical "
        "device. Each request needs the session's cookie, which the link printed by venule serve "
        "sets, or its token as a bearer token.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=refusals(401, 403, 408, 413, 421),
    )
    app.add_middleware(Receiving, limits=service.limits)
    app.middleware("http")(door or Door())
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, partial(_refused, status))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_page(app)
    trees, versions = Trees(), Versions()
    add_about(app, service, about)
    add_photographs(app, service, about)
    add_pictures(app, service, places or {}, versions)
    add_corrections(app, service, corrections or Corrections(service), trees)
    add_exports(app, service)
    add_tiles(app, service, versions)
    add_colors(app, service, trees)
    add_beside(app, service, beside or Beside(service))
    return app


async def _gone(_: Request, __: Exception) -> Response:
    """The answer to a client that has gone before its request was complete."""
    return Response(status_code=400)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """List the errors of a request, without its values, as JSON has no NaN."""
    assert isinstance(error, RequestValidationError)
    told = [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]
    return JSONResponse({"detail": told}, status_code=422)


async def _refused(status: int, _: Request, error: Exception) -> JSONResponse:
    """The reason, in which a file name may have any bytes."""
    headers = {"Retry-After": "2"} if status == 429 else None
    return JSONResponse({"detail": text(str(error))}, status_code=status, headers=headers)


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")
