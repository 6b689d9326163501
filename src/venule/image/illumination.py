"""Illumination correction: equal brightness and contrast over the field of view."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter

from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.bilinear import weights, widened

_AT_ONCE = 2**17
"""Pixels corrected at once; they fit into a processor's cache."""

_MOST_CELLS = 2000
"""Most cells along a side: in a frame far larger than its field of view, cells are larger."""

Grid = NDArray[np.float64]
"""(rows, columns), one value per cell."""

_Positive = Annotated[float, Field(gt=0)]


class Illumination(BaseModel, frozen=True, extra="forbid"):
    """Grey levels after illumination correction, and its window as a share of the diameter."""

    mean: float = 128.0
    std: _Positive = 40.0  # three standard deviations to either side fit into 8 bits
    window: _Positive = 1 / 12


def correct_illumination(image: RGB, fov: Mask, illumination: Illumination) -> RGB:
    """Correct uneven illumination, to one mean and contrast throughout the field of view.

    Each channel minus its local mean, divided by its local standard deviation, both weighted by a
    Gaussian whose width is a share (`window`) of the field of view's diameter (Foracchia et al.
    2005, eq. 4, with Gaussian windows); then scaled to `mean` and `std` grey levels, 0 outside.
    """
    height, width = fov.shape
    diameter_px = 2 * math.sqrt(max(1, int(np.count_nonzero(fov))) / math.pi)
    # Window means are smooth: some 80 cells along the diameter represent them.
    side_px = max(1, round(diameter_px / 80), math.ceil(max(height, width) / _MOST_CELLS))
    cells = _Cells(height, width, side_px)
    # The width of a cell is included, so the window is that which the networks were trained with.
    sigma = math.sqrt((diameter_px * illumination.window / side_px) ** 2 + (1 - side_px**-2) / 12)
    # Planar in memory, because everything that follows works channel by channel.
    flat = np.empty((3, height, width), np.uint8)
    np.multiply(image.transpose(2, 0, 1), fov, out=flat)
    plane = cells.plane()
    inner = cells.inside(plane)
    inner[:] = fov
    weight = np.maximum(_windowed(cells.sums(plane)[0], sigma), 1e-3 * side_px**2)
    for channel in flat:
        inner[:] = channel
        mean, square = _windowed(cells.sums(plane), sigma) / weight
        std = np.sqrt(np.maximum(square - mean * mean, 1))  # one grey level at least
        gain = illumination.std / std
        shift = illumination.mean - mean * gain
        for rows, levels in cells.apply(plane, gain, shift + 0.5):  # truncation then rounds
            channel[rows] = levels
    flat *= fov
    return flat.transpose(1, 2, 0)


def _windowed(sums: Grid, sigma: float) -> Grid:
    """(..., rows, columns) under a Gaussian, in cells; zeros outside.

    Not as a matrix product: OpenBLAS's threads keep spinning for 50 ms after one, on cores that the
    network needs by then.
    """
    return np.asarray(gaussian_filter(sums, sigma, axes=(-2, -1), mode="constant", truncate=4))


@dataclass(frozen=True)
class _Cells:
    """A grid of square cells of `side_px` pixels over an image, from its first pixel on.

    A plane of the image is padded by a cell above and below, so that its rows can be split into
    cells, and into the runs of rows between cell centres, without a copy.
    """

    height: int
    width: int
    side_px: int

    @property
    def rows(self) -> int:
        return -(-self.height // self.side_px)

    @property
    def columns(self) -> int:
        return -(-self.width // self.side_px)

    def plane(self) -> FloatMap:
        """A new plane of float32 zeros."""
        return np.zeros(((self.rows + 2) * self.side_px, self.columns * self.side_px), np.float32)

    def inside(self, plane: FloatMap) -> FloatMap:
        """The part of a plane that is the image: (height, width), a view."""
        return plane[self.side_px : self.side_px + self.height, : self.width]

    def sums(self, plane: FloatMap) -> Grid:
        """Sums and sums of squares per cell, (2, rows, columns); exact for whole grey levels."""
        step = self.side_px
        inner = plane[step : step + self.rows * step].reshape(self.rows, step, -1)
        lines = np.stack([inner.sum(axis=1), np.einsum("rsw,rsw->rw", inner, inner)])
        return np.asarray(sum(lines[..., at::step].astype(np.float64) for at in range(step)))

    def apply(self, plane: FloatMap, gain: Grid, shift: Grid) -> Iterator[tuple[slice, FloatMap]]:
        """Yield the plane times `gain` plus `shift`, both bilinear between cells, in strips.

        Each strip is (rows, width), clipped to grey levels 0 to 255.
        """
        step = self.side_px
        before = (step + 1) // 2  # rows of the first run above the image
        runs = plane[step - before :][: (self.rows + 1) * step].reshape(self.rows + 1, step, -1)
        # Position of each row of a run between the upper and the lower centre, the same for all
        # runs.
        share = ((np.arange(step) - before + 0.5) / step + 0.5).astype(np.float32)
        between = np.stack([1 - share, share], axis=1)
        gains, shifts = self._ends(np.stack([gain, shift]))
        several = max(1, _AT_ONCE // (step * self.width))
        for run in range(0, self.rows + 1, several):
            part = np.s_[run : run + several]
            levels = between @ gains[part]
            levels *= runs[part, :, : self.width]
            levels += between @ shifts[part]
            np.clip(levels, 0, 255, out=levels)
            top = run * step - before
            lines = slice(max(top, 0), min(top + len(levels) * step, self.height))
            if lines.start >= lines.stop:
                break  # the last run may begin below the image
            yield lines, levels.reshape(-1, self.width)[lines.start - top : lines.stop - top]

    def _ends(self, cells: Grid) -> FloatMap:
        """Values at the upper and lower end of each run, (K, rows + 1, 2, width), a view.

        From cells (K, rows, columns); constant beyond the outermost centres.
        """
        columns = weights(self.columns, self.columns * self.side_px)[: self.width]
        ends = np.pad(cells.astype(np.float32), ((0, 0), (1, 1), (0, 0)), mode="edge")
        wide = widened(ends.reshape(-1, self.columns), columns).reshape(2, -1, self.width)
        return sliding_window_view(wide, 2, axis=1).transpose(0, 1, 3, 2)
