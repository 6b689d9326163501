"""Measurements drawn over a photograph: lines, dots and rings, with a colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from venule.image.arrays import RGB

Color = tuple[int, int, int]
Kind = Literal["dot", "square", "ring"]

_DARKENED = 0.45
_INK: Color = (255, 255, 255)
_WIDEST_PX = 1600
"""Largest width of a picture; it is for viewing only."""

_FINER = 2
"""Supersampling factor for antialiased lines."""

# Viridis without its dark end, which is lost on a darkened photograph: perceptually uniform, and
# colour-blind safe.
_SCALE = np.array(
    (
        (49, 104, 142),
        (38, 130, 142),
        (53, 183, 121),
        (109, 205, 89),
        (180, 222, 44),
        (253, 231, 37),
    ),
    float,
)


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points (N, 2), rows and columns of the photograph."""

    points: NDArray[np.float64]
    color: Color
    width: float = 2.0  # in pixels of the photograph


@dataclass(frozen=True)
class Mark:
    """A dot, square or ring at a point.

    The radius of a ring is in pixels of the photograph, that of the others in pixels of the
    picture.
    """

    row: float
    column: float
    radius: float
    color: Color
    kind: Kind = "dot"


@dataclass(frozen=True)
class ColorBar:
    """The legend of a colour scale, from its lowest to its highest value."""

    title: str
    low: float
    high: float


def draw_lines(
    image: RGB,
    lines: Sequence[Line],
    marks: Sequence[Mark] = (),
    *,
    bar: ColorBar | None = None,
    legend: Sequence[tuple[str, Color]] = (),
) -> RGB:
    """Draw on the photograph, darkened and scaled to at most 1600 px: (H, W, 3) uint8."""
    scale = min(1.0, _WIDEST_PX / image.shape[1])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    dark = np.rint(image * _DARKENED).astype(np.uint8)
    large = (_FINER * size[0], _FINER * size[1])
    picture = Image.fromarray(dark).resize(large, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    for line in lines:
        width = max(2 * _FINER, round(line.width * scale * _FINER))
        places = _places(_thinned(line.points, line.width), scale * _FINER)
        draw.line(places, fill=line.color, width=width, joint="curve")
    for mark in marks:
        _draw_mark(draw, mark, scale)
    picture = picture.reduce(_FINER)
    draw = ImageDraw.Draw(picture)
    font_px = max(14, size[0] // 70)
    font = ImageFont.load_default(font_px)
    top = 10.0
    for words, color in legend:
        draw.rectangle((10, top, 10 + font_px, top + font_px), fill=color)
        draw.text((16 + font_px, top - 1), words, fill=_INK, font=font)
        top += 1.5 * font_px
    if bar is not None:
        _draw_bar(draw, bar, size, font)
    return np.asarray(picture)


def colors_of(values: Sequence[float], low: float, high: float) -> list[Color]:
    """A colour of the scale for each value; grey for nan."""
    return [_color((value - low) / max(high - low, 1e-12)) for value in values]


def _color(share: float) -> Color:
    if not np.isfinite(share):
        return (128, 128, 128)
    place = float(np.clip(share, 0, 1)) * (len(_SCALE) - 1)
    mixed = [np.interp(place, range(len(_SCALE)), channel) for channel in _SCALE.T]
    red, green, blue = (round(float(channel)) for channel in mixed)
    return red, green, blue


def _thinned(points: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Fewer points of a wide line, which otherwise has ragged ends and joints."""
    step = max(1, round(width / 3))
    return np.concatenate((points[:-1:step], points[-1:]))


def _places(points: NDArray[np.float64], scale: float) -> list[tuple[float, float]]:
    return [((column + 0.5) * scale, (row + 0.5) * scale) for row, column in points]


def _draw_mark(draw: ImageDraw.ImageDraw, mark: Mark, scale: float) -> None:
    x, y = ((place + 0.5) * scale * _FINER for place in (mark.column, mark.row))
    radius = mark.radius * _FINER * (scale if mark.kind == "ring" else 1)
    box = (x - radius, y - radius, x + radius, y + radius)
    if mark.kind == "ring":
        draw.ellipse(box, outline=mark.color, width=2 * _FINER)
    elif mark.kind == "square":
        draw.rectangle(box, outline=mark.color, width=2 * _FINER)
    else:
        draw.ellipse(box, fill=mark.color)


def _draw_bar(
    draw: ImageDraw.ImageDraw,
    bar: ColorBar,
    size: tuple[int, int],
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    width, height = size[0] // 4, max(10, size[1] // 90)
    left, top = 10, size[1] - 3 * height - 24
    for step in range(width):
        draw.line((left + step, top, left + step, top + height), fill=_color(step / width))
    draw.text((left, top - 1.4 * getattr(font, "size", 14)), bar.title, fill=_INK, font=font)
    draw.text((left, top + height + 2), f"{bar.low:.3g}", fill=_INK, font=font)
    high = f"{bar.high:.3g}"
    draw.text(
        (left + width - draw.textlength(high, font=font), top + height + 2),
        high,
        fill=_INK,
        font=font,
    )
