"""Routes for corrections."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from venule.image.artery_vein import ARTERY, VEIN
from venule.image.optic_disc import Disc
from venule.serve import pictures
from venule.serve.corrections import Corrections
from venule.serve.exchange import change_of, read_file
from venule.serve.routes.pictures import packed_map
from venule.serve.service import Service
from venule.serve.strokes import Layer, Stroke
from venule.serve.trees import Trees, retyped
from venule.serve.types import BODY, NOT_THERE, Id, Longest, answered, refusals
from venule.vessels.path import follow_vessel


class Correction(BaseModel):
    """State of a correction: `saved` is a file name, null if kept in memory.

    `offered` is true if there is one made for another prediction, such as by other weights.
    """

    revision: int
    saved: str | None
    offered: bool


class Ends(BaseModel):
    """Two pixels of the photograph, between which a vessel is traced."""

    x0: int = Field(ge=0)
    y0: int = Field(ge=0)
    x1: int = Field(ge=0)
    y1: int = Field(ge=0)


class Ellipse(BaseModel):
    """An ellipse in pixels, 0 at the centre of the first pixel.

    `angle` is that of its longer half-axis to the rows, in radians, clockwise as seen.
    """

    x: float = Field(ge=-(2**16), le=2**17, allow_inf_nan=False)
    y: float = Field(ge=-(2**16), le=2**17, allow_inf_nan=False)
    major_px: float = Field(ge=1, le=2**16, allow_inf_nan=False)
    minor_px: float = Field(ge=1, le=2**16, allow_inf_nan=False)
    angle: float = Field(ge=-10, le=10, allow_inf_nan=False)


class Drawn(BaseModel):
    """The optic disc drawn by the user; null for no disc in the photograph."""

    disc: Ellipse | None


class Picked(BaseModel):
    """A clicked vessel, its type, and whether its branches are of the same type."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    type: Literal["artery", "vein", "none"]
    tree: bool = True


class Retyped(BaseModel):
    """Runs of pixels (first, length, bits) that would change; the reason if branches do not."""

    runs: list[tuple[int, int, int]]
    note: str = ""


Whole = Annotated[int, Query(ge=0, le=2**20)]
Tool = Annotated[str, Query(pattern=r"^[a-z ]{1,20}$")]
Prediction = Annotated[
    str, Query(max_length=64, description="`prediction` of the result drawn on; 409 if it differs.")
]

CHANGES = refusals(400, 404, 408, 409, 413, 507)
_BITS = {"artery": ARTERY, "vein": VEIN, "none": 0}


def add_corrections(app: FastAPI, service: Service, corrections: Corrections, trees: Trees) -> None:
    """Add the routes for corrections."""
    _add_state(app, corrections)
    _add_strokes(app, service, corrections)
    _add_help(app, service, trees)


def _add_state(app: FastAPI, corrections: Corrections) -> None:
    @app.get("/api/photographs/{id}/correction", responses=NOT_THERE)
    def correction(id: Id) -> Correction:
        """State of a photograph's correction."""
        return Correction(**vars(corrections.status(id)))

    @app.post("/api/photographs/{id}/correction", responses=CHANGES)
    def accept(id: Id) -> Correction:
        """Apply a correction that was made for another prediction."""
        return Correction(**vars(corrections.accept(id)))

    @app.delete("/api/photographs/{id}/correction", responses=CHANGES)
    def put_aside(id: Id) -> Correction:
        """Rename the files of a correction that was made for another prediction."""
        return Correction(**vars(corrections.put_aside(id)))


def _add_strokes(app: FastAPI, service: Service, corrections: Corrections) -> None:
    @app.post("/api/photographs/{id}/strokes", responses=CHANGES, openapi_extra=BODY)
    async def stroke(
        request: Request,
        id: Id,
        base: Whole,
        layer: Layer = "mask",
        tool: Tool = "brush",
        prediction: Prediction = "",
    ) -> Response:
        """Replace the mask, vessel types, or probabilities of some pixels.

        The body is little-endian: the number of runs (uint32), each run's first pixel, row by row,
        and length (uint32 both), then the values: uint8 (mask: 0 or 1; types: 1 artery, 2 vein)
        or uint16 (probability times 65535).
        """
        content = await request.body()
        drawn = Stroke(layer=layer, content=content, tool=tool)
        status = await run_in_threadpool(
            corrections.stroke, id, drawn, base=base, prediction=prediction
        )
        return JSONResponse(Correction(**vars(status)).model_dump())

    @app.post("/api/photographs/{id}/disc", responses=CHANGES)
    def disc(id: Id, drawn: Drawn, base: Whole, prediction: Prediction = "") -> Correction:
        """Set the optic disc; measurements in its zones are updated."""
        one = drawn.disc
        found = None if one is None else Disc(**one.model_dump(), confidence=1.0)
        status = corrections.disc(id, found, base=base, prediction=prediction)
        return Correction(**vars(status))

    @app.post("/api/photographs/{id}/correction/file", responses=CHANGES, openapi_extra=BODY)
    async def take(request: Request, id: Id, base: Whole, prediction: Prediction = "") -> Response:
        """Replace the findings by the mask in a file.

        The body is a PNG (a mask, or arteries in red and veins in blue), a NIfTI label image,
        GeoJSON or a DICOM Segmentation, of the photograph's own size.
        """
        content = await request.body()

        def taken() -> Correction:
            change = change_of(read_file(content, service.analysis(id)))
            status = corrections.change(id, change, base=base, prediction=prediction)
            return Correction(**vars(status))

        return JSONResponse((await run_in_threadpool(taken)).model_dump())


def _add_help(app: FastAPI, service: Service, trees: Trees) -> None:
    @app.post("/api/photographs/{id}/path", responses=CHANGES)
    def path(id: Id, ends: Ends) -> list[tuple[int, int]]:
        """The pixels (x, y) along a vessel between two given pixels, inclusive."""
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

    @app.post("/api/photographs/{id}/branch", responses=CHANGES)
    def branch(id: Id, picked: Picked) -> Retyped:
        """The changes if the vessel at a pixel were an artery, a vein, or neither."""
        analysis, place = service.analysis(id), (picked.y, picked.x)
        traced = trees.of(analysis)
        runs, note = retyped(analysis, traced, place, _BITS[picked.type], tree=picked.tree)
        return Retyped(runs=runs, note=note)

    @app.get(
        "/api/photographs/{id}/field",
        responses=answered(200, {"content": {"application/octet-stream": {}}}),
        response_class=Response,
    )
    def field(id: Id, longest: Longest = 16384) -> Response:
        """The field of view: uint8, 1 inside, row by row. Nothing outside it is corrected."""
        return packed_map(*pictures.field(service.analysis(id), longest))
