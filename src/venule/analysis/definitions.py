"""Descriptions of the measurement columns for readers."""

from dataclasses import dataclass
from functools import lru_cache

from venule.analysis.plain_words import sentence
from venule.measure.columns import Column, all_columns, words

UNITS = {
    "": "",
    "px": "px",
    "px2": "px²",
    "per_px": "1/px",
    "per_px2": "1/px²",
    "um": "µm",
    "um2": "µm²",
    "per_um": "1/µm",
    "per_um2": "1/µm²",
    "deg": "°",
    "rad": "rad",
}
"""Units of columns as displayed."""


@dataclass(frozen=True)
class Definition:
    """A column's name in words, its unit as displayed, and its formula.

    `plain` explains it in one sentence, for readers without a technical background.
    """

    label: str
    unit: str
    definition: str
    plain: str = ""


def describe(column: str) -> Definition:
    """Describe a column; one that is not a measurement, by its name alone."""
    known = _columns().get(column)
    if known is None:
        return Definition(words(column), "", "")
    source = f" ({known.source})" if known.source else ""
    label = words(column, known.unit)
    return Definition(label, UNITS[known.unit], known.definition + source, sentence(known))


@lru_cache
def _columns() -> dict[str, Column]:
    return {column.name: column for column in all_columns()}
