"""Routes of pictures and maps."""

from collections.abc import Mapping
from pathlib import Path
from threading import BoundedSemaphore

from fastapi import FastAPI, Request
from fastapi.responses import Response

from venule.analysis.outputs import OUTPUTS
from venule.analysis.uncertain import uncertain_regions
from venule.errors import ImageError
from venule.image.levels import Levels
from venule.serve import pictures
from venule.serve.items import Item
from venule.serve.schemas import Region
from venule.serve.service import Service, UnknownError
from venule.serve.shelf import Shelf
from venule.serve.types import NOT_THERE, Id, Longest, answered

_THIS_COMPUTER = frozenset({"127.0.0.1", "::1"})

_IMMUTABLE = {"Cache-Control": "private, max-age=3600"}
_JPEG = answered(200, {"content": {"image/jpeg": {}}})
_RAW = answered(200, {"content": {"application/octet-stream": {}}})


def add_pictures(app: FastAPI, service: Service, places: Mapping[str, Path]) -> None:
    """Add the routes of pictures and maps."""
    few = BoundedSemaphore(2)
    _add_image(app, service, few)
    _add_thumbnail(app, service, places, few)
    _add_maps(app, service)
    _add_uncertain(app, service)


def _add_image(app: FastAPI, service: Service, few: BoundedSemaphore) -> None:
    shelf = Shelf(most=6)

    @app.get("/api/photographs/{id}/image", responses=_JPEG, response_class=Response)
    def image(id: Id, view: pictures.View = "color", longest: Longest = 16384) -> Response:
        """A view of the photograph: JPEG, at its own size unless `longest` is less."""
        analysis, key = service.analysis(id), f"{id} {view} {longest}"
        picture = shelf.get(key)
        if picture is None:
            with few:
                picture = shelf.put(key, pictures.view(analysis, view, longest))
        return Response(picture, media_type="image/jpeg", headers=_IMMUTABLE)


def _add_thumbnail(
    app: FastAPI, service: Service, places: Mapping[str, Path], few: BoundedSemaphore
) -> None:
    shelf = Shelf()

    @app.get("/api/photographs/{id}/thumbnail", responses=_JPEG, response_class=Response)
    def thumbnail(id: Id) -> Response:
        """A small JPEG of the photograph."""
        item, picture = service.get(id), shelf.get(id)
        if picture is None:
            with few:
                picture = shelf.put(id, _thumbnail(item, places.get(id)))
        return Response(picture, media_type="image/jpeg", headers=_IMMUTABLE)


def _thumbnail(item: Item, place: Path | None) -> bytes:
    """A small JPEG of a photograph, from its pixels or else from its file.

    Raises:
        UnknownError: there is neither.
    """
    if item.analysis is not None:
        return pictures.thumbnail(item.analysis.photograph.pixels)
    if place is None or not place.is_file():
        raise UnknownError("no picture of this photograph")
    try:
        return pictures.thumbnail_of(place)
    except ImageError as error:
        raise UnknownError("no picture of this photograph") from error


def _add_maps(app: FastAPI, service: Service) -> None:
    @app.get("/api/photographs/{id}/probability", responses=_RAW, response_class=Response)
    def probability(request: Request, id: Id, longest: Longest = 16384) -> Response:
        """The probability map times 65535: uint16 little-endian, row by row."""
        return level_map(request, service.analysis(id).prediction.vessel_map.levels, longest)

    @app.get(
        "/api/photographs/{id}/mask",
        responses=answered(200, {"content": {"image/png": {}}}),
        response_class=Response,
    )
    def mask(id: Id) -> Response:
        """The vessel mask, as `venule predict` writes it."""
        picture = OUTPUTS["mask"].encode(service.analysis(id))
        headers = {"Content-Disposition": 'attachment; filename="mask.png"'}
        return Response(picture, media_type="image/png", headers=headers)

    @app.get("/api/photographs/{id}/types", responses=_RAW, response_class=Response)
    def types(id: Id, longest: Longest = 16384) -> Response:
        """Arteries (bit 1) and veins (bit 2): uint8, row by row."""
        packed = pictures.classes(service.analysis(id), longest)
        if packed is None:
            raise UnknownError("arteries and veins are not known of this photograph")
        return packed_map(*packed)


def _add_uncertain(app: FastAPI, service: Service) -> None:
    @app.get("/api/photographs/{id}/uncertain", responses=NOT_THERE)
    def uncertain(id: Id) -> list[Region]:
        """The most uncertain regions, most uncertain first."""
        prediction = service.analysis(id).prediction
        regions = uncertain_regions(prediction.vessel_map, prediction.fov.mask)
        return [Region(x=r.x, y=r.y, size=r.size, doubt=r.doubt) for r in regions]


def level_map(request: Request, levels: Levels, longest_px: int) -> Response:
    """A map of levels (H, W) uint16; compressed, which takes a while, only for other computers."""
    far = request.client is None or request.client.host not in _THIS_COMPUTER
    shape, packed = pictures.levels(levels, longest_px, compress=far)
    answer = packed_map(shape, packed)
    if not far:
        del answer.headers["Content-Encoding"]
    return answer


def packed_map(shape: tuple[int, int], packed: bytes) -> Response:
    """A map that was packed with gzip, row by row."""
    headers = {
        "Content-Encoding": "gzip",
        "X-Height": str(shape[0]),
        "X-Width": str(shape[1]),
    }
    return Response(packed, media_type="application/octet-stream", headers=headers)
