"""Segmenters that need no weights, and one that ends its process on photographs of some sizes."""

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np

from venule.image.arrays import RGB, FloatMap, Mask
from venule.inference.segment import Prediction, Segmenter
from venule.models.record import ModelRecord

DEADLY = {"exit": 41, "segfault": 42, "memory": 43, "hang": 44, "fault": 45}
"""Widths in pixels of the photographs that a worker does not survive, or only in error."""


def green(threads: int) -> Segmenter:
    """A segmenter whose logit is minus the normalised green channel."""

    def run(pixels: FloatMap) -> FloatMap:
        return -pixels[:, 1:2]

    return Segmenter(ModelRecord(name="green", model="green"), run)


@dataclass(frozen=True)
class _Deadly(Segmenter):
    def segment(self, image: RGB, *, fov: Mask | None = None) -> Prediction:
        width = image.shape[1]
        if width == DEADLY["exit"]:
            os._exit(3)
        if width == DEADLY["segfault"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        if width == DEADLY["memory"]:
            raise MemoryError
        if width == DEADLY["hang"]:
            time.sleep(600)
        if width == DEADLY["fault"]:
            raise RuntimeError("planted")
        return super().segment(image, fov=fov)


def deadly(threads: int) -> Segmenter:
    """`green`, except for photographs of the widths in `DEADLY`."""
    segmenter = green(threads)
    segmenter.segment(noise(40))  # imports what it needs now, so that a time limit is not for that
    return _Deadly(segmenter.record, segmenter.run)


def elsewhere(threads: int) -> Segmenter:
    """`green` in another runtime."""
    return replace(green(threads), runtime="another")


def slow(threads: int) -> Segmenter:
    """`green`, a fifth of a second a photograph."""
    segmenter = green(threads)

    def run(pixels: FloatMap) -> FloatMap:
        time.sleep(0.2)
        return segmenter.run(pixels)

    return Segmenter(segmenter.record, run)


def broken(threads: int) -> Segmenter:
    """No network: its process ends."""
    os._exit(9)


def noise(width: int, height: int = 40, *, seed: int = 0) -> RGB:
    """A photograph of coloured noise."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
