import math

import numpy as np
import pytest

from venule.metrics.topology import largest_piece_share, pieces, thin_recall

FOV = np.ones((40, 80), bool)


def test_only_thin_vessels_count_for_thin_recall() -> None:
    truth = np.zeros((40, 80), bool)
    truth[5, 10:70] = True  # 1 px wide: radius 1
    truth[20:31, 10:70] = True  # 11 px wide
    predicted = np.zeros_like(truth)
    predicted[5, 10:40] = True  # half of the thin one, nothing of the wide one
    # The corners of the wide vessel may hold thin ends of its skeleton: a few pixels of 60.
    assert thin_recall(predicted, truth, FOV) == pytest.approx(0.5, abs=0.06)
    predicted[20:31, 10:70] = True
    assert thin_recall(predicted, truth, FOV) == pytest.approx(0.5, abs=0.06)


def test_a_three_pixel_vessel_has_radius_two_and_is_thin_only_if_that_is_allowed() -> None:
    truth = np.zeros((40, 80), bool)
    truth[10:13] = True
    without_middle = truth.copy()
    without_middle[:, 20:60] = False
    assert thin_recall(without_middle, truth, FOV) == 1.0  # the middle is not thin: not missed
    assert thin_recall(without_middle, truth, FOV, max_radius_px=2.0) == pytest.approx(0.5)


def test_thin_recall_without_truth_is_nan() -> None:
    empty = np.zeros((40, 80), bool)
    assert math.isnan(thin_recall(FOV, empty, FOV))


def test_pieces_touching_at_a_corner_are_one_and_small_ones_are_left_out() -> None:
    predicted = np.zeros((40, 80), bool)
    predicted[2:6, 2:6] = True  # 16 px, touching the next at a corner
    predicted[6:10, 6:10] = True
    predicted[20, 20:39] = True  # 19 px: too small
    predicted[30, 20:40] = True  # 20 px
    assert pieces(predicted, FOV) == 2
    assert pieces(predicted, FOV, min_px=1) == 3
    assert pieces(np.zeros((40, 80), bool), FOV) == 0


def test_the_field_of_view_can_cut_a_piece_in_two() -> None:
    predicted = np.zeros((40, 80), bool)
    predicted[10, :] = True
    fov = FOV.copy()
    fov[:, 40] = False
    assert pieces(predicted, fov) == 2


def test_a_gap_leaves_the_larger_part_of_the_centre_line_in_the_largest_piece() -> None:
    truth = np.zeros((40, 80), bool)
    truth[20, 0:80] = True
    predicted = truth.copy()
    predicted[20, 60] = False  # 60 px left of the gap, 19 px right of it
    assert largest_piece_share(predicted, truth, FOV) == pytest.approx(60 / 80)


def test_largest_piece_share_of_empty_masks() -> None:
    line, empty = np.zeros((40, 80), bool), np.zeros((40, 80), bool)
    line[20, 10:70] = True
    assert largest_piece_share(empty, line, FOV) == 0.0
    assert math.isnan(largest_piece_share(line, empty, FOV))
