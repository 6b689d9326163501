"""Repeatability of measurements on photographs of the same eye (docs/repeatability.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("repeatability.json")
"""Written by `make results` from test and retest photographs of RIDB, with masks by `general`."""


@dataclass(frozen=True)
class Repeatability:
    """Test and retest of one column.

    Attributes:
        icc: ICC(1,1), the share of the variance between eyes.
        cv: within-eye standard deviation over the mean.
        change: the smallest detectable change, 1.96 sqrt(2) within-eye standard deviations, over
            the mean: two photographs of an unchanged eye differ by more in 5 of 100 cases.
    """

    icc: float
    cv: float
    change: float


@cache
def repeatability() -> Mapping[str, Repeatability]:
    """Read the repeatability of each column; empty if none was measured."""
    text = TABLE.read_text(encoding="utf-8")
    return {column: Repeatability(**found) for column, found in json.loads(text).items()}


def repeats(column: str) -> Repeatability | None:
    """The repeatability of a column, None if unknown; of one in um, that of its pixel column."""
    known = repeatability()
    for ending, twin in (("", ""), ("_um2", "_px2"), ("_um", "_px")):
        if column.endswith(ending) and (name := column.removesuffix(ending) + twin) in known:
            return known[name]
    return None
