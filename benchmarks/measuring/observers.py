"""Two annotators of the same photographs, and a network against the first of them."""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from measuring.manual import chase, drive_test
from measuring.statistics import Values, agreement, columns_of
from venule.image.io import read_mask
from venule.measure.photograph import VesselMasks, measure_photograph


def observers(given: argparse.Namespace) -> dict[str, Any]:
    """Agreement of the first and the second annotator, each measure for itself."""
    pairs = {
        "DRIVE test": list(drive_test(given.data / "DRIVE")),
        "CHASE_DB1": list(chase(given.data / "CHASE_DB1")),
    }
    result = {}
    for name, files in pairs.items():
        first, second = {}, {}
        for key, one, other, fov in files[:: given.every]:
            field = read_mask(fov)
            first[key] = measure_photograph(VesselMasks(vessels=read_mask(one), fov=field)).values
            second[key] = measure_photograph(
                VesselMasks(vessels=read_mask(other), fov=field)
            ).values
            print(f"{name} {key}", file=sys.stderr)  # noqa: T201
        result[name] = {"photographs": len(first), "measures": _agreement(first, second)}
    return result


def _agreement(first: Mapping[str, Values], second: Mapping[str, Values]) -> list[dict[str, Any]]:
    rows = []
    for column in columns_of([*first.values(), *second.values()]):
        pairs = [(first[key].get(column), second[key].get(column)) for key in first]
        both = np.array([pair for pair in pairs if None not in pair], float)
        if len(both) >= 5:
            rows.append({"column": column, **agreement(both)})
    return rows
