"""Vessel maps made by other programs or by hand, read as levels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from venule.errors import ImageError
from venule.image.container import open_image
from venule.image.decode import stored_pixels, upright
from venule.image.io import broken
from venule.image.levels import Levels

_FULL = np.iinfo(np.uint16).max
_PALETTE = 2


def decode_map(content: bytes, path: Path) -> Levels:
    """Read a mask or a probability map, (H, W) uint16 levels k / 65535, from a file's content.

    In a file with one value besides 0, every pixel above 0 is vessel; other grey files are
    probabilities, with 1 at the largest possible value. In a colour file (arteries and veins, say)
    every pixel that is not black is vessel. `path` is named in errors.

    Raises:
        ImageError: the image cannot be read, or has an unsupported pixel type.
    """
    stored = _stored(content, path)
    if stored.dtype == np.bool_:
        return stored * np.uint16(_FULL)
    if stored.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{path}: unsupported pixel type {stored.dtype}; save it as an 8-bit grey PNG"
        )
    values = np.unique(stored)
    if len(values) <= 2 and values[0] == 0:
        return (stored > 0) * np.uint16(_FULL)
    scale = _FULL // int(np.iinfo(stored.dtype).max)
    return np.asarray(stored.astype(np.uint16) * np.uint16(scale), np.uint16)


def _stored(content: bytes, path: Path) -> NDArray[Any]:
    """(H, W): grey values or palette indices as stored; for colours, whether they are not black."""
    try:
        image = upright(open_image(content, path))
        stored = stored_pixels(image)
        if image.mode == "P" and len(np.unique(stored)) > _PALETTE:
            stored = np.asarray(image.convert("RGB"))
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise almost anything for broken files
        raise broken(path, error) from error
    if stored.ndim == 3:
        colors = stored[..., :1] if image.mode == "LA" else stored[..., :3]
        if (colors == colors[..., :1]).all():
            return np.asarray(colors[..., 0])
        return np.asarray(colors.any(axis=-1))
    if stored.dtype == np.int32 and stored.min() >= 0 and stored.max() <= _FULL:
        return stored.astype(np.uint16)
    return stored
