"""Routes of corrections and of exports."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from venule.errors import OutputError
from venule.image.nifti import LABELS, encode_nifti
from venule.image.outlines import encode_geojson
from venule.serve.corrections import Corrections, ElsewhereError, Stroke
from venule.serve.schemas import Refusal
from venule.serve.service import Service
from venule.serve.types import Answers, Id
from venule.vessels.path import follow_vessel

_MOST_BITS = 2**25


class Correction(BaseModel):
    """How far a correction is: `saved` is its file's name, null where it is kept in memory.

    `offered` is true where one was made for another prediction, such as by other weights.
    """

    revision: int
    saved: str | None
    offered: bool


class Ends(BaseModel):
    """Two pixels of the photograph, between which a vessel is followed."""

    x0: int = Field(ge=0)
    y0: int = Field(ge=0)
    x1: int = Field(ge=0)
    y1: int = Field(ge=0)


Whole = Annotated[int, Query(ge=0, le=2**20)]
Side = Annotated[int, Query(ge=1, le=2**20)]

_CHANGES: Answers = {
    400: {"model": Refusal},
    404: {"model": Refusal},
    409: {"model": Refusal},
    413: {"model": Refusal},
    507: {"model": Refusal},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def add_corrections(app: FastAPI, service: Service, corrections: Corrections) -> None:
    """Add the routes by which masks are corrected."""

    async def elsewhere(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=409)

    async def full(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=507)

    app.add_exception_handler(ElsewhereError, elsewhere)
    app.add_exception_handler(OutputError, full)

    @app.get("/api/photographs/{id}/correction", responses={404: {"model": Refusal}})
    def correction(id: Id) -> Correction:
        """How far the correction of a photograph is."""
        return Correction(**vars(corrections.status(id)))

    @app.post("/api/photographs/{id}/strokes", responses=_CHANGES, openapi_extra=_BODY)
    async def stroke(
        request: Request,
        id: Id,
        left: Whole,
        top: Whole,
        width: Side,
        height: Side,
        base: Whole,
        tool: Annotated[str, Query(pattern=r"^[a-z ]{1,20}$")] = "brush",
    ) -> Response:
        """Take a stroke: the body holds the mask in a rectangle, a bit a pixel, row by row."""
        bits, length = [], 0
        async for part in request.stream():
            length += len(part)
            if length > _MOST_BITS:
                return JSONResponse({"detail": "too large a stroke"}, status_code=413)
            bits.append(part)
        drawn = Stroke(
            left=left, top=top, width=width, height=height, bits=b"".join(bits), tool=tool
        )
        from starlette.concurrency import run_in_threadpool

        status = await run_in_threadpool(corrections.stroke, id, drawn, base=base)
        return JSONResponse(Correction(**vars(status)).model_dump())

    @app.post("/api/photographs/{id}/correction", responses=_CHANGES)
    def accept(id: Id) -> Correction:
        """Apply a correction that was made for another prediction."""
        return Correction(**vars(corrections.accept(id)))

    @app.post("/api/photographs/{id}/path", responses=_CHANGES)
    def path(id: Id, ends: Ends) -> list[tuple[int, int]]:
        """The pixels (x, y) along a vessel between two of them, both included."""
        prediction = service.analysis(id).prediction
        height, width = prediction.fov.mask.shape
        if max(ends.x0, ends.x1) >= width or max(ends.y0, ends.y1) >= height:
            return []
        found = follow_vessel(
            prediction.probability,
            (ends.y0, ends.x0),
            (ends.y1, ends.x1),
            threshold=prediction.vessel_map.threshold,
            fov=prediction.fov.mask,
        )
        return [(int(column), int(row)) for row, column in found]


def add_exports(app: FastAPI, service: Service) -> None:
    """Add the routes by which masks leave for other programs."""

    def file(content: bytes | str, name: str, kind: str) -> Response:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=kind, headers=headers)

    def answers(kind: str) -> Answers:
        return {404: {"model": Refusal}, 200: {"content": {kind: {}}}}

    @app.get(
        "/api/photographs/{id}/mask.nii.gz",
        responses=answers("application/gzip"),
        response_class=Response,
    )
    def nifti(id: Id) -> Response:
        """The mask as a NIfTI label image."""
        analysis = service.analysis(id)
        content = encode_nifti(analysis.prediction.vessels, analysis.photograph.um_per_px)
        return file(content, "mask.nii.gz", "application/gzip")

    @app.get("/api/labels.txt", responses=answers("text/plain"), response_class=Response)
    def labels() -> Response:
        """The labels of the NIfTI image, for ITK-SNAP."""
        return file(LABELS, "labels.txt", "text/plain; charset=utf-8")

    @app.get(
        "/api/photographs/{id}/mask.geojson",
        responses=answers("application/geo+json"),
        response_class=Response,
    )
    def geojson(id: Id) -> Response:
        """The mask as polygons along the edges of pixels, for QuPath."""
        content = encode_geojson(service.analysis(id).prediction.vessels)
        return file(content, "mask.geojson", "application/geo+json")
