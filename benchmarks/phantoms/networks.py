"""Vessels that meet, or run in parallel: junctions and angles are known by construction."""

from collections.abc import Iterator

import numpy as np

from phantoms.case import FEW_ANGLES, Known, tubes
from phantoms.shapes import Curve, line, place, turn


def forks() -> Iterator[Known]:
    """Y junctions: one parent and two daughters, symmetric about its direction."""
    for side, width in ((600, 4), (1000, 9), (2048, 16), (2048, 24)):
        for opening in (40.0, 60.0, 75.0, 90.0, 110.0):
            for angle in FEW_ANGLES:
                center, arm = (side / 2 + 0.4, side / 2 - 0.3), 0.2 * side
                curves = [
                    line(center, angle + heading, arm)
                    for heading in (180, opening / 2, -opening / 2)
                ]
                truth = {
                    "vessel_branching_angle_median_deg": opening,
                    "vessel_junctions": 1.0,
                    "vessel_bifurcations": 1.0,
                    "vessel_crossings": 0.0,
                    "vessel_endpoints": 3.0,
                    "vessel_components": 1.0,
                    "vessel_tortuosity_tau1_median": 1.0,
                    "vessel_asymmetry_median": 1.0,
                    "vessel_branching_coefficient_median": 2.0,
                }
                group = f"Y {side} px, {width} wide, {opening:g} degrees"
                yield tubes("Y junction", group, side, curves, width, truth)


def crossings() -> Iterator[Known]:
    """X crossings: two straight vessels."""
    for side, width in ((600, 4), (1000, 9), (2048, 16), (2048, 24)):
        for opening in (25.0, 40.0, 60.0, 90.0):
            for angle in FEW_ANGLES:
                center, arm = (side / 2 + 0.4, side / 2 - 0.3), 0.25 * side
                curves = [
                    place(line((0, 0), angle + heading, 2 * arm), center=center)
                    for heading in (0, opening)
                ]
                truth = {
                    "vessel_junctions": 1.0,
                    "vessel_crossings": 1.0,
                    "vessel_endpoints": 4.0,
                    "vessel_components": 1.0,
                    "vessel_tortuosity_tau1_median": 1.0,
                }
                group = f"X {side} px, {width} wide, {opening:g} degrees"
                yield tubes("X crossing", group, side, curves, width, truth)


def tree(
    start: tuple[float, float], heading: float, arm: float, generations: int, opening: float
) -> list[Curve]:
    """A trunk that bifurcates repeatedly, each time with the same angle and length."""
    growing, curves = [(start, heading)], []
    for generation in range(generations + 1):
        tips = []
        for place_, towards in growing:
            curve = line(place_, towards, arm * 0.8**generation)
            curves.append(curve)
            tip = (float(curve[1][0]), float(curve[1][1]))
            tips += [(tip, towards - opening / 2), (tip, towards + opening / 2)]
        growing = tips
    return curves


def trees() -> Iterator[Known]:
    """Trees of three generations of bifurcations."""
    for side, width, arm in ((600, 3, 110), (1000, 6, 180), (2048, 12, 400), (3500, 20, 680)):
        for angle in FEW_ANGLES:
            start = turn(np.array(((side / 2, 0.12 * side),)), angle, (side / 2, side / 2))[0]
            curves = tree((start[0], start[1]), angle, arm, 3, 60)
            truth = {
                "vessel_junctions": 7.0,
                "vessel_crossings": 0.0,
                "vessel_endpoints": 9.0,
                "vessel_components": 1.0,
                "vessel_branching_angle_median_deg": 60.0,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            yield tubes("tree", f"tree {side} px, {width} wide", side, curves, width, truth)


def parallel() -> Iterator[Known]:
    """Four parallel vessels."""
    for side, width, gap in ((600, 4, 3), (1000, 8, 4), (2048, 16, 6)):
        for angle in FEW_ANGLES:
            curves = [
                turn(
                    line((side / 2 + 0.3 + (n - 1.5) * (width + gap), 0.2 * side), 0, 0.6 * side),
                    angle,
                    (side / 2, side / 2),
                )
                for n in range(4)
            ]
            truth = {
                "vessel_junctions": 0.0,
                "vessel_endpoints": 8.0,
                "vessel_components": 4.0,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            group = f"parallel {side} px, {width} wide, {gap} apart"
            yield tubes("parallel", group, side, curves, width, truth)


def spurred() -> Iterator[Known]:
    """A tree with a short perpendicular stub at each fork: junctions of four arms."""
    for width in (16.0, 24.0):
        for angle in (0.0, 30.0, 60.0, 90.0):
            side, arm, opening = 2048, 0.07 * 2048, 50.0
            growing = [(np.array((1024.0, 1100.0)), 190.0 + angle)]
            curves = [line(growing[0][0], growing[0][1], arm)]
            growing = [(curves[0][1], growing[0][1])]
            for generation in range(3):
                tips, reach = [], arm * 0.8**generation  # shorter, or daughters' tips would meet
                for tip, heading in growing:
                    pair = [line(tip, heading + turn_, reach) for turn_ in (-25, 25)]
                    curves += [*pair, line(tip, heading + 90, 0.35 * arm)]
                    if generation < 2:
                        tips += [(pair[0][1], heading - 25), (pair[1][1], heading + 25)]
                growing = tips
            truth = {
                "vessel_junctions": 7.0,
                "vessel_endpoints": 16.0,
                "vessel_components": 1.0,
                "vessel_branching_angle_median_deg": opening,
                "vessel_tortuosity_tau1_median": 1.0,
            }
            group = f"tree with stubs, {width:g} wide"
            yield tubes("tree with stubs", group, side, curves, width, truth)
