"""Types that routes share."""

from typing import Annotated, Any

from fastapi import Path as InPath

Answers = dict[int | str, dict[str, Any]]
"""What a route may answer, by status."""

Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{8,40}$", description="An opaque id.")]
