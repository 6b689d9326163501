import math

import numpy as np
import pytest

from venule.metrics.topology import components, largest_component_share

FOV = np.ones((40, 80), bool)


def test_pieces_touching_at_a_corner_are_one_and_small_ones_are_left_out() -> None:
    predicted = np.zeros((40, 80), bool)
    predicted[2:6, 2:6] = True  # 16 px, touching the next at a corner
    predicted[6:10, 6:10] = True
    predicted[20, 20:39] = True  # 19 px: too small
    predicted[30, 20:40] = True  # 20 px
    assert components(predicted, FOV) == 2
    assert components(predicted, FOV, min_px=1) == 3
    assert components(np.zeros((40, 80), bool), FOV) == 0


def test_the_field_of_view_can_cut_a_piece_in_two() -> None:
    predicted = np.zeros((40, 80), bool)
    predicted[10, :] = True
    fov = FOV.copy()
    fov[:, 40] = False
    assert components(predicted, fov) == 2


def test_a_gap_leaves_the_larger_part_of_the_centre_line_in_the_largest_piece() -> None:
    truth = np.zeros((40, 80), bool)
    truth[20, 0:80] = True
    predicted = truth.copy()
    predicted[20, 60] = False  # 60 px left of the gap, 19 px right of it
    assert largest_component_share(predicted, truth, FOV) == pytest.approx(60 / 80)


def test_largest_piece_share_of_empty_masks() -> None:
    line, empty = np.zeros((40, 80), bool), np.zeros((40, 80), bool)
    line[20, 10:70] = True
    assert largest_component_share(empty, line, FOV) == 0.0
    assert math.isnan(largest_component_share(line, empty, FOV))
