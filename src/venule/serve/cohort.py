"""The rank of a photograph's measurements among those of all measured photographs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from venule.analysis.columns import Cell
from venule.files.cells import number_in
from venule.serve.items import Item

LEAST = 10
"""Smallest cohort in which a rank is meaningful."""


@dataclass(frozen=True)
class Place:
    """The share of the cohort with a lower value, counting ties as one half, and its size."""

    below: float
    size: int


class Cohort:
    """Sorted values of each column, over photographs that are not rejected."""

    def __init__(self, rows: Iterable[Mapping[str, Cell]]) -> None:
        found: dict[str, list[float]] = {}
        for row in rows:
            for name, cell in row.items():
                value = number_in(cell)
                if value is not None:
                    found.setdefault(name, []).append(value)
        self._values: dict[str, NDArray[np.float64]] = {
            name: np.sort(np.array(values)) for name, values in found.items()
        }

    def place(self, name: str, cell: Cell) -> Place | None:
        """The rank of a value; None if it is not a number, or too few others have one."""
        values, value = self._values.get(name), number_in(cell)
        if values is None or value is None or len(values) < LEAST:
            return None
        low, high = (int(np.searchsorted(values, value, side)) for side in ("left", "right"))
        return Place((low + high) / 2 / len(values), len(values))


class Cohorts:
    """The cohort of a service's listed photographs, recomputed after new measurements."""

    def __init__(self, listed: Sequence[Item]) -> None:
        self._listed = listed
        self._made: tuple[list[Mapping[str, Cell]], Cohort] | None = None

    def now(self) -> Cohort:
        """The cohort of the present measurements."""
        measured = [item.row for item in self._listed if item.row and item.grade != "reject"]
        made = self._made
        if made is None or list(map(id, made[0])) != list(map(id, measured)):
            self._made = made = (measured, Cohort(measured))
        return made[1]
