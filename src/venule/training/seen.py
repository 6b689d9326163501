"""Photographs seen by earlier networks, as recorded in files beside maps, patches and runs."""

import json
from collections.abc import Iterable
from pathlib import Path

from venule.errors import DatasetError
from venule.models.record import SeenImages

TEACHERS = "seen.json"
"""In a folder of soft pseudo-labels: the images that the teacher networks have seen."""


def together(*parts: Iterable[SeenImages]) -> tuple[SeenImages, ...]:
    """The union, each image once."""
    every = [images for part in parts for images in part]
    return tuple(images for place, images in enumerate(every) if images not in every[:place])


def read_seen(path: Path) -> tuple[SeenImages, ...]:
    """The images that a JSON file lists under "seen"; none if there is no such file.

    Raises:
        DatasetError: the file cannot be read.
    """
    if not path.is_file():
        return ()
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return tuple(SeenImages.model_validate(images) for images in about["seen"])
    except (OSError, ValueError, KeyError, TypeError):
        raise DatasetError(
            f"{path}: not a list of images as venule writes it; create it again"
        ) from None
