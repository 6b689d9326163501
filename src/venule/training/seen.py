"""Photographs that earlier networks have seen, as files beside maps, patches and runs say."""

import json
from collections.abc import Iterable
from pathlib import Path

from venule.errors import DatasetError
from venule.models.record import SeenImages

TEACHERS = "seen.json"
"""In a folder of maps to learn from: the images that the networks which gave them have seen."""


def together(*parts: Iterable[SeenImages]) -> tuple[SeenImages, ...]:
    """All of them, each once."""
    every = [images for part in parts for images in part]
    return tuple(images for place, images in enumerate(every) if images not in every[:place])


def read_seen(path: Path) -> tuple[SeenImages, ...]:
    """The images that a JSON file lists under "seen"; none where there is no such file.

    Raises:
        DatasetError: it cannot be read.
    """
    if not path.is_file():
        return ()
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return tuple(SeenImages.model_validate(images) for images in about.get("seen", ()))
    except (OSError, ValueError, AttributeError, TypeError):
        raise DatasetError(
            f"{path}: does not list images as venule wrote it; make it anew"
        ) from None
