"""Cells of CSV tables."""

import re
from collections.abc import Iterable
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


def listed(paths: Iterable[str]) -> str:
    """Paths in one cell, with ";" between them; a backslash precedes ";" and itself in a path.

    And a ' that a path begins with, so that one before the cell is always that of `inert`.
    """
    return ";".join(re.sub(r"[\\;]|^'", r"\\\g<0>", path) for path in paths)


def listed_in(cell: str) -> list[str]:
    """The paths in a cell that `listed` made, and `inert` after it."""
    if cell[:1] == "'" and cell[1:2] in _FORMULA:
        cell = cell[1:]
    paths = re.findall(r"(?:^|;)((?:\\.|[^\\;])*)", cell, re.DOTALL) if cell else []
    return [re.sub(r"\\(.)", r"\1", path, flags=re.DOTALL) for path in paths]
