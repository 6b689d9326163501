"""Geometry of a synthetic photograph: the frame, and the field of view in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask

Point = tuple[float, float]
"""(row, column) in radii of the field of view from its centre."""


@dataclass(frozen=True)
class Frame:
    """A photograph's size, the circle of its field of view in pixels, and its clipping.

    (0, 0) is the centre of the first pixel. `clip` is the distance, in radii, of the bars at top
    and bottom from the circle's centre; 1 leaves the circle whole.
    """

    height_px: int
    width_px: int
    row: float
    column: float
    radius_px: float
    clip: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height_px, self.width_px

    @cached_property
    def rows(self) -> FloatMap:
        """(H, 1) position of each row, in radii from the centre of the field of view."""
        rows = (np.arange(self.height_px) - self.row) / self.radius_px
        return rows.astype(np.float32)[:, None]

    @cached_property
    def columns(self) -> FloatMap:
        """(1, W) position of each column, in radii from the centre of the field of view."""
        columns = (np.arange(self.width_px) - self.column) / self.radius_px
        return columns.astype(np.float32)[None, :]

    @cached_property
    def radius(self) -> FloatMap:
        """(H, W) distance of each pixel from the centre of the field of view, in radii."""
        return self.distance((0.0, 0.0))

    def distance(self, point: Point, *, stretch: float = 1.0) -> FloatMap:
        """(H, W) distance of each pixel from `point`; `stretch` above 1 gives upright ellipses."""
        tall = (self.rows - np.float32(point[0])) / np.float32(stretch)
        return np.asarray(np.hypot(tall, self.columns - np.float32(point[1])), np.float32)

    def fov(self) -> Mask:
        """(H, W) bool, the field of view."""
        return np.asarray((self.radius <= 1) & (np.abs(self.rows) <= self.clip))

    def stop(self) -> FloatMap:
        """(H, W) 0..1, the fraction of each pixel inside the field of view, by its distance."""
        inside = np.clip((1 - self.radius) * np.float32(self.radius_px) + 0.5, 0, 1)
        if self.clip < 1:
            bars = (np.float32(self.clip) - np.abs(self.rows)) * np.float32(self.radius_px)
            inside = inside * np.clip(bars + 0.5, 0, 1)
        return np.asarray(inside, np.float32)

    def to_px(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert (K, 2) points in radii to pixels."""
        return np.asarray(points * self.radius_px + np.array([self.row, self.column]))


def square(size_px: int, *, share: float = 0.94) -> Frame:
    """A square frame with a whole, centred field of view of `share` of its side."""
    center = (size_px - 1) / 2
    return Frame(size_px, size_px, center, center, share * size_px / 2)


def draw_frame(rng: np.random.Generator, kind: str, size_px: int) -> Frame:
    """A frame whose longer side is `size_px`.

    "square": see `square`. "round": a whole circle in a frame up to 4:3. "clipped": the frame, or
    black bars in it, clip the circle at top and bottom.
    """
    if kind == "square":
        return square(size_px)
    shift = rng.uniform(-0.012, 0.012, 2)
    if kind == "round":
        aspect = float(rng.choice([1.0, 1.0, 0.96, 0.9, 0.75]))
        height = max(8, round(aspect * size_px))
        radius_px, clip = rng.uniform(0.9, 0.985) * height / 2, 1.0
    else:
        radius_px = rng.uniform(0.9, 0.985) * size_px / 2
        clip = rng.uniform(0.70, 0.92)
        bars = rng.random() < 0.4
        height = size_px if bars else max(8, round(2 * clip * radius_px))
        if not bars:
            clip = 1.0
    row, column = (height - 1) / 2, (size_px - 1) / 2
    row += shift[0] * height if clip == 1.0 else 0.0
    return Frame(height, size_px, row, column + shift[1] * size_px / 2, radius_px, clip)
