"""Strokes as sent by the page: runs of pixels with their values."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from venule.analysis.analyse import Changed
from venule.errors import UsageError
from venule.image.arrays import Mask

Layer = Literal["mask", "types", "probability"]

_KINDS: dict[Layer, np.dtype[Any]] = {
    "mask": np.dtype("u1"),
    "types": np.dtype("u1"),
    "probability": np.dtype("<u2"),
}

PARTS: dict[Layer, frozenset[Changed]] = {
    "mask": frozenset({"vessels"}),
    "types": frozenset({"types"}),
    "probability": frozenset({"vessels", "probability"}),
}
"""The parts changed by a stroke on each layer."""


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """Runs of pixels with their values after a stroke.

    `content` is little-endian: the number of runs (uint32), each run's first pixel, counted row by
    row, and its length (uint32 both), and the values of all runs in sequence: uint8 0 or 1 for the
    mask, uint8 bits for types, or uint16 levels.
    """

    layer: Layer
    content: bytes
    tool: str

    def decoded(self) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Indices (N,) in the flat map, and their values (N,).

        Raises:
            UsageError: the number of bytes does not match the header.
        """
        kind, content = _KINDS[self.layer], self.content
        count = int.from_bytes(content[:4], "little")
        begin = 4 + 8 * count
        if len(content) < begin or len(content) < 4:
            raise UsageError(f"{len(content)} bytes for {count} runs")
        runs = np.frombuffer(content[4:begin], "<u4").reshape(count, 2).astype(np.intp)
        total = int(runs[:, 1].sum())
        if len(content) != begin + total * kind.itemsize:
            raise UsageError(f"{len(content)} bytes for {total} pixels in {count} runs")
        firsts = np.cumsum(runs[:, 1]) - runs[:, 1]
        places = np.arange(total) + np.repeat(runs[:, 0] - firsts, runs[:, 1])
        return places, np.frombuffer(content[begin:], kind)


def runs_of(changed: Mask, values: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """Runs of equal values (first, length, value) in a flat map where it has changed."""
    flat, of = changed.ravel(), values.ravel()
    places = np.flatnonzero(flat)
    if not places.size:
        return []
    new = np.append(True, (np.diff(places) > 1) | (np.diff(of[places].astype(int)) != 0))
    begins = np.flatnonzero(new)
    lengths = np.diff(np.append(begins, places.size))
    return [
        (int(places[at]), int(length), int(of[places[at]]))
        for at, length in zip(begins, lengths, strict=True)
    ]
