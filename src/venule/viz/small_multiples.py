"""Small multiples of a cohort: the distribution of each measurement over photographs."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from venule.image.arrays import RGB

_PANEL = (420, 240)
_GAP, _TEXT = 16, 15
_PAPER, _INK, _SOFT, _MARK = (255, 255, 255), (30, 30, 30), (205, 214, 222), (0, 114, 178)
_BINS = 24
_COLUMNS = 3


def small_multiples(panels: Sequence[tuple[str, Sequence[float]]]) -> RGB:
    """Draw one sheet (H, W, 3) uint8: for each panel a title, a histogram, and a dot per value.

    Values that are not finite are left out and counted in the title. The thick line is the median.
    """
    width, height = _PANEL
    rows = math.ceil(len(panels) / _COLUMNS)
    size = (_COLUMNS * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for place, (title, values) in enumerate(panels):
        left = _GAP + place % _COLUMNS * (width + _GAP)
        top = _GAP + place // _COLUMNS * (height + _GAP)
        _panel(draw, (left, top), title, np.asarray(values, float))
    return np.asarray(sheet)


def _panel(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, values: np.ndarray
) -> None:
    font = ImageFont.load_default(_TEXT)
    left, top = corner
    width, height = _PANEL
    seen = values[np.isfinite(values)]
    missing = len(values) - len(seen)
    more = f", {missing} missing" if missing else ""
    draw.text((left, top), f"{title}  (n = {len(seen)}{more})", fill=_INK, font=font)
    base = top + height - 2 * _TEXT
    draw.line((left, base, left + width, base), fill=_INK)
    if not len(seen):
        return
    low, high = float(seen.min()), float(seen.max())
    span = high - low if high > low else max(abs(low), 1e-12)
    start = low if high > low else low - span / 2
    counts, edges = np.histogram(seen, bins=_BINS, range=(start, start + span))
    room = height - 2 * _TEXT - 40

    def x(value: float) -> float:
        return left + (value - start) / span * width

    for count, first, last in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            bar = (x(first) + 1, base - room * count / counts.max(), x(last) - 1, base - 1)
            draw.rectangle(bar, fill=_SOFT)
    for number, value in enumerate(seen):
        y = base - 6 - (number * 7) % 24  # jittered, so that equal values show
        draw.ellipse((x(value) - 2, y - 2, x(value) + 2, y + 2), fill=_MARK)
    middle = x(float(np.median(seen)))
    draw.line((middle, base - room, middle, base), fill=_INK, width=3)
    draw.text((left, base + 3), f"{low:.4g}", fill=_INK, font=font)
    text = f"{high:.4g}"
    draw.text(
        (left + width - draw.textlength(text, font=font), base + 3), text, fill=_INK, font=font
    )
    text = f"median {np.median(seen):.4g}"
    center = left + width / 2 - draw.textlength(text, font=font) / 2
    draw.text((center, base + 3), text, fill=_INK, font=font)
