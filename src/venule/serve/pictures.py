"""Images of a photograph for the page, as bytes: views, thumbnails and maps of levels."""

import gzip
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from venule.analysis.analyse import Analysis
from venule.image.arrays import RGB
from venule.image.decode import upright
from venule.image.encode import encode_jpeg
from venule.image.fov import with_rim
from venule.image.illumination import Illumination, correct_illumination
from venule.image.levels import Levels
from venule.image.photograph import read_photograph

View = Literal["color", "green", "clahe", "illumination"]

THUMBNAIL_PX = 72

Number = TypeVar("Number", np.uint8, np.uint16)


def view(analysis: Analysis, name: View, longest_px: int) -> bytes:
    """The photograph as JPEG: in colour, red-free, contrast-enhanced or illumination-corrected."""
    pixels = analysis.photograph.pixels
    step = -(-max(pixels.shape) // longest_px)
    if name == "green":
        pixels = pixels[..., 1]
    elif name == "clahe":
        pixels = _clahe(pixels[::step, ::step, 1])
    elif name == "illumination":
        pixels = correct_illumination(pixels, analysis.prediction.fov.mask, Illumination())
    return encode_jpeg(pixels, longest_px=longest_px)


def _clahe(green: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Imported here, as it is slow to import.
    from skimage.exposure import equalize_adapthist

    even = equalize_adapthist(green, clip_limit=0.02)
    return np.asarray(np.rint(even * 255), np.uint8)


def levels(
    found: Levels, longest_px: int, *, compress: bool = True
) -> tuple[tuple[int, int], bytes]:
    """Size (H, W) of a map and its levels: uint16 little-endian, row by row, gzip or plain.

    If the photograph exceeds `longest_px`, the largest level of each block.
    """
    small = _reduced(found, longest_px).astype("<u2", copy=False)
    shape = (small.shape[0], small.shape[1])
    return shape, _packed(small) if compress else np.ascontiguousarray(small).tobytes()


def packed_places(places: NDArray[np.uint8], longest_px: int) -> tuple[tuple[int, int], bytes]:
    """As `levels`, for a map (H, W) uint8."""
    found = _reduced(places, longest_px)
    return (found.shape[0], found.shape[1]), _packed(found)


def classes(analysis: Analysis, longest_px: int) -> tuple[tuple[int, int], bytes] | None:
    """As `levels`, for the map of vessel types, uint8; None if they are unknown."""
    types = analysis.prediction.types
    return None if types is None else packed_places(types, longest_px)


def field(analysis: Analysis, longest_px: int) -> tuple[tuple[int, int], bytes]:
    """As `levels`, for the field of view and its rim, uint8: 1 inside."""
    return packed_places(with_rim(analysis.prediction.fov.mask).astype(np.uint8), longest_px)


def _reduced(values: NDArray[Number], longest_px: int) -> NDArray[Number]:
    step = -(-max(values.shape) // longest_px)
    if step == 1:
        return values
    rows, columns = (-(-side // step) for side in values.shape)
    padded = np.zeros((rows * step, columns * step), values.dtype)
    padded[: values.shape[0], : values.shape[1]] = values
    return np.asarray(padded.reshape(rows, step, columns, step).max(axis=(1, 3)))


def _packed(values: NDArray[np.generic]) -> bytes:
    return gzip.compress(np.ascontiguousarray(values).tobytes(), compresslevel=1, mtime=0)


def thumbnail(pixels: RGB) -> bytes:
    """A thumbnail as JPEG."""
    return encode_jpeg(pixels, quality=80, longest_px=THUMBNAIL_PX)


def thumbnail_of(path: Path) -> bytes:
    """The thumbnail of a photograph's file; JPEG files are decoded at an eighth of their size.

    Raises:
        ImageError: the file cannot be read.
    """
    if path.suffix.lower() in (".jpg", ".jpeg"):
        try:
            with Image.open(path, formats=("JPEG",)) as opened:
                opened.draft("RGB", (THUMBNAIL_PX, THUMBNAIL_PX))
                small = upright(opened).convert("RGB")
                small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
                encoded = BytesIO()
                small.save(encoded, "JPEG", quality=80)
                return encoded.getvalue()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            pass  # `read_photograph` reports what is wrong with it
    return thumbnail(read_photograph(path).pixels)
