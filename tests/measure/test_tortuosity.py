"""Hart's and Grisan's measures of paths in closed form, without a pixel grid."""

import math

import numpy as np
import pytest

from phantoms.curves import sine_truth
from phantoms.shapes import Curve, arc, line, sine
from venule.measure.tortuosity import (
    grisan,
    inflections,
    shape_of,
    tau1,
    tau2,
    tau3,
    tau4,
    tau5,
    tau6,
    tau7,
)
from venule.vessels.tree import Segment


def _segment(curve: Curve) -> Segment:
    """A segment through the curve at points 1 px apart."""
    place = np.concatenate(((0,), np.cumsum(np.hypot(*np.diff(curve, axis=0).T))))
    new = np.linspace(0, place[-1], round(place[-1]) + 1)
    points = np.stack([np.interp(new, place, column) for column in curve.T], axis=1)
    return Segment(points, np.full(len(points), 4.0))


def test_a_straight_line_has_tau1_1_and_no_curvature() -> None:
    shape = shape_of(_segment(line((5, 5), 33, 200)))
    assert tau1(shape) == pytest.approx(1)
    assert [tau2(shape), tau3(shape), grisan(shape), inflections(shape)] == pytest.approx([0] * 4)


def test_a_quarter_circle_has_harts_values() -> None:
    radius, theta = 200.0, math.pi / 2
    shape = shape_of(_segment(arc(radius, 90)))
    chord = radius * math.sqrt(2)
    assert tau1(shape) == pytest.approx(radius * theta / chord, rel=1e-3)
    assert tau2(shape) == pytest.approx(theta, rel=0.01)
    assert tau3(shape) == pytest.approx(theta / radius, rel=0.01)
    assert tau4(shape) == pytest.approx(1 / radius, rel=0.01)
    assert tau5(shape) == pytest.approx(1 / radius**2, rel=0.01)
    assert tau6(shape) == pytest.approx(theta / chord, rel=0.01)
    assert tau7(shape) == pytest.approx(theta / radius / chord, rel=0.01)


def test_an_arc_bends_one_way_and_so_has_grisan_0() -> None:
    shape = shape_of(_segment(arc(200, 150)))
    assert (grisan(shape), inflections(shape)) == (0, 0)


def test_a_sine_of_three_half_waves_has_two_inflections_and_grisans_density() -> None:
    truth = sine_truth(40, 200, 1.5)
    shape = shape_of(_segment(sine(40, 200, 1.5)))
    assert inflections(shape) == 2
    assert grisan(shape) == pytest.approx(truth["vessel_tortuosity_grisan_median_per_px"], rel=0.02)
    assert tau5(shape) == pytest.approx(truth["vessel_tortuosity_tau5_median_per_px2"], rel=0.02)


def test_wiggles_below_a_pixel_are_no_bends() -> None:
    assert inflections(shape_of(_segment(sine(0.3, 40, 6)))) == 0


def test_curvature_is_no_more_than_a_tube_of_the_calibre_can_have() -> None:
    corner = np.array(((0.0, 0.0), (0.0, 100.0), (100.0, 100.0)))
    assert np.abs(_segment(corner).curvature).max() <= 2 / 4.0


def test_a_ring_has_no_chord_and_turns_once_round() -> None:
    ring = Segment(arc(100, 360)[:-1:3], np.full(667, 4.0), closed=True)
    shape = shape_of(ring)
    assert math.isnan(tau1(shape))
    assert tau2(shape) == pytest.approx(2 * math.pi, rel=0.01)


def test_a_segment_without_a_length_has_no_tortuosity() -> None:
    shape = shape_of(Segment(np.zeros((5, 2)), np.full(5, np.nan)))
    assert shape.length == 0
    measures = (tau1, tau4, tau5, tau6, tau7, grisan)
    assert all(math.isnan(measure(shape)) for measure in measures)
