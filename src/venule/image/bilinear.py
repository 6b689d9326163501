"""Bilinear resizing by multiplication with sparse matrices, as exact as float32."""

import math
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from venule.image.arrays import FloatMap


@lru_cache(maxsize=16)
def weights(length: int, resized: int) -> csr_array:
    """(resized, length) float32: the matrix that resizes columns of `length` pixels.

    Each row is a triangle filter around the centre of its pixel, scaled to the pixel pitch of the
    coarser grid, cut off at the ends and summing to 1: Pillow's BILINEAR.
    """
    scale = length / resized
    reach = max(scale, 1.0)
    centre = (np.arange(resized)[:, None] + 0.5) * scale - 0.5
    taps = np.ceil(centre - reach).astype(np.int32) + np.arange(math.ceil(2 * reach) + 1)
    weights = np.maximum(1 - np.abs(taps - centre) / reach, 0)
    weights[(taps < 0) | (taps >= length)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights > 0
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(used, axis=1))]).astype(np.int32)
    return csr_array((weights[used].astype(np.float32), taps[used], ends), (resized, length))


def widened(plane: FloatMap, columns: csr_array) -> FloatMap:
    """Resize the rows of a plane (H, W) by `weights` of shape (w, W): (H, w) float32."""
    return np.ascontiguousarray((columns @ np.ascontiguousarray(plane.T)).T)
