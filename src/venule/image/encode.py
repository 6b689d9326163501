"""Arrays as the bytes of picture files."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from venule.image.arrays import RGB, Mask
from venule.image.levels import Levels


def encode_rgb(pixels: RGB) -> bytes:
    """Encode (H, W, 3) or (H, W) uint8 as PNG."""
    return _png(Image.fromarray(np.ascontiguousarray(pixels)), level=4)


def encode_jpeg(pixels: RGB, *, quality: int = 95, longest_px: int | None = None) -> bytes:
    """Encode (H, W, 3) or (H, W) uint8 as JPEG, scaled down to `longest_px` on the longer side.

    Colours keep their full resolution from quality 90 on.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if longest_px is not None and max(picture.size) > longest_px:
        scale = longest_px / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    encoded = BytesIO()
    picture.save(encoded, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    return encoded.getvalue()


def encode_mask(mask: Mask, texts: Mapping[str, str] | None = None) -> bytes:
    """Encode (H, W) bool as an 8-bit grey PNG, 0 outside and 255 inside, with text chunks."""
    return _png(Image.fromarray(mask.astype(np.uint8) * 255), level=1, texts=texts)


def encode_palette(
    values: NDArray[np.uint8],
    colors: Sequence[tuple[int, int, int]],
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """Encode (H, W) uint8 as a PNG whose values are those of a palette, with text chunks."""
    picture = Image.fromarray(np.ascontiguousarray(values))
    picture.putpalette([part for color in colors for part in color])
    return _png(picture, level=1, texts=texts)


def encode_levels(
    levels: Levels, texts: Mapping[str, str] | None = None, *, level: int = 4
) -> bytes:
    """Encode a probability map (H, W), uint16 levels, as a 16-bit grey PNG, with text chunks.

    `level` is zlib's: 1 is quicker, and makes larger files.
    """
    return _png(Image.fromarray(np.ascontiguousarray(levels)), level=level, texts=texts)


def encode_strips(shape: tuple[int, int], strips: Iterable[RGB]) -> bytes:
    """Encode a colour image of `shape` (H, W) that comes in strips from top to bottom, as PNG."""
    picture, top = Image.new("RGB", shape[::-1]), 0
    for strip in strips:
        picture.paste(Image.fromarray(np.ascontiguousarray(strip)), (0, top))
        top += len(strip)
    assert top == shape[0]
    return _png(picture, level=4)


def _png(picture: Image.Image, *, level: int, texts: Mapping[str, str] | None = None) -> bytes:
    encoded, chunks = BytesIO(), PngInfo()
    for key, text in (texts or {}).items():
        chunks.add_text(key, text, zip=True)
    picture.save(encoded, "PNG", compress_level=level, pnginfo=chunks)
    return encoded.getvalue()
