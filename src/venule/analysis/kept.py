"""Metadata stored in a mask file, so that it can be measured without its photograph."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from venule.analysis.analyse import Analysis
from venule.image.arrays import Mask

KEY = "venule"
"""Keyword of the PNG text chunk that holds it; other programs ignore it."""

_VERSION = 1


@dataclass(frozen=True, eq=False)
class Kept:
    """Metadata of a predicted mask.

    Attributes:
        fov: (H, W) bool, the field of view that was segmented.
        reconnected: (H, W) bool, pixels that only close gaps: excluded from calibre and area.
        um_per_px: length of a pixel in micrometres; None if not stated.
        laterality: "left", "right" or None.
    """

    fov: Mask
    reconnected: Mask
    um_per_px: float | None = None
    laterality: str | None = None


def keep(analysis: Analysis) -> dict[str, str]:
    """Encode the metadata of an analysis as text chunks of a PNG."""
    prediction, photograph = analysis.prediction, analysis.photograph
    kept = {
        "version": _VERSION,
        "fov": _packed(prediction.fov.mask),
        "reconnected": prediction.vessel_map.reconnected_at.tolist(),
        "um_per_px": photograph.um_per_px,
        "laterality": analysis.laterality,
    }
    return {KEY: json.dumps(kept, separators=(",", ":"))}


def kept_of(texts: Mapping[str, Any], shape: tuple[int, int]) -> Kept | None:
    """Decode the metadata of a mask file (H, W) from its text chunks; None if there is none.

    A file saved again by another program has lost it; metadata that cannot be decoded counts as
    lost.
    """
    try:
        kept = json.loads(texts[KEY])
        if kept["version"] != _VERSION:
            return None
        fov = _unpacked(kept["fov"], shape)
        reconnected = np.zeros(shape, bool)
        reconnected.ravel()[np.asarray(kept["reconnected"], np.intp)] = True
        return Kept(fov, reconnected, kept["um_per_px"], kept["laterality"])
    except (KeyError, TypeError, ValueError, IndexError, zlib.error, binascii.Error):
        return None


def _packed(mask: Mask) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _unpacked(text: str, shape: tuple[int, int]) -> Mask:
    size = shape[0] * shape[1]
    # Limited to the mask's size, so that a malicious chunk cannot exhaust memory.
    packed = zlib.decompressobj().decompress(base64.b64decode(text), size // 8 + 1)
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=size).reshape(shape).astype(bool)
