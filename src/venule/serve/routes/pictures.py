"""Routes of images and maps."""

from collections.abc import Callable, Mapping
from functools import partial
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
from venule.serve.types import JPEG, NOT_THERE, Id, Longest, answered
from venule.serve.versions import Versions, versioned_jpeg

_THIS_COMPUTER = frozenset({"127.0.0.1", "::1"})

_RAW = answered(200, {"content": {"application/octet-stream": {}}})


def add_pictures(
    app: FastAPI, service: Service, places: Mapping[str, Path], versions: Versions
) -> None:
    """Add the routes of images and maps."""
    few = BoundedSemaphore(2)
    _add_image(app, service, versions, few)
    _add_thumbnail(app, service, places, versions, few)
    _add_maps(app, service)
    _add_uncertain(app, service)


def _add_image(app: FastAPI, service: Service, versions: Versions, few: BoundedSemaphore) -> None:
    shelf = Shelf(few, most=6)

    @app.get("/api/photographs/{id}/image", responses=JPEG, response_class=Response)
    def image(
        request: Request, id: Id, view: pictures.View = "color", longest: Longest = 16384
    ) -> Response:
        """A view of the photograph: JPEG, at its own size unless `longest` is smaller."""
        analysis = service.analysis(id)
        version = versions.of(analysis.photograph)

        def make() -> bytes:
            return pictures.view(analysis, view, longest)

        return versioned_jpeg(
            request, version, lambda: shelf.of(f"{version} {view} {longest}", make)
        )


def _add_thumbnail(
    app: FastAPI,
    service: Service,
    places: Mapping[str, Path],
    versions: Versions,
    few: BoundedSemaphore,
) -> None:
    shelf = Shelf(few)

    @app.get("/api/photographs/{id}/thumbnail", responses=JPEG, response_class=Response)
    def thumbnail(request: Request, id: Id) -> Response:
        """A thumbnail of the photograph as JPEG."""
        version, make = _thumbnail(service.get(id), places.get(id), versions)
        return versioned_jpeg(request, version, lambda: shelf.of(f"{id} {version}", make))


def _thumbnail(
    item: Item, place: Path | None, versions: Versions
) -> tuple[str, Callable[[], bytes]]:
    """The version of a photograph's thumbnail, and a function that makes it from pixels or file.

    Raises:
        UnknownError: there is neither.
    """
    analysis = item.analysis
    if analysis is not None:
        photograph = analysis.photograph
        return versions.of(photograph), partial(pictures.thumbnail, photograph.pixels)
    if place is None:
        raise UnknownError("no image of this photograph")
    try:
        return versions.of_file(place), partial(_thumbnail_of, place)
    except OSError as error:
        raise UnknownError("no image of this photograph") from error


def _thumbnail_of(place: Path) -> bytes:
    try:
        return pictures.thumbnail_of(place)
    except ImageError as error:
        raise UnknownError("no image of this photograph") from error


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
            raise UnknownError("arteries and veins are not known for this photograph")
        return packed_map(*packed)


def _add_uncertain(app: FastAPI, service: Service) -> None:
    @app.get("/api/photographs/{id}/uncertain", responses=NOT_THERE)
    def uncertain(id: Id) -> list[Region]:
        """The most uncertain regions, most uncertain first."""
        prediction = service.analysis(id).prediction
        regions = uncertain_regions(prediction.vessel_map, prediction.fov.mask)
        return [Region(x=r.x, y=r.y, size=r.size, doubt=r.doubt) for r in regions]


def level_map(request: Request, levels: Levels, longest_px: int) -> Response:
    """A map of levels (H, W) uint16; gzipped, which is slow, for other computers only."""
    far = request.client is None or request.client.host not in _THIS_COMPUTER
    shape, packed = pictures.levels(levels, longest_px, compress=far)
    answer = packed_map(shape, packed)
    if not far:
        del answer.headers["Content-Encoding"]
    return answer


def packed_map(shape: tuple[int, int], packed: bytes) -> Response:
    """A map packed with gzip, row by row."""
    headers = {
        "Content-Encoding": "gzip",
        "X-Height": str(shape[0]),
        "X-Width": str(shape[1]),
    }
    return Response(packed, media_type="application/octet-stream", headers=headers)
