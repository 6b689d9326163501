"""Smooth noise, soft edges and independent random streams, the elements of synthetic images."""

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from venule.image.arrays import FloatMap


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for one feature of one image, independent of which other features exist."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def smooth_noise(rng: np.random.Generator, cells: int, shape: tuple[int, int]) -> FloatMap:
    """(H, W) noise of standard deviation about 1, with blobs of 1 / `cells` of the frame."""
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC))


def soft_step(x: NDArray[np.floating]) -> FloatMap:
    """0 below -1, 1 above 1, smooth in between."""
    t = np.clip((x + 1) / 2, 0, 1).astype(np.float32)
    return np.asarray(t * t * (3 - 2 * t))
