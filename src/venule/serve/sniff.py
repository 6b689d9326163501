"""Kinds of uploaded files, told by their content before they are decoded."""

from pathlib import Path

from fastapi import HTTPException

from venule.dicom.recognize import recognizes
from venule.errors import ImageError
from venule.image.container import open_image

_HEAD_BYTES = 256
_GZIP = b"\x1f\x8b"


def check_content(content: bytes, pixels: int) -> None:
    """Raise HTTPException for what is no photograph's file, or claims more pixels than allowed.

    The name and the Content-Type that came with it are not asked.
    """
    if recognizes(content[:_HEAD_BYTES]) or content[:2] == _GZIP:
        return  # their sizes are read with their pixels, which is bounded there
    try:
        with open_image(content, Path("photograph")) as opened:
            width, height = opened.size
    except ImageError as error:
        what = str(error).removeprefix("photograph: ")
        raise HTTPException(413 if "megapixel" in what else 415, what) from None
    except Exception:  # decoders meet broken headers with nearly every kind of exception
        raise HTTPException(415, "not an image that can be read") from None
    if width * height > pixels:
        raise HTTPException(413, f"{width} x {height} px: more than {pixels / 1e6:.0f} megapixels")
