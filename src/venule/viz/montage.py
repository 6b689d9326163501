"""Contact sheets: rows of labelled pictures, page by page."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from venule.errors import UsageError
from venule.files.atomic import require_folder
from venule.image.arrays import RGB

_BACKGROUND = (255, 255, 255)
_INK = (20, 20, 20)
_GAP_PX = 6
_FONT_PX = 14
_LINE_PX = 20


def montage(
    rows: Sequence[tuple[str, Sequence[RGB]]],
    headings: Sequence[str],
    *,
    cell_px: int = 280,
    legend: Iterable[tuple[str, tuple[int, int, int]]] = (),
) -> RGB:
    """Draw one sheet: (H, W, 3) uint8.

    Args:
        rows: label and pictures of each row, (h, w, 3) uint8 of any size.
        headings: one for each column.
        cell_px: width of a picture on the sheet; each row is as high as its tallest picture.
        legend: labels with their colours, below the last row.
    """
    legend = list(legend)
    cells = [[_shrink(picture, cell_px) for picture in pictures] for _, pictures in rows]
    heights = [max((cell.height for cell in line), default=0) for line in cells]
    width = _GAP_PX + len(headings) * (cell_px + _GAP_PX)
    top = _LINE_PX + _GAP_PX
    height = top + sum(h + _LINE_PX + _GAP_PX for h in heights) + (_LINE_PX if legend else 0)
    sheet = Image.new("RGB", (width, height), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PX)
    for column, heading in enumerate(headings):
        text = _fit(heading, cell_px, font)
        draw.text((_left(column, cell_px), _GAP_PX), text, fill=_INK, font=font)
    for (label, _), line, row_height in zip(rows, cells, heights, strict=True):
        text = _fit(label, width - 2 * _GAP_PX, font)
        draw.text((_GAP_PX, top), text, fill=_INK, font=font)
        for column, cell in enumerate(line):
            sheet.paste(cell, (_left(column, cell_px), top + _LINE_PX))
        top += _LINE_PX + row_height + _GAP_PX
    _draw_legend(draw, legend, top, font)
    return np.asarray(sheet)


def pages(
    rows: Iterable[tuple[str, Sequence[RGB]]],
    headings: Sequence[str],
    *,
    rows_per_page: int = 8,
    cell_px: int = 280,
    legend: Sequence[tuple[str, tuple[int, int, int]]] = (),
) -> Iterator[RGB]:
    """Yield sheets of at most `rows_per_page` rows, drawn as rows arrive: one page in memory."""
    page: list[tuple[str, Sequence[RGB]]] = []
    for label, pictures in rows:
        page.append((label, [_shrunk(picture, cell_px) for picture in pictures]))
        if len(page) == rows_per_page:
            yield montage(page, headings, cell_px=cell_px, legend=legend)
            page = []
    if page:
        yield montage(page, headings, cell_px=cell_px, legend=legend)


def page_paths(out: Path, *, rows: int, rows_per_page: int) -> list[Path]:
    """The files for a sheet of `rows`: `out` itself, or OUT-1.png, OUT-2.png ... next to it.

    Raises:
        UsageError: `out` is not a .png file.
        OutputError: its folder does not exist.
    """
    if out.suffix.lower() != ".png":
        raise UsageError(f"{out}: sheets are written as .png")
    require_folder(out)
    count = math.ceil(rows / rows_per_page)
    if count == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{page}{out.suffix}") for page in range(1, count + 1)]


def _left(column: int, cell_px: int) -> int:
    return _GAP_PX + column * (cell_px + _GAP_PX)


def _shrink(picture: RGB, cell_px: int) -> Image.Image:
    height, width = picture.shape[:2]
    size = (cell_px, max(1, round(height * cell_px / width)))
    # Box averaging does not sharpen, and a thin vessel fades instead of disappearing.
    filter_ = Image.Resampling.BOX if width > cell_px else Image.Resampling.NEAREST
    return Image.fromarray(picture).resize(size, filter_)


def _shrunk(picture: RGB, cell_px: int) -> RGB:
    return np.asarray(_shrink(picture, cell_px))


def _fit(text: str, width_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """`text` on one line, with its middle elided if it is wider than `width_px`."""
    text = " ".join(text.split())
    if font.getlength(text) <= width_px:
        return text
    keep = len(text)
    while keep > 2:
        keep -= 1
        short = f"{text[: (keep + 1) // 2]}...{text[len(text) - keep // 2 :]}"
        if font.getlength(short) <= width_px:
            return short
    return text[:1]


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    legend: list[tuple[str, tuple[int, int, int]]],
    top: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left = float(_GAP_PX)
    for word, color in legend:
        draw.rectangle((left, top + 2, left + 12, top + 14), fill=color, outline=_INK)
        draw.text((left + 18, top), word, fill=_INK, font=font)
        left += 18 + font.getlength(word) + 16
