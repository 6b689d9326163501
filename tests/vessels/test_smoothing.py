"""Centrelines between the places where a vessel's edges are seen."""

import numpy as np

from venule.vessels.smoothing import smooth


def test_a_path_whose_edges_are_unseen_for_long_stays_where_it_was() -> None:
    down = np.stack((np.arange(100.0), np.zeros(100)), axis=1)
    back = np.stack((np.arange(99.0, -1, -1), np.full(100, 20.0)), axis=1)
    path = np.concatenate((down, back))
    path[:25, 1] += 3 * np.sin(np.arange(25) / 4)
    noise = np.full(200, np.inf)
    noise[:25], noise[-1] = 0.05, 0.3
    found = smooth(path, noise)
    assert np.abs(found - path).max() < 30
    assert np.abs(found[5:20] - path[5:20]).max() < 0.5
