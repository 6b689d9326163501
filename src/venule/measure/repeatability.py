"""How well measurements repeat: what photographs of one eye differ by, where that is known."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import StringIO

TABLE = "retest.csv"
"""The table's file in this package; without it nothing is known."""


@dataclass(frozen=True)
class Repeatability:
    """Test and retest of one column.

    Attributes:
        eyes: photographed several times.
        icc: ICC(1,1), the share of the variance that lies between eyes.
        cv: within-eye standard deviation over the mean.
        change: the smallest detectable change, 1.96 sqrt(2) within-eye standard deviations, over
            the mean: so much do two photographs of an unchanged eye differ in 5 of 100 cases.
    """

    eyes: int
    icc: float
    cv: float
    change: float


@lru_cache(maxsize=1)
def repeatability() -> Mapping[str, Repeatability]:
    """What is known, by column; a column in um repeats as its twin in pixels does."""
    table = files("venule.measure") / TABLE
    return parse(table.read_text(encoding="utf-8")) if table.is_file() else {}


def parse(text: str) -> Mapping[str, Repeatability]:
    """The content of the table: column, eyes, icc, cv, change."""
    return {
        row["column"]: Repeatability(
            int(row["eyes"]), float(row["icc"]), float(row["cv"]), float(row["change"])
        )
        for row in csv.DictReader(StringIO(text))
    }


def repeats(column: str) -> Repeatability | None:
    """What is known of a column, None if nothing is."""
    known = repeatability()
    for ending, twin in (("", ""), ("_per_um2", "_per_px2"), ("_per_um", "_per_px")):
        if column.endswith(ending) and (name := column.removesuffix(ending) + twin) in known:
            return known[name]
    for ending, twin in (("_um2", "_px2"), ("_um", "_px")):
        if column.endswith(ending):
            return known.get(column.removesuffix(ending) + twin)
    return None
