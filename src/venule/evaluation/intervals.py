"""Percentile bootstrap intervals of means over images, also of paired differences."""

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator

RESAMPLES = 10_000
SEED = 0
_AT_ONCE = 1_000  # resamples per chunk, to bound memory

DESCRIPTION = f"95 % percentile bootstrap over images, {RESAMPLES} resamples, seed {SEED}"
"""Description of the intervals in reports."""

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A float that may be nan, stored as null in JSON."""


class Interval(BaseModel, frozen=True, extra="forbid"):
    """A mean over `images` with its 95 % interval; the bounds are nan for fewer than two."""

    mean: Number
    low: Number
    high: Number
    images: int


def bootstrap(values: Sequence[float]) -> Interval:
    """The mean of per-image values and its 95 % interval (Efron 1979, percentiles 2.5 and 97.5).

    Images are resampled 10,000 times with a fixed seed. nan values (undefined scores) are left out,
    and `images` is the number of the others; nan if there are none.
    """
    defined = np.array([value for value in values if not math.isnan(value)], np.float64)
    if not len(defined):
        return Interval(mean=math.nan, low=math.nan, high=math.nan, images=0)
    mean = float(defined.mean())
    if len(defined) == 1:
        return Interval(mean=mean, low=math.nan, high=math.nan, images=1)
    low, high = np.percentile(_means(defined), [2.5, 97.5])
    return Interval(mean=mean, low=float(low), high=float(high), images=len(defined))


def paired_difference(values: Sequence[float], reference: Sequence[float]) -> Interval:
    """The mean over images of value minus reference, with its 95 % interval.

    Both sequences are of the same images in the same order; images with nan in either are left out.
    An interval that excludes 0 is a difference supported by these images.
    """
    pairs = zip(values, reference, strict=True)
    return bootstrap([value - other for value, other in pairs])


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    generator = np.random.default_rng(SEED)
    shape = (_AT_ONCE, len(values))
    chunks = [
        values[generator.integers(len(values), size=shape)].mean(axis=1)
        for _ in range(RESAMPLES // _AT_ONCE)
    ]
    return np.concatenate(chunks)
