"""The classes differ in what can be measured of their vessels."""

from functools import cache

import numpy as np
import pytest

from venule.metrics.centerline import centerline
from venule.synth.anatomy import Anatomy, place_eye
from venule.synth.classes import CLASSES
from venule.synth.fundus import DrawnFundus, draw_fundus
from venule.synth.growth import grow_vessels


@cache
def drawings(name: str) -> tuple[DrawnFundus, ...]:
    return tuple(draw_fundus(seed, size_px=192, config=CLASSES[name]) for seed in range(3))


def line_share(name: str) -> float:
    """Centre line per area of the field of view."""
    return float(np.mean([centerline(d.vessels).sum() / d.fov.sum() for d in drawings(name)]))


def width_px(name: str) -> float:
    """Area per length of centre line."""
    return float(np.mean([d.vessels.sum() / centerline(d.vessels).sum() for d in drawings(name)]))


def slope(name: str) -> float:
    """Mean turn (radians) of a centre line from step to step, as the tree itself has it."""
    low, high = CLASSES[name].winding
    rng = np.random.default_rng(0)
    vessels = grow_vessels(
        rng, place_eye(rng), anatomy=Anatomy(winding=Anatomy().winding * (low + high) / 2)
    )
    steps = [np.diff(v.points, axis=0) for v in vessels if len(v.points) > 3]
    turns = [np.diff(np.unwrap(np.arctan2(s[:, 0], s[:, 1]))) for s in steps]
    return float(np.abs(np.concatenate(turns)).mean())


def test_there_are_eight() -> None:
    assert len(CLASSES) == 8
    assert len(set(CLASSES.values())) == 8


@pytest.mark.parametrize("rest", ["straight-narrow", "straight-wide", "winding-wide"])
def test_dense_trees_have_more_centre_line_than_sparse_ones(rest: str) -> None:
    assert line_share(f"dense-{rest}") > 1.15 * line_share(f"sparse-{rest}")


@pytest.mark.parametrize("rest", ["sparse-straight", "dense-straight", "dense-winding"])
def test_wide_vessels_are_wider_than_narrow_ones(rest: str) -> None:
    assert width_px(f"{rest}-wide") > 1.25 * width_px(f"{rest}-narrow")


def test_winding_vessels_turn_more_than_straight_ones() -> None:
    assert slope("dense-winding-wide") > 1.5 * slope("dense-straight-wide")
