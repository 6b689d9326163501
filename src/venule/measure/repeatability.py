"""How far a measure repeats: photographs of the same eye taken again (docs/repeatability.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("repeatability.json")
"""Written by `make results` from the test and retest of RIDB's eyes, masks by `general`."""

MEASURED = ("icc", "cv", "sdc")


@dataclass(frozen=True)
class Repeatability:
    """How one column repeats on photographs of the same eye.

    Attributes:
        icc: ICC(1,1), 1 where all differences are between eyes.
        cv: within-eye coefficient of variation, a share of the mean.
        sdc: smallest detectable change of two single measurements, in the column's unit at the
            resolution of those photographs.
    """

    icc: float
    cv: float
    sdc: float


@cache
def repeatability() -> Mapping[str, Repeatability]:
    """Read of each column that was measured again and again how it repeats; empty if none was."""
    text = TABLE.read_text(encoding="utf-8")
    return {column: Repeatability(**found) for column, found in json.loads(text).items()}
