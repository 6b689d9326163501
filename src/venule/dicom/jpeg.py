"""JPEG frames: the colour space they declare, and their samples with or without conversion."""

from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from venule.dicom.elements import FrameError

ColorSpace = Literal["RGB", "YBR"]

_MOST_SCANS = 500
_MOST_PIXELS_PER_BYTE = 2000
_SMALL_PIXELS = 2**24
_SMALL_SIDE = 256


class JpegFrame(NamedTuple):
    """A JPEG stream, its size, its number of components, and its declared colour space."""

    stream: bytes
    rows: int
    columns: int
    samples: int
    claim: ColorSpace | None


def open_jpeg(stream: bytes) -> JpegFrame:
    """Parse the header of a JPEG frame without decoding. Foreign exceptions pass through.

    Raises:
        FrameError: it has four components, or is a decompression bomb.
    """
    image = JpegImagePlugin.JpegImageFile(BytesIO(stream))
    samples = len(image.layer)
    if samples not in (1, 3):
        raise FrameError(f"a JPEG of {samples} components")
    check_ratio(image.height * image.width, len(stream))
    if stream.count(b"\xff\xda") > _MOST_SCANS:
        raise FrameError(f"a JPEG of more than {_MOST_SCANS} scans")
    return JpegFrame(stream, image.height, image.width, samples, _claim(image))


def check_ratio(pixels: int, size: int) -> None:
    """Raise FrameError if `size` bytes are too few for a photograph of so many pixels."""
    if pixels > max(_SMALL_PIXELS, _MOST_PIXELS_PER_BYTE * size):
        raise FrameError("its frame is truncated, or a decompression bomb")


def decode_jpeg(
    frame: JpegFrame, held: ColorSpace | None = None, *, small: bool = False
) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) uint8: RGB converted from colour space `held`, or raw samples if None.

    A reduced image decodes fast and is good enough to judge colours by.
    """
    image = JpegImagePlugin.JpegImageFile(BytesIO(frame.stream))
    if small:
        image.draft("RGB", (_SMALL_SIDE, _SMALL_SIDE))
    if frame.samples == 3:
        # The output format, and the colour space that the decoder assumes for the stream.
        arguments = ("RGB", "YCbCr" if held == "YBR" else "RGB")
        image.tile = [tile._replace(args=arguments) for tile in image.tile]
    return np.asarray(image)


def _claim(image: JpegImagePlugin.JpegImageFile) -> ColorSpace | None:
    """Colour space as libjpeg infers it: from an Adobe marker, JFIF, component names; or None."""
    if "adobe_transform" in image.info:
        return "YBR" if image.info["adobe_transform"] else "RGB"
    if "jfif" in image.info:
        return "YBR"
    return "RGB" if [layer[0] for layer in image.layer] == list(b"RGB") else None
