"""Routes of tiles: parts of photographs that are too large to be sent whole."""

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from venule.image.encode import encode_jpeg
from venule.serve.routes.pictures import level_map
from venule.serve.service import Service, UnknownError
from venule.serve.types import JPEG, Id, answered
from venule.serve.versions import Versions, versioned_jpeg

Level = Annotated[int, InPath(ge=0, le=12, description="A pixel is 2 ** level of them wide.")]
Place = Annotated[int, InPath(ge=0, le=2**20, description="Index of the tile, from 0.")]
Side = Annotated[int, Query(ge=16, le=2048, description="Pixels of a whole tile's side.")]


def add_tiles(app: FastAPI, service: Service, versions: Versions) -> None:
    """Add the routes of tiles."""

    @app.get(
        "/api/photographs/{id}/tiles/{level}/{column}/{row}",
        responses=JPEG,
        response_class=Response,
    )
    def tile(
        request: Request,
        id: Id,
        level: Level,
        column: Place,
        row: Place,
        view: Literal["color", "green"] = "color",
        side: Side = 1024,
    ) -> Response:
        """A tile of the photograph as JPEG."""
        photograph = service.analysis(id).photograph
        part = photograph.pixels[_part(photograph.shape, level, column, row, side)]
        pixels = part[..., 1] if view == "green" else part
        return versioned_jpeg(
            request, versions.of(photograph), lambda: encode_jpeg(pixels, longest_px=side)
        )

    @app.get(
        "/api/photographs/{id}/tiles/{level}/{column}/{row}/probability",
        responses=answered(200, {"content": {"application/octet-stream": {}}}),
        response_class=Response,
    )
    def tile_of_map(
        request: Request, id: Id, level: Level, column: Place, row: Place, side: Side = 1024
    ) -> Response:
        """The same tile of the probability map, encoded like the whole map."""
        levels = service.analysis(id).prediction.vessel_map.levels
        part = levels[_part(levels.shape, level, column, row, side)]
        return level_map(request, part, side)


def _part(
    shape: tuple[int, ...], level: int, column: int, row: int, side: int
) -> tuple[slice, slice]:
    """Rows and columns of a tile.

    Raises:
        UnknownError: the tile is outside.
    """
    covered = side * 2**level
    top, left = row * covered, column * covered
    if top >= shape[0] or left >= shape[1]:
        raise UnknownError("the photograph has no such tile")
    return slice(top, top + covered), slice(left, left + covered)
