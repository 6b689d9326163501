"""Small components fall below the threshold; everything else keeps its value."""

import numpy as np
import pytest
import scipy.ndimage as ndi

from venule.image.levels import Levels, strips, threshold_level, to_levels, to_probability
from venule.vessels.components import find_runs, lower_small_components

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


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (60, 83)])
def test_components_are_those_that_scipy_labels(
    shape: tuple[int, int], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "__defaults__", (7 * shape[1],))  # in parts
    random = np.random.default_rng(0)
    levels = np.where(random.random(shape) < share, 60000, 9000).astype(np.uint16)
    fov = random.random(shape) < 0.9
    labels, count = ndi.label((levels == 60000) & fov, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    expected = np.where((labels > 0) & (sizes < 6)[labels], threshold_level(0.5) - 1, levels)
    after = lowered(levels, fov, threshold=0.5, min_component=6 / fov.sum())
    np.testing.assert_array_equal(after, expected)


def test_runs_of_two_kinds_have_the_components_of_each() -> None:
    values = np.random.default_rng(1).integers(0, 3, (40, 33)).astype(np.uint8)
    runs = find_runs([values[:17], values[17:]])
    count, component = runs.components(*runs.touching())
    found = np.full(values.shape, -1)
    for run in range(len(runs.starts)):
        at = runs.pixels(np.arange(len(runs.starts)) == run)
        rows, columns = np.divmod(at, runs.row_px)
        assert (values[rows, columns] == runs.kind[run]).all()
        found[rows, columns] = component[run]
    assert ((found >= 0) == (values > 0)).all()
    expected = 0
    for kind in (1, 2):
        labels, number = ndi.label(values == kind, structure=np.ones((3, 3)))
        expected += number
        for label in range(1, number + 1):
            assert len(np.unique(found[labels == label])) == 1
    assert count == expected == len(np.unique(component))
