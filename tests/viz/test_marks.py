"""Types and landmarks are drawn where they are, in colours of their own."""

import math

import numpy as np

from venule.image.landmarks import Fovea, Landmarks
from venule.image.optic_disc import Disc
from venule.viz.marks import ARTERY, BOTH, MARK, VEIN, mark_overlay

GREY = np.full((120, 160, 3), 100, np.uint8)


def test_types_are_tinted_and_outlined_and_the_rest_is_as_it_was() -> None:
    artery, vein = np.zeros((2, 120, 160), bool)
    artery[20:27, 10:150], vein[10:60, 70:77] = True, True
    drawn = mark_overlay(GREY, artery, vein, None)
    assert np.array_equal(drawn[~(artery | vein)], GREY[~(artery | vein)])
    for place, color in (((20, 30), ARTERY), ((40, 70), VEIN), ((20, 70), BOTH)):
        expected = np.rint(0.2 * 100 + 0.8 * np.array(color))  # borders are four fifths opaque
        assert np.array_equal(drawn[place], expected)
    inside = np.rint(0.55 * 100 + 0.45 * np.array(ARTERY))
    assert np.array_equal(drawn[23, 30], inside)
    assert GREY.max() == 100  # the photograph itself is left alone


def test_the_disc_its_zones_and_the_fovea_are_marked() -> None:
    found = Landmarks(Disc(80, 60, 12, 8, math.pi / 2, 0.9), Fovea(20, 60, 0.8))
    marked = (mark_overlay(GREY, None, None, found) == MARK).all(axis=2)
    assert marked[47:50, 80].any()  # the longer half-axis stands upright
    assert marked[60, 71:74].any()
    assert not marked[60, 78:83].any()
    assert marked[60, 14:27].all()
    assert marked[54:67, 20].all()
    radius = math.sqrt(12 * 8)
    rows, columns = np.nonzero(marked)
    away = np.hypot(columns - 80, rows - 60) / radius
    for zone in (2, 3):
        assert (np.abs(away - zone) < 0.08).sum() > 0.3 * 2 * math.pi * zone * radius


def test_a_fovea_that_is_only_guessed_is_not_drawn() -> None:
    found = Landmarks(None, Fovea(20, 60, 0.1))
    assert np.array_equal(mark_overlay(GREY, None, None, found), GREY)


def test_what_was_not_found_is_not_drawn() -> None:
    assert np.array_equal(mark_overlay(GREY, None, None, Landmarks(None, None)), GREY)
