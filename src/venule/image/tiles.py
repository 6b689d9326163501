"""Tiled inference: overlapping tiles of a large photograph, blended without seams."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from venule.image.arrays import FloatMap

Run = Callable[[FloatMap], FloatMap]
"""A network: (N, 3, h, w) float32 pixels to (N, C, h, w) float32 logits."""


class Tiling(BaseModel, frozen=True, extra="forbid"):
    """Tiling of an image: sides up to `tile_px` are run whole, longer ones in overlapping tiles.

    `overlap_px`: least overlap of neighbours; the quarter at a tile's edge is discarded (the
    network has too little context there), the half in the middle is blended.
    `multiple`: every side of the network's input is a multiple of it.
    """

    tile_px: int = Field(default=1024, gt=0)
    overlap_px: int = Field(default=128, ge=0)
    multiple: int = Field(default=32, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tile_px % self.multiple:
            raise ValueError(
                f"tile_px = {self.tile_px}: use a multiple of multiple = {self.multiple}."
            )
        if self.overlap_px > self.tile_px // 2 or self.overlap_px > self.tile_px - self.multiple:
            raise ValueError(
                f"overlap_px = {self.overlap_px}: use at most half of tile_px = {self.tile_px}, "
                f"which leaves multiple = {self.multiple}."
            )
        return self


@dataclass(frozen=True)
class _Axis:
    """The tiles along one side: where each starts, and the weights of its pixels."""

    tile_px: int
    starts: tuple[int, ...]
    weights: NDArray[np.float32]  # (tiles, tile_px); over all tiles they sum to 1 at every pixel

    @property
    def padded_px(self) -> int:
        return self.starts[-1] + self.tile_px


def predict_tiled(pixels: FloatMap, run: Run, tiling: Tiling) -> FloatMap:
    """Predict the logits of a whole image: (3, h, w) float32 to (C, h, w) float32.

    Tiles run one at a time (N = 1), so memory beyond the result is that of one tile. The result is
    that of the whole image if the receptive field reaches at most overlap_px / 4 pixels.
    """
    height, width = pixels.shape[1:]
    rows, columns = _axis(height, tiling), _axis(width, tiling)
    padding = ((0, 0), (0, rows.padded_px - height), (0, columns.padded_px - width))
    padded = np.pad(pixels, padding, mode="reflect") if any(map(any, padding)) else pixels
    if len(rows.starts) == len(columns.starts) == 1:
        return np.ascontiguousarray(run(padded[None])[0, :, :height, :width])
    blended: FloatMap | None = None
    for i, j in product(range(len(rows.starts)), range(len(columns.starts))):
        top, left = rows.starts[i], columns.starts[j]
        window = np.s_[:, top : top + rows.tile_px, left : left + columns.tile_px]
        logits = run(np.ascontiguousarray(padded[window])[None])[0]
        if blended is None:
            blended = np.zeros((logits.shape[0], *padded.shape[1:]), np.float32)
        blended[window] += logits * rows.weights[i][:, None] * columns.weights[j]
    assert blended is not None
    return np.ascontiguousarray(blended[:, :height, :width])


def _axis(length_px: int, tiling: Tiling) -> _Axis:
    """Cut one side into the fewest tiles, each no longer than it must be, evenly spread.

    Tiles start at whole multiples: the output of a network that halves its input several times
    depends on the photograph's position on its coarsest grid.
    """
    unit = tiling.multiple
    if length_px <= tiling.tile_px:
        tile = -(-length_px // unit) * unit
        return _Axis(tile, (0,), np.ones((1, tile), np.float32))
    length, overlap = -(-length_px // unit), -(-tiling.overlap_px // unit)
    count = -(-(length - overlap) // (tiling.tile_px // unit - overlap))
    tile = -(-(length + (count - 1) * overlap) // count)
    starts = tuple(i * (length - tile) // (count - 1) * unit for i in range(count))
    return _Axis(tile * unit, starts, _weights(starts, tile * unit, overlap_px=tiling.overlap_px))


def _weights(starts: tuple[int, ...], tile_px: int, *, overlap_px: int) -> NDArray[np.float32]:
    """Linear ramps at the edges where a neighbour overlaps, normalised to sum to 1 per pixel."""
    position = np.arange(tile_px) + 0.5
    weights = np.ones((len(starts), tile_px))
    total = np.zeros(starts[-1] + tile_px)
    for i, start in enumerate(starts):
        if overlap_px and i > 0:
            weights[i] *= _ramp(position, overlap_px)
        if overlap_px and i < len(starts) - 1:
            weights[i] *= _ramp(tile_px - position, overlap_px)
        total[start : start + tile_px] += weights[i]
    for i, start in enumerate(starts):
        weights[i] /= total[start : start + tile_px]
    return weights.astype(np.float32)


def _ramp(distance_px: NDArray[np.floating], overlap_px: int) -> NDArray[np.floating]:
    """0 in the first quarter of the overlap from the tile's edge, 1 from its third quarter on."""
    ramp: NDArray[np.floating] = np.clip((distance_px - overlap_px / 4) / (overlap_px / 2), 0, 1)
    return ramp
