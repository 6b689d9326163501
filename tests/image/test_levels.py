"""Levels lowered below a threshold or lifted to it stay there, in memory and in the file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.image.encode import encode_levels
from venule.image.io import read_probability, write_probability
from venule.image.levels import LARGEST, strips, threshold_level, to_levels, to_probability
from venule.vessels.components import lower_small_components
from venule.vessels.reconnection import raise_paths

FOUR_DIGITS = np.arange(1, 10_000) / 10_000

EVERY = np.arange(LARGEST + 1, dtype=np.uint16)[None]


def test_a_probability_is_the_float_nearest_to_its_levels_share() -> None:
    probability = to_probability(EVERY)
    assert probability.dtype == np.float32
    np.testing.assert_array_equal(probability, (EVERY / 65535).astype(np.float32))


def test_every_level_comes_back_from_its_probability() -> None:
    levels = to_levels(to_probability(EVERY))
    assert levels.dtype == np.uint16
    np.testing.assert_array_equal(levels, EVERY)


def test_a_probability_is_rounded_to_the_nearest_level_and_clipped() -> None:
    probability = np.array([[-0.2, 0.49 / 65535, 0.51 / 65535, 0.25, 1.0, 1.7]], np.float32)
    assert to_levels(probability).tolist() == [[0, 0, 1, 16384, 65535, 65535]]


@pytest.mark.parametrize("shape", [(1, 7), (13, 1), (50, 40)])
@pytest.mark.parametrize("pixels", [1, 80, 10**6])
def test_strips_cover_every_row_once(shape: tuple[int, int], pixels: int) -> None:
    rows = [row for part in strips(shape, pixels) for row in range(shape[0])[part]]
    assert rows == list(range(shape[0]))


def test_a_level_reaches_a_threshold_of_four_digits_where_its_float_does() -> None:
    probability = to_probability(EVERY)[0]
    for threshold in (float(t) for t in FOUR_DIGITS):
        least = threshold_level(threshold)
        assert probability[least - 1] < threshold <= probability[least]


@settings(max_examples=300, deadline=None)
@given(threshold=st.floats(1e-9, 1, exclude_max=True))
def test_masks_by_level_and_by_float_are_one(threshold: float) -> None:
    by_float = to_probability(EVERY) >= threshold
    np.testing.assert_array_equal(threshold_level(threshold) <= EVERY, by_float)


@pytest.mark.parametrize("threshold", [1e-9, 1e-6, 1 - 1e-6, 0.5, 0.4, 13107 / 65535, 1.0])
def test_levels_next_to_the_ends_and_to_levels(threshold: float) -> None:
    least = threshold_level(threshold)
    assert 0 <= least - 1 < least <= LARGEST
    by_float = to_probability(EVERY) >= threshold
    np.testing.assert_array_equal(least <= EVERY, by_float)


@pytest.mark.parametrize("threshold", [0.3394, 0.3381, 0.5, 0.6001])
def test_the_file_has_the_components_that_the_map_has(threshold: float, tmp_path: Path) -> None:
    probability = np.full((60, 60), 0.1, np.float32)
    probability[10, 5:55] = 0.9
    probability[::7, ::9] = 0.8  # specks
    levels, fov = to_levels(probability), np.ones((60, 60), bool)
    lower_small_components(levels, fov, threshold=threshold, min_component=0.01)
    path = np.array([(10, 54), (20, 54)])
    raise_paths(levels, fov, [path], (60, 60), threshold=threshold)
    vessels = levels >= threshold_level(threshold)
    assert int(vessels.sum()) == 50 + 10
    (tmp_path / "levels.png").write_bytes(encode_levels(levels))
    write_probability(tmp_path / "prob.png", to_probability(levels))
    for name in ("levels.png", "prob.png"):
        stored = read_probability(tmp_path / name)
        np.testing.assert_array_equal(stored, to_probability(levels))
        np.testing.assert_array_equal(stored >= threshold, vessels)
