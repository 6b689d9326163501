"""Routes about the service: its health and its models."""

from fastapi import FastAPI

from venule import __version__
from venule.serve.schemas import Health, Model
from venule.serve.service import Service
from venule.serve.types import About


def add_about(app: FastAPI, service: Service, about: About) -> None:
    """Add the routes about the service."""

    @app.get("/api/health")
    def health() -> Health:
        """Health of the service, and its load."""
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
