"""Metadata stored in a mask file, so that it can be measured without its photograph."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from venule.analysis.analyse import Analysis
from venule.image.arrays import Mask
from venule.image.photograph import Laterality

KEY = "venule"
"""Keyword of the PNG text chunk that holds it; other programs ignore it."""


class _Stored(BaseModel, frozen=True, strict=True):
    """The metadata as JSON.

    Masks are packed, as lists of pixels could grow beyond the text that PNG readers accept.
    """

    version: Literal[2] = 2
    fov: str
    reconnected: str
    um_per_px: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    laterality: Laterality | None
    square: bool = True


@dataclass(frozen=True, eq=False)
class Kept:
    """Metadata of a predicted mask.

    Attributes:
        fov: (H, W) bool, the field of view that was segmented.
        reconnected: (H, W) bool, pixels that only close gaps: excluded from calibre and area.
        um_per_px: length of a pixel in micrometres; None if not stated.
        laterality: "left", "right" or None.
        square: False if the photograph's file says that its pixels are not square.
    """

    fov: Mask
    reconnected: Mask
    um_per_px: float | None = None
    laterality: Laterality | None = None
    square: bool = True


def keep(analysis: Analysis) -> dict[str, str]:
    """Encode the metadata of an analysis as text chunks of a PNG."""
    prediction, photograph = analysis.prediction, analysis.photograph
    stored = _Stored(
        fov=_packed(prediction.fov.mask),
        reconnected=_packed(prediction.vessel_map.reconnected),
        um_per_px=photograph.um_per_px,
        laterality=analysis.laterality,
        square=photograph.square,
    )
    return {KEY: stored.model_dump_json()}


def kept_of(texts: Mapping[str, Any], shape: tuple[int, int]) -> Kept | None:
    """Decode the metadata of a mask file (H, W) from its text chunks; None if there is none.

    A file saved again by another program has lost it; metadata that cannot be decoded counts as
    lost.
    """
    try:
        stored = _Stored.model_validate_json(texts[KEY])
        fov = _unpacked(stored.fov, shape)
        reconnected = _unpacked(stored.reconnected, shape)
    except (KeyError, ValueError, zlib.error):
        return None
    return Kept(fov, reconnected, stored.um_per_px, stored.laterality, stored.square)


def _packed(mask: Mask) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _unpacked(text: str, shape: tuple[int, int]) -> Mask:
    size = shape[0] * shape[1]
    packed_size = -(-size // 8)
    # Limited to the mask's size, so that a malicious chunk cannot exhaust memory.
    packed = zlib.decompressobj().decompress(base64.b64decode(text), packed_size + 1)
    if len(packed) != packed_size:
        raise ValueError("of another size")
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=size).reshape(shape).astype(bool)
