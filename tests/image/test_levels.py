"""What is lowered below a threshold or lifted to it stays there, in memory and in the file."""

from pathlib import Path

import numpy as np
import pytest

from venule.image.io import read_probability, write_probability
from venule.image.levels import below, reaching
from venule.vessels.components import lower_small_components
from venule.vessels.reconnection import raise_paths

FOUR_DIGITS = np.arange(1, 10_000) / 10_000


def test_levels_are_on_their_side_of_every_threshold_of_four_digits() -> None:
    for threshold in (float(t) for t in FOUR_DIGITS):
        low, high = below(threshold), reaching(threshold)
        assert low < np.float32(threshold) <= high
        assert round(float(high - low) * 65535, 2) in (1, 2)  # 2 around what is a level itself
        for level in (low, high):
            stored = float(np.rint(level * np.float32(65535))) / 65535
            assert (stored >= threshold) == (level == high)


@pytest.mark.parametrize("threshold", [1e-9, 1e-6, 1 - 1e-6, 0.5, 0.4])
def test_levels_next_to_the_ends_and_to_levels(threshold: float) -> None:
    assert 0 <= below(threshold) < np.float32(threshold) <= reaching(threshold) <= 1


@pytest.mark.parametrize("threshold", [0.3394, 0.3381, 0.5, 0.6001])
def test_the_file_has_the_pieces_that_the_map_has(threshold: float, tmp_path: Path) -> None:
    probability = np.full((60, 60), 0.1, np.float32)
    probability[10, 5:55] = 0.9
    probability[::7, ::9] = 0.8  # specks
    fov = np.ones((60, 60), bool)
    cleaned = lower_small_components(probability, fov, threshold=threshold, min_component=0.01)
    raise_paths(cleaned, [np.array([(10, 54), (20, 54)])], (60, 60), threshold=threshold)
    vessels = cleaned >= threshold
    assert int(vessels.sum()) == 50 + 10
    write_probability(tmp_path / "prob.png", cleaned)
    np.testing.assert_array_equal(read_probability(tmp_path / "prob.png") >= threshold, vessels)
