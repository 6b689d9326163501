"""Segmenters that need no weights, and one that ends its process on photographs of some sizes."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from venule.analysis.analyse import Networks
from venule.batch.engine import OpenWorker
from venule.batch.process import Worker
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.fov import FieldOfView
from venule.image.photograph import Photograph, as_photograph
from venule.inference.prediction import Prediction
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

OpenSegmenter = Callable[[int], Segmenter]

DEADLY = {"exit": 41, "segfault": 42, "memory": 43, "hang": 44, "fault": 45}
"""Widths in pixels of the photographs that a worker does not survive, or only in error."""


def green(threads: int) -> Segmenter:
    """A segmenter whose logit is minus the normalised green channel."""

    def run(pixels: FloatMap) -> FloatMap:
        return -pixels[:, 1:2]

    return Segmenter(ModelRecord(name="green", model="green"), run)


@dataclass(frozen=True)
class _Deadly(Segmenter):
    def segment(
        self,
        photograph: Photograph | RGB | bytes | Path | str,
        *,
        fov: FieldOfView | Mask | None = None,
    ) -> Prediction:
        width = as_photograph(photograph).shape[1]
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
        return super().segment(photograph, fov=fov)


def deadly(threads: int) -> Segmenter:
    """`green`, except for photographs of the widths in `DEADLY`."""
    segmenter = green(threads)
    segmenter.segment(noise(40))  # imports what it needs now, so that a time limit is not for that
    return _Deadly(segmenter.record, segmenter.run)


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


def working(open_segmenter: OpenSegmenter) -> OpenWorker:
    """A factory of workers for an engine, with the segmenter that is opened here."""
    return partial(_open, open_segmenter)


def _open(open_segmenter: OpenSegmenter, threads: int) -> Worker:
    return Worker(Networks(open_segmenter(threads)))


def noise(width: int, height: int = 40, *, seed: int = 0) -> RGB:
    """A photograph of coloured noise."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
