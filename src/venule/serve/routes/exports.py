"""Routes by which masks leave for other programs."""

from fastapi import FastAPI
from fastapi.responses import Response

from venule.analysis.outputs import OUTPUTS
from venule.dicom.source import Source
from venule.image.nifti import LABELS
from venule.serve.exchange import geojson_of, nifti_of
from venule.serve.service import Service, UnknownError
from venule.serve.types import Answers, Id, answered


def add_exports(app: FastAPI, service: Service) -> None:
    """Add the routes by which masks leave for other programs."""

    def file(content: bytes | str, name: str, kind: str) -> Response:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=kind, headers=headers)

    def answers(kind: str) -> Answers:
        return answered(200, {"content": {kind: {}}})

    @app.get(
        "/api/photographs/{id}/mask.nii.gz",
        responses=answers("application/gzip"),
        response_class=Response,
    )
    def nifti(id: Id) -> Response:
        """The mask as a NIfTI label image, with arteries and veins where they are known."""
        return file(nifti_of(service.analysis(id)), "mask.nii.gz", "application/gzip")

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
        """Masks and the disc as polygons along the edges of pixels, for QuPath."""
        return file(geojson_of(service.analysis(id)), "mask.geojson", "application/geo+json")

    @app.get(
        "/api/photographs/{id}/types.png",
        responses=answers("image/png"),
        response_class=Response,
    )
    def types(id: Id) -> Response:
        """Arteries in red, veins in blue, green where they cross."""
        analysis = service.analysis(id)
        if not {"artery", "vein"} <= set(analysis.prediction.maps):
            raise UnknownError("arteries and veins are not known of this photograph")
        return file(OUTPUTS["av"].encode(analysis), "types.png", "image/png")

    @app.get(
        "/api/photographs/{id}/mask.dcm",
        responses=answers("application/dicom"),
        response_class=Response,
    )
    def segmentation(id: Id) -> Response:
        """A DICOM Segmentation that answers the photograph's object; only of DICOM photographs."""
        analysis = service.analysis(id)
        if not isinstance(analysis.photograph.origin, Source):
            raise UnknownError("the photograph is no DICOM object that a Segmentation could answer")
        return file(OUTPUTS["seg"].encode(analysis), "mask.dcm", "application/dicom")
