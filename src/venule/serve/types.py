"""Types shared by routes, and their possible responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Query

from venule.serve.schemas import Refusal

Answers = dict[int | str, dict[str, Any]]
"""The possible responses of a route, by status."""

Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{8,40}$", description="An opaque id.")]

Longest = Annotated[int, Query(ge=64, le=32768, description="Maximum longer side in pixels.")]


def refusals(*statuses: int) -> Answers:
    """Responses that give the reason for a refusal."""
    return {status: {"model": Refusal} for status in statuses}


NOT_THERE = refusals(404)

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""OpenAPI description of a request whose body is a file."""


def answered(status: int, answer: dict[str, Any]) -> Answers:
    """A response, besides that for a missing photograph."""
    return {**NOT_THERE, status: answer}


JPEG: Answers = {
    **answered(200, {"content": {"image/jpeg": {}}}),
    304: {"description": "The image still matches If-None-Match."},
}
"""Responses of a route of images that browsers cache."""


@dataclass(frozen=True)
class About:
    """The weights as described by the application: licences by name, and which are in use."""

    model: str
    licences: Mapping[str, str]
