"""Routes for exporting masks to other programs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fastapi import FastAPI
from fastapi.responses import Response

from venule.analysis.analyse import Analysis
from venule.analysis.outputs import OUTPUTS
from venule.dicom.source import Source
from venule.image.nifti import LABELS
from venule.serve.exchange import geojson_of, nifti_of
from venule.serve.service import Service, UnknownError
from venule.serve.types import Id, answered


@dataclass(frozen=True)
class Export:
    """A file made from an analysis: its name, media type and encoder.

    The encoder raises UnknownError if a photograph has none.
    """

    name: str
    kind: str
    encode: Callable[[Analysis], bytes | str]
    about: str


def _types(analysis: Analysis) -> bytes:
    if not analysis.prediction.has_types:
        raise UnknownError("arteries and veins are not known for this photograph")
    return OUTPUTS["av"].encode(analysis)


def _segmentation(analysis: Analysis) -> bytes:
    if not isinstance(analysis.photograph.origin, Source):
        raise UnknownError("not a DICOM photograph, which a Segmentation must refer to")
    return OUTPUTS["seg"].encode(analysis)


EXPORTS = (
    Export(
        "mask.nii.gz",
        "application/gzip",
        nifti_of,
        "The mask as a NIfTI label image, with arteries and veins if they are known.",
    ),
    Export(
        "mask.geojson",
        "application/geo+json",
        geojson_of,
        "Masks and the disc as polygons along pixel edges, for QuPath.",
    ),
    Export(
        "types.png", "image/png", _types, "Arteries in red, veins in blue, green where they cross."
    ),
    Export(
        "mask.dcm",
        "application/dicom",
        _segmentation,
        "A DICOM Segmentation that refers to the photograph; for DICOM photographs only.",
    ),
)


def add_exports(app: FastAPI, service: Service) -> None:
    """Add the routes for exporting masks to other programs."""
    for export in EXPORTS:
        _add(app, service, export)

    @app.get(
        "/api/labels.txt",
        responses=answered(200, {"content": {"text/plain": {}}}),
        response_class=Response,
    )
    def labels() -> Response:
        """The labels of the NIfTI image, for ITK-SNAP."""
        return _attachment(LABELS, "labels.txt", "text/plain; charset=utf-8")


def _add(app: FastAPI, service: Service, export: Export) -> None:
    def answer(id: Id) -> Response:
        return _attachment(export.encode(_exported(service, id)), export.name, export.kind)

    app.get(
        f"/api/photographs/{{id}}/{export.name}",
        name=export.name,
        description=export.about,
        responses=answered(200, {"content": {export.kind: {}}}),
        response_class=Response,
    )(answer)


def _exported(service: Service, id: str) -> Analysis:
    """The analysis of a photograph, without its patient if it was predicted with --deidentify."""
    analysis = service.analysis(id)
    photograph = analysis.photograph
    if not service.get(id).deidentify or not isinstance(photograph.origin, Source):
        return analysis
    from venule.dicom.deidentify import deidentified  # pydicom is an extra

    return replace(analysis, photograph=replace(photograph, origin=deidentified(photograph.origin)))


def _attachment(content: bytes | str, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
