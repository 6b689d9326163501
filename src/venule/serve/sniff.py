"""File types of uploads, detected from their content before decoding."""

import gzip
import zlib
from io import BytesIO
from pathlib import Path

from fastapi import HTTPException

from venule.dicom.recognize import recognizes
from venule.errors import ImageError
from venule.image.container import open_image
from venule.image.kinds import HEAD_BYTES


def unzipped(content: bytes, most: int) -> bytes:
    """The content of a gzipped file; raise HTTPException if it is broken, or over `most` bytes."""
    try:
        with gzip.open(BytesIO(content)) as file:
            found = file.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise HTTPException(415, "a broken gzip file") from None
    if len(found) > most:
        raise HTTPException(413, f"unpacks to more than {most / 2**20:.0f} MiB")
    return found


def check_content(content: bytes, pixels: int) -> None:
    """Raise HTTPException if the content is not an image file, or claims too many pixels.

    The file name and the Content-Type are ignored.
    """
    if recognizes(content[:HEAD_BYTES]):
        return  # its size is checked when it is decoded
    try:
        with open_image(content, Path("photograph")) as opened:
            width, height = opened.size
    except ImageError as error:
        what = str(error).removeprefix("photograph: ")
        raise HTTPException(413 if "megapixel" in what else 415, what) from None
    except Exception:  # decoders raise nearly any exception for broken headers
        raise HTTPException(415, "not an image that can be read") from None
    if width * height > pixels:
        raise HTTPException(413, f"{width} x {height} px: more than {pixels / 1e6:.0f} megapixels")
