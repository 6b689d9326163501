"""Vessel maps made by other programs or by hand, read as levels."""

from pathlib import Path

import numpy as np

from venule.image.io import decode_stored, equal_as_one
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
    image, stored = decode_stored(content, path)
    if image.mode == "P" and len(np.unique(stored)) > _PALETTE:
        stored = equal_as_one(np.asarray(image.convert("RGB")))
    if stored.ndim == 3:
        stored = np.asarray(stored.any(axis=-1))
    if stored.dtype == np.bool_:
        return stored * np.uint16(_FULL)
    values = np.unique(stored)
    if len(values) <= 2 and values[0] == 0:
        return (stored > 0) * np.uint16(_FULL)
    scale = _FULL // int(np.iinfo(stored.dtype).max)
    return np.asarray(stored.astype(np.uint16) * np.uint16(scale), np.uint16)
