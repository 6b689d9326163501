import math

import numpy as np
import pytest

from venule.metrics.calibration import Reliability, ece


def reliability(probability: list[float], truth: list[bool]) -> Reliability:
    values = np.array(probability, np.float32)
    return Reliability().accumulate(values, np.array(truth), np.ones(values.shape, bool))


def test_half_vessels_at_probability_one_half_are_calibrated() -> None:
    assert ece(reliability([0.5] * 4, [True, True, False, False])) == 0.0


def test_the_error_is_the_mean_gap_of_the_bins_weighted_by_their_pixels() -> None:
    # Bin of 0.1: gap |0.1 - 0|, three pixels. Bin of 0.9: gap |0.9 - 0|, one pixel.
    r = reliability([0.1, 0.1, 0.1, 0.9], [False] * 4)
    assert ece(r) == pytest.approx((3 * 0.1 + 1 * 0.9) / 4)


def test_certain_and_wrong_has_error_one() -> None:
    assert ece(reliability([1.0, 0.0], [False, True])) == 1.0


def test_errors_of_opposite_sign_in_one_bin_cancel_and_across_bins_do_not() -> None:
    assert ece(reliability([0.5, 0.5], [True, False])) == 0.0
    assert ece(reliability([0.4, 0.6], [True, False])) == pytest.approx(0.6)


def test_the_sum_pools_the_pixels_of_its_parts() -> None:
    one, other = reliability([0.5], [True]), reliability([0.5], [False])
    assert ece(one) == 0.5
    assert ece(one + other) == 0.0


def test_without_a_pixel_the_error_is_nan() -> None:
    assert math.isnan(ece(Reliability()))


def test_pixels_outside_the_field_of_view_do_not_count() -> None:
    probability = np.array([0.5, 1.0])
    r = Reliability().accumulate(probability, np.array([True, False]), np.array([True, False]))
    assert ece(r) == 0.5


def test_there_are_fifteen_bins_of_equal_width() -> None:
    # The tenth bin is 0.6 to 0.667: gap |1.26 - 1| of two pixels in one bin, then of two bins.
    assert ece(reliability([0.61, 0.65], [True, False])) == pytest.approx(0.26 / 2)
    assert ece(reliability([0.65, 0.68], [True, False])) == pytest.approx((0.35 + 0.68) / 2)
