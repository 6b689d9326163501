"""Versions of images, by which a browser checks whether its cached ones are current.

URLs do not suffice: a file may be replaced by another photograph.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from fastapi import Request
from fastapi.responses import Response

from venule.image.photograph import Photograph


class Versions:
    """Versions of photographs in memory and of files; they change with every start."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(8)
        self._count = 0
        self._read: WeakKeyDictionary[Photograph, str] = WeakKeyDictionary()
        self._lock = Lock()

    def of(self, photograph: Photograph) -> str:
        """The version of a photograph in memory; a new one each time it is read."""
        with self._lock:
            if photograph not in self._read:
                self._count += 1
                self._read[photograph] = f"{self._start}-{self._count}"
            return self._read[photograph]

    def of_file(self, path: Path) -> str:
        """The version of a photograph's file, which changes when the file is replaced.

        Raises:
            OSError: the file is missing.
        """
        status = path.stat()
        return f"{self._start}-{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def versioned_jpeg(request: Request, version: str, encode: Callable[[], bytes]) -> Response:
    """A JPEG, or 304 without encoding it if the browser has that version."""
    tag = f'"{version}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    asked = request.headers.get("if-none-match", "").split(",")
    if tag in (one.strip().removeprefix("W/") for one in asked):
        return Response(status_code=304, headers=headers)
    return Response(encode(), media_type="image/jpeg", headers=headers)
