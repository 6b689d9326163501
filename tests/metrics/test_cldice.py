import math

import numpy as np
import pytest

from venule.metrics.cldice import cldice


def test_a_thicker_vessel_with_the_same_centre_line_has_cldice_near_one() -> None:
    truth = np.zeros((21, 60), bool)
    truth[10, 5:55] = True
    predicted = np.zeros_like(truth)
    predicted[8:13, 3:57] = True
    # The ends of a thinned bar may lie a pixel off; its Dice would be 2 * 50 / (50 + 270) = 0.31.
    assert cldice(predicted, truth, np.ones_like(truth)) == pytest.approx(1, abs=0.03)


def test_half_of_a_line_has_precision_one_and_sensitivity_one_half() -> None:
    truth = np.zeros((9, 60), bool)
    truth[4, 10:50] = True
    predicted = np.zeros_like(truth)
    predicted[4, 10:30] = True
    # harmonic mean of 1 and 1/2
    assert cldice(predicted, truth, np.ones_like(truth)) == pytest.approx(2 / 3)


def test_vessels_outside_the_field_of_view_do_not_count() -> None:
    truth = np.zeros((9, 60), bool)
    truth[4, 10:50] = True
    predicted = truth.copy()
    predicted[1, 10:50] = True
    fov = np.ones_like(truth)
    fov[:3] = False
    assert cldice(predicted, truth, fov) == 1.0


def test_one_empty_mask_gives_zero_and_two_give_nan() -> None:
    line, empty = np.zeros((9, 20), bool), np.zeros((9, 20), bool)
    line[4, 2:18] = True
    fov = np.ones_like(line)
    assert cldice(line, empty, fov) == 0.0
    assert cldice(empty, line, fov) == 0.0
    assert math.isnan(cldice(empty, empty, fov))


def test_lines_that_do_not_touch_give_zero() -> None:
    one, other = np.zeros((9, 20), bool), np.zeros((9, 20), bool)
    one[2, 2:18] = True
    other[6, 2:18] = True
    assert cldice(one, other, np.ones_like(one)) == 0.0


def test_a_mask_is_cut_to_the_field_of_view_before_it_is_thinned() -> None:
    # The centre line of the whole bar, row 9 or 10, lies outside; that of what is left inside.
    bar = np.zeros((24, 60), bool)
    bar[4:16, 5:55] = True
    fov = np.zeros_like(bar)
    fov[11:] = True
    assert cldice(bar, bar, fov) == 1.0
