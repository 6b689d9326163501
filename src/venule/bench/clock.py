"""Interleaved timing, so that whatever slows the computer down affects all candidates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Stages = Mapping[str, float]
"""Seconds by stage."""


@dataclass(frozen=True)
class Spread:
    """Median and spread of some numbers."""

    median: float
    q1: float
    q3: float
    least: float
    largest: float


def spread(numbers: Sequence[float]) -> Spread:
    """The median, the quartiles (linearly interpolated) and the extremes; at least one number."""
    least, q1, median, q3, largest = (
        float(value) for value in np.percentile(numbers, [0, 25, 50, 75, 100])
    )
    return Spread(median, q1, q3, least, largest)


def ratio(numbers: Sequence[float], reference: Sequence[float]) -> Spread:
    """Ratios to the reference, per round."""
    return spread([one / other for one, other in zip(numbers, reference, strict=True)])


def take_turns(
    tasks: Sequence[Callable[[], Stages]],
    *,
    repeat: int,
    warm_up: int = 2,
) -> list[list[Stages]]:
    """Interleaved timings by task and round, A B C, A B C, ...; warm-up rounds excluded."""
    measured: list[list[Stages]] = [[] for _ in tasks]
    for turn in range(warm_up + repeat):
        for task, kept in zip(tasks, measured, strict=True):
            stages = task()
            if turn >= warm_up:
                kept.append(stages)
    return measured
