"""Types that routes share, and what they may answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Query

from venule.serve.schemas import Refusal

Answers = dict[int | str, dict[str, Any]]
"""What a route may answer, by status."""

Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{8,40}$", description="An opaque id.")]

Longest = Annotated[int, Query(ge=64, le=32768, description="Pixels of the longer side at most.")]

NOT_THERE: Answers = {404: {"model": Refusal}}

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""OpenAPI description of a request whose body is a file."""


def answered(status: int, answer: dict[str, Any]) -> Answers:
    """An answer beside that of a photograph which is not there."""
    return {**NOT_THERE, status: answer}


JPEG: Answers = {
    **answered(200, {"content": {"image/jpeg": {}}}),
    304: {"description": "The picture is still the one that If-None-Match names."},
}
"""Answers of a route of pictures that browsers keep."""


@dataclass(frozen=True)
class About:
    """What the application tells of its weights: licences by name, and which are in use."""

    model: str
    licences: Mapping[str, str]
