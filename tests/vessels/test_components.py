"""Small components fall below the threshold; everything else keeps its value."""

import numpy as np
import pytest

from venule.image.levels import Levels, strips, threshold_level, to_levels, to_probability
from venule.vessels.components import component_sizes, lower_small_components

FOV = np.ones((50, 40), bool)
FOV[:10] = False  # 1600 px are left


def bars() -> Levels:
    """A component of 32 px, one of 31, one of 2 that touches at a corner, and grey all round."""
    probability = np.full((50, 40), 0.2, np.float32)
    probability[20, :32] = 0.9
    probability[30, :31] = 0.9
    probability[40, 5] = probability[41, 6] = 0.6
    return to_levels(probability)


def lowered(
    levels: Levels, fov: np.ndarray = FOV, *, threshold: float, min_component: float
) -> Levels:
    after = levels.copy()
    lower_small_components(after, fov, threshold=threshold, min_component=min_component)
    return after


def test_components_below_the_share_fall_and_the_rest_keeps_its_value() -> None:
    after = lowered(bars(), threshold=0.5, min_component=0.02)  # 32 px
    expected = bars()
    for cells in (np.s_[30, :31], np.s_[40, 5], np.s_[41, 6]):
        assert (to_probability(after[cells]) < 0.5).all()
        assert to_probability(after[cells]) == pytest.approx(0.5, abs=1 / 65535)
        expected[cells] = after[cells]
    np.testing.assert_array_equal(after, expected)


def test_corners_connect() -> None:
    kept = lowered(bars(), threshold=0.5, min_component=2 / 1600)
    np.testing.assert_array_equal(kept, bars())


def test_what_lies_outside_the_field_of_view_makes_no_component_larger() -> None:
    levels = np.zeros((50, 40), np.uint16)
    levels[:12, 7] = 65535  # 10 px outside, 2 inside
    after = lowered(levels, threshold=0.5, min_component=3 / 1600)
    assert (after[10:12, 7] < threshold_level(0.5)).all()
    assert (after[:10, 7] == 65535).all()


@pytest.mark.parametrize("threshold", [0.1, 0.309, 0.35, 0.4999999, 0.7])
def test_the_lowered_value_is_below_any_threshold(threshold: float) -> None:
    probability = np.zeros((50, 40), np.float32)
    probability[20, 20] = 0.99
    after = to_probability(lowered(to_levels(probability), threshold=threshold, min_component=0.01))
    assert not (after >= threshold).any()
    assert after.max() == pytest.approx(threshold, abs=1 / 65535)


def test_no_share_changes_nothing() -> None:
    np.testing.assert_array_equal(lowered(bars(), threshold=0.5, min_component=0.0), bars())


def test_a_large_map_is_lowered_in_parts_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lowered(bars(), threshold=0.5, min_component=0.02)
    monkeypatch.setattr(strips, "__defaults__", (80,))  # two rows at a time
    np.testing.assert_array_equal(lowered(bars(), threshold=0.5, min_component=0.02), whole)


def test_a_component_is_counted_whole_where_a_large_map_is_counted_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("venule.vessels.components._COUNTED_AT_ONCE", 20)
    probability = np.full((10, 10), 0.1, np.float32)
    probability[1:9, 2] = 0.9  # eight pixels across all parts
    probability[4, 6:8] = 0.9  # two
    levels, fov = to_levels(probability), np.ones((10, 10), bool)
    after = lowered(levels, fov, threshold=0.5, min_component=0.05)
    assert (after[1:9, 2] == levels[1:9, 2]).all()
    assert (after[4, 6:8] < threshold_level(0.5)).all()


def test_sizes_are_those_of_each_label() -> None:
    labels = np.array([[0, 1, 1], [3, 1, 0]], np.int32)
    assert component_sizes(labels, 3).tolist() == [2, 3, 0, 1]
