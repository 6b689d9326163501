"""Cells of CSV tables."""

from typing import TypeVar

Cell = TypeVar("Cell")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(cell: Cell) -> Cell | str:
    """The cell, with a ' before text that a spreadsheet would compute, such as =1+1.png.

    Numbers stay as they are, those in text too: -2.25 is a refraction.
    """
    if not isinstance(cell, str) or cell[:1] not in _FORMULA:
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
