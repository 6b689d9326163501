"""Small components fall below the threshold; everything else keeps its value."""

import numpy as np
import pytest

from venule.vessels.components import lower_small_components

FOV = np.ones((50, 40), bool)
FOV[:10] = False  # 1600 px are left


def bars() -> np.ndarray:
    """A piece of 32 px, one of 31, one of 2 that touches at a corner, and grey all round."""
    probability = np.full((50, 40), 0.2, np.float32)
    probability[20, :32] = 0.9
    probability[30, :31] = 0.9
    probability[40, 5] = probability[41, 6] = 0.6
    return probability


def test_pieces_below_the_share_fall_and_the_rest_keeps_its_value() -> None:
    before = bars()
    after = lower_small_components(before, FOV, threshold=0.5, min_component=0.02)  # 32 px
    expected = before.copy()
    for cells in (np.s_[30, :31], np.s_[40, 5], np.s_[41, 6]):
        assert (after[cells] < 0.5).all()
        assert after[cells] == pytest.approx(0.5, abs=1 / 65535)
        expected[cells] = after[cells]
    np.testing.assert_array_equal(after, expected)


def test_corners_connect() -> None:
    kept = lower_small_components(bars(), FOV, threshold=0.5, min_component=2 / 1600)
    np.testing.assert_array_equal(kept, bars())


def test_what_lies_outside_the_field_of_view_makes_no_piece_larger() -> None:
    probability = np.zeros((50, 40), np.float32)
    probability[:12, 7] = 1.0  # 10 px outside, 2 inside
    after = lower_small_components(probability, FOV, threshold=0.5, min_component=3 / 1600)
    assert (after[10:12, 7] < 0.5).all()


@pytest.mark.parametrize("threshold", [0.1, 0.309, 0.35, 0.4999999, 0.7])
def test_the_lowered_value_is_below_any_threshold(threshold: float) -> None:
    probability = np.zeros((50, 40), np.float32)
    probability[20, 20] = 0.99
    after = lower_small_components(probability, FOV, threshold=threshold, min_component=0.01)
    assert not (after >= threshold).any()
    assert after.max() == pytest.approx(threshold, abs=1 / 65535)


def test_no_share_changes_nothing() -> None:
    before = bars()
    assert lower_small_components(before, FOV, threshold=0.5, min_component=0.0) is before


def test_a_piece_is_counted_whole_where_a_large_map_is_counted_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("venule.vessels.components._COUNTED_AT_ONCE", 20)
    probability = np.full((10, 10), 0.1, np.float32)
    probability[1:9, 2] = 0.9  # eight pixels across all parts
    probability[4, 6:8] = 0.9  # two
    fov = np.ones((10, 10), bool)
    lowered = lower_small_components(probability, fov, threshold=0.5, min_component=0.05)
    assert (lowered[1:9, 2] == probability[1:9, 2]).all()
    assert (lowered[4, 6:8] < 0.5).all()
