"""Cells of CSV tables."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

Cell = TypeVar("Cell")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


class Lines:
    r"""A text file for `csv.writer` with its default end of rows, "\r\n", of which "\n" is written.

    This way a cell with a carriage return is quoted: Python 3.11 quotes the end's characters only.
    """

    def __init__(self, file: _Writable) -> None:
        self._file = file

    def write(self, row: str, /) -> object:
        """Write a whole row."""
        return self._file.write(row.removesuffix("\r\n") + "\n")


def inert(cell: Cell) -> Cell | str:
    """The cell, with a ' before text that a spreadsheet would evaluate, such as =1+1.png.

    Numbers are unchanged, also those in text: -2.25 is a refraction.
    """
    if not isinstance(cell, str) or cell[:1] not in _FORMULA:
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def text(value: str | Path) -> str:
    """The path or message as storable text, whatever bytes a file name has."""
    plain = str(value)
    if plain.isascii():  # the same object, as millions of names are kept
        return plain
    return plain.encode("utf-8", "backslashreplace").decode()


def listed(paths: Iterable[str]) -> str:
    """Paths in one cell, separated by ";"; a backslash escapes ";" and itself in a path.

    A ' at the start of a path is escaped too, so that one before the cell is always `inert`'s.
    """
    return ";".join(re.sub(r"[\\;]|^'", r"\\\g<0>", path) for path in paths)


def listed_in(cell: str) -> list[str]:
    """The paths in a cell written by `listed`, and then `inert`."""
    if cell[:1] == "'" and cell[1:2] in _FORMULA:
        cell = cell[1:]
    paths = re.findall(r"(?:^|;)((?:\\.|[^\\;])*)", cell, re.DOTALL) if cell else []
    return [re.sub(r"\\(.)", r"\1", path, flags=re.DOTALL) for path in paths]


def number_in(cell: str | float | None) -> float | None:
    """A cell as a finite number; None if it is not one."""
    try:
        found = math.nan if cell is None else float(cell)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def reasons_in(cell: object) -> tuple[str, ...]:
    """The reasons or notes in a cell, which are separated by semicolons; () if it is empty."""
    return tuple(part for part in str(cell or "").split("; ") if part)
