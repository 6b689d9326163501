"""What a column of measurements means, in words for its reader."""

from dataclasses import dataclass
from functools import lru_cache

from venule.measure.definitions import MEASURES, STRUCTURES, ZONES

UNITS = {
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
"""How units at the end of a column's name are written."""


@dataclass(frozen=True)
class Definition:
    """A column's name in words, its unit as it is written, and how it is computed."""

    label: str
    unit: str
    definition: str


def describe(column: str) -> Definition:
    """What a column means; one that is no measurement is described by its name."""
    base, unit = _split(column)
    formulas = _formulas()
    formula = formulas.get(column) or formulas.get(base, "")
    words = base.replace("_zone_b", ", zone B").replace("_zone_c", ", zone C").replace("_", " ")
    return Definition(words[:1].upper() + words[1:], UNITS.get(unit, ""), formula)


def _split(column: str) -> tuple[str, str]:
    for unit in sorted(UNITS, key=len, reverse=True):
        if column.endswith(f"_{unit}"):
            return column.removesuffix(f"_{unit}"), unit
    return column, ""


@lru_cache
def _formulas() -> dict[str, str]:
    """The formula of each measurement, by its column without the unit."""
    return {
        _split(measure.column(structure, region))[0]: f"{measure.formula} ({measure.source})"
        for structure in STRUCTURES
        for region in ("", *(zone.name for zone in ZONES))
        for measure in MEASURES
        if not region or measure.zones
    }
