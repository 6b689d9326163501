"""Images of a report, small enough for 500 photographs in one file."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from venule.analysis.analyse import Analysis
from venule.image.encode import encode_jpeg
from venule.viz.marks import ARTERY, BOTH, VEIN
from venule.viz.overlay import VESSEL, Color

THUMBNAIL_PX = 110

_SHARES = 4
"""Levels of opacity in a layer of vessels."""


@dataclass(frozen=True)
class Pictures:
    """Images of a photograph: itself (JPEG), its vessels as an overlay (PNG), and a thumbnail."""

    photograph: bytes
    layer: bytes
    thumbnail: bytes


def longest_px(photographs: int) -> int:
    """Longer side in pixels of each image, given the number of photographs."""
    return 1200 if photographs <= 8 else 800 if photographs <= 80 else 600


def pictures(analysis: Analysis, longest: int) -> Pictures:
    """The images of one analysis, at most `longest` pixels on the longer side."""
    pixels = analysis.photograph.pixels
    return Pictures(
        encode_jpeg(pixels, quality=78, longest_px=longest),
        _layer(analysis, longest),
        encode_jpeg(pixels, quality=70, longest_px=THUMBNAIL_PX),
    )


def _layer(analysis: Analysis, longest: int) -> bytes:
    """Vessels on a transparent background: a 16-colour PNG with opacity by pixel coverage."""
    prediction = analysis.prediction
    covered = _shares(prediction.vessels, longest)
    hue = np.zeros(covered.shape, np.uint8)
    if prediction.has_types:
        artery, vein = (_shares(prediction.maps[name].mask, longest) for name in ("artery", "vein"))
        hue = np.where(artery > vein, 1, np.where(vein > artery, 2, np.where(artery > 0, 3, 0)))
    step = np.rint(covered / 255 * (_SHARES - 1)).astype(np.uint8)
    picture = Image.fromarray((hue * _SHARES + step).astype(np.uint8), "P")
    colors: tuple[Color, ...] = (VESSEL, ARTERY, VEIN, BOTH)
    picture.putpalette([part for color in colors for _ in range(_SHARES) for part in color])
    opaque = [round(255 * share / (_SHARES - 1)) for share in range(_SHARES)] * len(colors)
    encoded = BytesIO()
    picture.save(encoded, "PNG", bits=4, transparency=bytes(opaque), optimize=True)
    return encoded.getvalue()


def _shares(mask: NDArray[np.bool_], longest: int) -> NDArray[np.uint8]:
    """The fraction of each pixel of the reduced image inside the mask, times 255."""
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    if max(grey.size) > longest:
        scale = longest / max(grey.size)
        width, height = (max(1, round(side * scale)) for side in grey.size)
        grey = grey.resize((width, height), Image.Resampling.BOX)
    return np.asarray(grey)


def data_uri(content: bytes, kind: str) -> str:
    """A file's content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
