"""Components are reconnected where the map shows a faint vessel between them, and nowhere else."""

import math

import numpy as np
import pytest
from scipy.ndimage import label

from venule.image.levels import Levels, threshold_level, to_levels, to_probability
from venule.vessels.reconnection import raise_paths, reconnections

FOV = np.ones((60, 80), bool)


def gap(between: float, *, length: int = 10, beside: float = 0.01) -> np.ndarray:
    """A vessel of 3 px along row 30, with `length` px of probability `between` in its middle."""
    probability = np.full(FOV.shape, beside, np.float32)
    probability[29:32, 5:75] = 0.9
    probability[29:32, 35 : 35 + length] = beside
    probability[30, 35 : 35 + length] = between
    return probability


def components(mask: np.ndarray) -> int:
    return int(label(mask, structure=np.ones((3, 3)))[1])


def joined(probability: np.ndarray, *, budget: float, fov: np.ndarray = FOV) -> Levels:
    after = to_levels(probability)
    paths = reconnections(probability, fov, threshold=0.5, budget=budget)
    marked = raise_paths(after, fov, paths, FOV.shape, threshold=0.5)
    # Marked are the very pixels that changed: below the threshold before, at it now.
    changed = np.flatnonzero(after != to_levels(probability))
    np.testing.assert_array_equal(marked, changed)
    assert (probability.ravel()[marked] < 0.5).all()
    assert (after.ravel()[marked] == threshold_level(0.5)).all()
    return after


def vessels(levels: Levels) -> np.ndarray:
    return levels >= threshold_level(0.5)


def test_a_faint_vessel_joins_its_two_ends() -> None:
    before = gap(0.3)
    after = joined(before, budget=10)
    assert components(before >= 0.5) == 2
    assert components(vessels(after)) == 1
    # Ten steps of log(0.5 / 0.3) each; the path runs along the faint row, nothing else changes.
    assert np.argwhere(after != to_levels(before))[:, 0].tolist() == [30] * 10
    assert (after[30, 35:45] == threshold_level(0.5)).all()


@pytest.mark.parametrize("budget", [0.95, 1.05])
def test_the_cost_is_length_times_the_lack_in_log_probability(budget: float) -> None:
    cost = 10 * math.log(0.5 / 0.3)
    after = joined(gap(0.3), budget=budget * cost)
    assert components(vessels(after)) == (1 if budget > 1 else 2)


def test_nothing_leads_through_pixels_below_the_floor() -> None:
    before = gap(0.04)
    np.testing.assert_array_equal(joined(before, budget=1e6), to_levels(before))


def test_nothing_leads_outside_the_field_of_view() -> None:
    fov = FOV.copy()
    fov[:, 40] = False
    before = gap(0.3)
    np.testing.assert_array_equal(joined(before, budget=1e6, fov=fov), to_levels(before))


def test_three_components_are_joined_by_two_paths_without_a_circle() -> None:
    before = np.full(FOV.shape, 0.3, np.float32)
    for row, column in ((10, 10), (10, 30), (40, 20)):
        before[row : row + 3, column : column + 3] = 0.9
    paths = reconnections(before, FOV, threshold=0.5, budget=1e3)
    assert len(paths) == 2
    assert components(vessels(joined(before, budget=1e3))) == 1


def test_of_two_ways_the_likelier_is_taken() -> None:
    before = np.full(FOV.shape, 0.01, np.float32)
    before[30, :20] = before[30, 60:] = 0.9
    before[30, 20:60] = 0.1  # straight: 40 px of log 5 each
    before[20:31, 20] = before[20, 20:60] = before[20:31, 59] = 0.4  # round: 60 px of log 1.25
    after = joined(before, budget=1e3)
    assert after[20, 40] == threshold_level(0.5)
    assert after[30, 40] == round(0.1 * 65535)


def test_every_step_of_a_path_leads_to_a_neighbour() -> None:
    generator = np.random.default_rng(0)
    before = generator.uniform(0.05, 0.7, FOV.shape).astype(np.float32)
    paths = reconnections(before, FOV, threshold=0.6, budget=20)
    assert paths
    for path in paths:
        assert (np.abs(np.diff(path, axis=0)).max(axis=1) == 1).all()
        for end in (path[0], path[-1]):
            assert before[tuple(end)] >= 0.6


def test_a_path_found_at_half_the_size_joins_at_the_whole_one() -> None:
    small = gap(0.3)
    large = to_levels(small.repeat(2, axis=0).repeat(2, axis=1))
    paths = reconnections(small, FOV, threshold=0.5, budget=10)
    raise_paths(large, np.ones((120, 160), bool), paths, FOV.shape, threshold=0.5)
    assert components(vessels(large)) == 1


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.309, 0.4999999])
def test_what_is_lifted_reaches_the_threshold(threshold: float) -> None:
    levels, fov = np.zeros((4, 4), np.uint16), np.ones((4, 4), bool)
    marked = raise_paths(levels, fov, [np.array([[0, 0], [3, 3]])], (4, 4), threshold=threshold)
    assert np.count_nonzero(to_probability(levels) >= threshold) == 4
    assert marked.tolist() == [0, 5, 10, 15]


def test_what_lies_outside_or_reaches_the_threshold_already_is_neither_lifted_nor_marked() -> None:
    levels, fov = np.zeros((4, 4), np.uint16), np.ones((4, 4), bool)
    fov[1, 1] = False
    levels[2, 2] = 60_000
    path = np.array([[0, 0], [3, 3]])
    marked = raise_paths(levels, fov, [path, path], (4, 4), threshold=0.5)
    assert marked.tolist() == [0, 15]
    assert levels[1, 1] == 0
    assert levels[2, 2] == 60_000


def test_one_component_or_none_needs_no_path() -> None:
    for value in (0.0, 0.9):
        flat = np.full(FOV.shape, value, np.float32)
        assert not reconnections(flat, FOV, threshold=0.5, budget=10)
