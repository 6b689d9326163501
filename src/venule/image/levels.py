"""The levels that a stored probability map can have, next to a threshold.

A map is stored as round(65535 p). A probability right beside the threshold may cross it there;
one that is such a level stays on its side, in memory and in the file.
"""

import numpy as np

LARGEST = 65535


def below(threshold: float) -> np.float32:
    """The largest level below a threshold in 0..1."""
    levels = _near(threshold)
    return np.float32(levels[(levels < threshold) & ~_reaches(levels, threshold)].max())


def reaching(threshold: float) -> np.float32:
    """The smallest level that reaches a threshold in 0..1."""
    levels = _near(threshold)
    return np.float32(levels[(levels >= threshold) & _reaches(levels, threshold)].min())


def _near(threshold: float) -> np.ndarray:
    middle = round(threshold * LARGEST)
    return np.arange(middle - 2, middle + 3).clip(0, LARGEST) / LARGEST


def _reaches(levels: np.ndarray, threshold: float) -> np.ndarray:
    """Whether levels reach the threshold as maps are compared with it, in float32."""
    return levels.astype(np.float32) >= np.float32(threshold)
