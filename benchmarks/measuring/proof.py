"""Measurements of drawn vessels compared with their true values."""

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from measuring.statistics import Values, rounded
from phantoms.all import known_cases
from phantoms.case import Known
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.view import Disc


def proof(given: argparse.Namespace) -> dict[str, Any]:
    """Errors of every measure on every family of drawings, and over all of them."""
    found: dict[tuple[str, str], list[tuple[str, float, float]]] = defaultdict(list)
    cases = list(known_cases())[:: given.every]
    for number, case in enumerate(cases):
        values = measure_known(case)
        for column, truth in case.truth.items():
            value = values.get(column)
            measured = math.nan if value is None else float(value)
            found[case.family, column].append((case.group, measured, truth))
        print(f"[{number + 1}/{len(cases)}] {case.group}", file=sys.stderr)  # noqa: T201
    rows = [
        {"family": family, "column": column, **_errors(column, results)}
        for (family, column), results in found.items()
    ]
    columns: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "relative":
            columns[row["column"]].append(row["median"])
    medians = {column: float(np.median(values)) for column, values in columns.items()}
    return {
        "cases": len(cases),
        "every": given.every,
        "values": sum(len(results) for results in found.values()),
        "median_of_medians": float(np.median(list(medians.values()))),
        "by_family": rows,
    }


def measure_known(case: Known) -> Values:
    """Measurements of one drawing."""
    drawn = case.draw()
    masks = VesselMasks(vessels=drawn.vessels, artery=drawn.artery, vein=drawn.vein, fov=drawn.fov)
    disc = None if case.disc is None else Disc(*case.disc)
    scale = None if case.um_per_px is None else Scale(case.um_per_px, "drawn")
    return measure_photograph(masks, disc=disc, scale=scale, only=case.truth).values


def _errors(column: str, results: Sequence[tuple[str, float, float]]) -> dict[str, Any]:
    """Median and worst error: relative if the true value is not 0, else absolute, in its unit.

    For calibre also the worst mean over the angles and positions of one group, in pixels.
    """
    relative = all(truth != 0 for _, _, truth in results)
    misses = [(value - truth) / (truth if relative else 1) for _, value, truth in results]
    errors = np.abs(misses)
    found: dict[str, Any] = {
        "kind": "relative" if relative else "absolute",
        "values": len(results),
        "missing": int(np.isnan(errors).sum()),
        "median": rounded(float(np.nanmedian(errors))),
        "worst": rounded(float(np.nanmax(errors))),
        "worst_at": results[int(np.nanargmax(errors))][0],
        "worst_absolute": rounded(max(abs(v - t) for _, v, t in results if not math.isnan(v))),
    }
    groups: dict[str, list[float]] = defaultdict(list)
    for group, value, truth in results:
        groups[group].append(value - truth)
    if "caliber_mean" in column and column.endswith("_px"):
        means = [abs(float(np.mean(values))) for values in groups.values()]
        found["worst_mean_of_a_group"] = rounded(max(means))
    return found
