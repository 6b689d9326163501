"""The goals of accuracy on the drawn vessels of known geometry, one case of every group."""

from collections.abc import Iterator

import pytest

from phantoms.all import known_cases
from phantoms.case import Known
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.scale import Scale
from venule.measure.view import Disc

RELATIVE = {
    "tortuosity_tau1": 0.005,
    "length": 0.01,
    "tortuosity_tau4": 0.03,
    "tortuosity_tau5": 0.06,
    "tortuosity_grisan": 0.05,
    "cre_knudtson": 0.01,
    "density": 0.02,
    "sparsity": 0.01,
}
ABSOLUTE = {
    "caliber_mean_px": 0.5,
    "caliber_median_px": 0.5,
    "branching_angle": 1.5,
    "avr": 0.005,
    "fractal": 0.03,
    "junctions": 0,
    "crossings": 0,
    "bifurcations": 0,
    "endpoints": 0,
    "components": 0,
    "inflections": 0,
}
SHARP_CORNERS = 0.04
STRAIGHT = 0.005
"""Curvature in 1/px that a straight line may seem to have, at most."""


def _one_of_each_group() -> Iterator[Known]:
    seen = set()
    for number, case in enumerate(known_cases()):
        if case.group not in seen and number % 7 != 0:
            seen.add(case.group)
            yield case


@pytest.mark.slow
@pytest.mark.parametrize("case", list(_one_of_each_group()), ids=lambda case: case.group)
def test_what_is_measured_is_what_was_drawn(case: Known) -> None:
    drawn = case.draw()
    masks = VesselMasks(vessels=drawn.vessels, artery=drawn.artery, vein=drawn.vein, fov=drawn.fov)
    disc = None if case.disc is None else Disc(*case.disc)
    scale = None if case.um_per_px is None else Scale(case.um_per_px, "drawn")
    found = measure_photograph(masks, disc=disc, scale=scale, only=case.truth).values
    wrong = []
    for column, truth in case.truth.items():
        value, within = found[column], _within(case, column, truth)
        if within is not None and (value is None or abs(value - truth) > within):
            wrong.append(f"{column}: {value} is not {truth:.5g} give or take {within:.3g}")
    assert wrong == []


def _within(case: Known, column: str, truth: float) -> float | None:
    """The error that the goals allow, None for what has no goal."""
    name = column.partition("_")[2] if not column.startswith("avr") else column
    if case.family == "Koch curve" and name.startswith(("length", "tortuosity_tau1")):
        return SHARP_CORNERS * truth
    for beginning, absolute in ABSOLUTE.items():
        if name.startswith(beginning):
            return absolute
    for beginning, relative in RELATIVE.items():
        if name.startswith(beginning):
            return relative * truth if truth else STRAIGHT
    return None
