"""Columns that a table has of an analysis: a group of columns is one value in one list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from venule.analysis.analyse import GRADE, Analysis, Step

Cell = str | float | int | None
"""What a table holds in one place; None is an empty cell."""


@dataclass(frozen=True)
class Columns:
    """A group of columns: their names, the steps they need, and a photograph's cells.

    `row` may give more columns than `names`, where what is known of the photograph allows them;
    the table has them after the others. `table` is the file that they stand in.
    """

    names: tuple[str, ...]
    row: Callable[[Analysis], Mapping[str, Cell]]
    needs: tuple[Step, ...] = ()
    table: Literal["report", "measurements"] = "report"


def _quality(analysis: Analysis) -> Mapping[str, Cell]:
    quality = analysis.quality
    if quality is None:
        return {}
    return {
        "quality": quality.grade,
        "quality_reasons": "; ".join(quality.reasons),
        "uncertainty": f"{quality.uncertainty:.4f}",
    }


COLUMNS: Mapping[str, Columns] = {
    "quality": Columns(("quality", "quality_reasons", "uncertainty"), _quality, (GRADE,)),
}
"""Every group of columns by its name, in the order in which tables show them."""
