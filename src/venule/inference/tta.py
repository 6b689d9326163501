"""Test-time augmentation: the mean logit over the eight symmetries of the square."""

from typing import Any

import numpy as np

from venule.image.arrays import FloatMap
from venule.image.tiles import Run


def augmented(run: Run) -> Run:
    """Average `run`, (N, 3, h, w) -> (N, C, h, w), over the dihedral group D4."""

    def mean_logits(pixels: FloatMap) -> FloatMap:
        total: Any = 0.0
        for mirrored in (False, True):
            seen = np.flip(pixels, axis=-1) if mirrored else pixels
            for turns in range(4):
                turned = np.ascontiguousarray(np.rot90(seen, turns, axes=(-2, -1)))
                back = np.rot90(run(turned), -turns, axes=(-2, -1))
                total = total + (np.flip(back, axis=-1) if mirrored else back)
        mean: FloatMap = np.ascontiguousarray(total / 8, dtype=np.float32)
        return mean

    return mean_logits
