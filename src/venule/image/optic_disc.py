"""The optic disc as an ellipse, fitted to a detected or drawn outline."""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import FloatMap, Mask, bounding_box

ROUND = 0.55
"""Least ratio of a disc's axes, and least overlap of a component with its ellipse."""

CUT = 0.1
"""Least share of a disc's outline on the edge of the field of view that counts as cut off there."""

_LEAST_PX = 12
"""Least number of pixels to fit an ellipse, and of outline pixels to fit a circle."""


@dataclass(frozen=True)
class Disc:
    """The optic disc as an ellipse; pixels of the photograph, 0 at the centre of the first one.

    Attributes:
        x, y: the centre.
        major_px, minor_px: its half-axes.
        angle: of the major axis to the rows, in radians, positive from x to y.
        confidence: 0..1, the mean disc probability inside.
    """

    x: float
    y: float
    major_px: float
    minor_px: float
    angle: float
    confidence: float

    @property
    def radius_px(self) -> float:
        """The radius of the circle of the same area."""
        return math.sqrt(self.major_px * self.minor_px)

    def mask(self, shape: tuple[int, int]) -> Mask:
        """(H, W) bool, the pixels whose centre is inside the ellipse."""
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        right, down = columns - self.x, rows - self.y
        along = right * math.cos(self.angle) + down * math.sin(self.angle)
        across = down * math.cos(self.angle) - right * math.sin(self.angle)
        inside: Mask = (along / self.major_px) ** 2 + (across / self.minor_px) ** 2 <= 1
        return inside

    def covered_by(self, mask: Mask) -> float:
        """The share of the disc's pixels inside the frame that are in `mask`, (H, W) bool."""
        top, left = (max(math.floor(at - self.major_px), 0) for at in (self.y, self.x))
        bottom, right = (math.ceil(at + self.major_px) + 1 for at in (self.y, self.x))
        around = mask[top:bottom, left:right]
        moved = replace(self, x=self.x - left, y=self.y - top)
        inside = moved.mask((around.shape[0], around.shape[1]))
        return int(np.count_nonzero(around & inside)) / max(int(np.count_nonzero(inside)), 1)

    def seen_in(self, fov: Mask) -> float:
        """The share of the disc that lies in the field of view, (H, W) bool."""
        inside = np.count_nonzero(self.mask((fov.shape[0], fov.shape[1])) & fov)
        return min(int(inside) / (math.pi * self.major_px * self.minor_px), 1.0)


def reaches_frame(x: float, y: float, radius_px: float, shape: tuple[int, int]) -> bool:
    """Tell whether a disc's centre is at most its radius outside of the frame (H, W)."""
    right = max(-x, x - (shape[1] - 1), 0)
    down = max(-y, y - (shape[0] - 1), 0)
    return math.hypot(right, down) <= radius_px + 0.5  # to the pixel's edge


def outside_frame(x: float, y: float, shape: tuple[int, int]) -> str:
    """The message for a disc that does not reach the frame (H, W)."""
    return (
        f"optic disc at x {x:g}, y {y:g} outside of the photograph of {shape[1]} x {shape[0]} px: "
        "give its centre in pixels of the photograph"
    )


def fit_disc(component: Mask, probability: FloatMap, fov: Mask) -> Disc | None:
    """The ellipse with the second moments of a component, (H, W) bool, of a disc map.

    Where the field of view cuts the component off, the circle through the rest of its outline. The
    confidence is the component's mean probability. None for fewer than 12 pixels.
    """
    disc = _ellipse(component, probability)
    return disc and (_circle(component, fov, disc.confidence) or disc)


def ellipse_of(disc: Mask) -> Disc | None:
    """The ellipse with the area and second moments of a drawn disc, (H, W) bool.

    Where the photograph's frame cuts it off, the circle through its outline. None for fewer than 12
    pixels, or for a line.
    """
    everywhere = np.ones(disc.shape, np.float32)
    found = _ellipse(disc, everywhere)
    if found is None or found.minor_px < 1:
        return None
    if circle := _circle(disc, everywhere > 0, found.confidence):
        return circle
    # The moments are those of pixel centres: the area corrects the size.
    grown = math.sqrt(np.count_nonzero(disc) / (math.pi * found.major_px * found.minor_px))
    return replace(found, major_px=found.major_px * grown, minor_px=found.minor_px * grown)


def is_round(disc: Disc, component: Mask, fov: Mask) -> bool:
    """Tell whether a component has the shape of the disc fitted to it."""
    inside = disc.mask((component.shape[0], component.shape[1])) & fov
    overlap = np.count_nonzero(inside & component) / np.count_nonzero(inside | component)
    return disc.minor_px >= ROUND * disc.major_px and bool(overlap >= ROUND)


def _ellipse(component: Mask, probability: FloatMap) -> Disc | None:
    rows, columns = np.nonzero(component)
    if len(rows) < _LEAST_PX:
        return None
    points = np.stack([columns, rows])
    x, y = points.mean(axis=1)
    spread: NDArray[np.float64] = np.cov(points)
    sizes, axes = np.linalg.eigh(spread)
    minor, major = (2 * math.sqrt(max(float(size), 1e-9)) for size in sizes)
    angle = math.atan(axes[1, 1] / axes[0, 1]) if axes[0, 1] else math.pi / 2
    confidence = float(probability[component].mean())
    return Disc(float(x), float(y), major, minor, angle, confidence)


def _circle(component: Mask, fov: Mask, confidence: float) -> Disc | None:
    """The circle through the outline of a disc that the field of view cuts off, else None.

    Kasa 1976, doi 10.1109/TIM.1976.6312298: the least squares of x^2 + y^2 = 2 a x + 2 b y + c. The
    component, (H, W) bool, is not empty.
    """
    box = bounding_box(component, 1)
    assert box is not None
    top, left = (side.start for side in box)
    outline = component[box] & ~ndi.binary_erosion(component[box])
    cut = outline & ~ndi.binary_erosion(fov[box], np.ones((3, 3)))
    rows, columns = np.nonzero(outline & ~cut)
    if len(rows) < _LEAST_PX or np.count_nonzero(cut) < CUT * np.count_nonzero(outline):
        return None
    terms = np.stack([2 * columns, 2 * rows, np.ones_like(rows)], axis=1)
    x, y, rest = np.linalg.lstsq(terms, rows**2 + columns**2)[0]
    radius_px = math.sqrt(rest + x**2 + y**2) + 0.5  # from pixels' centres to their edge
    return Disc(float(x) + left, float(y) + top, radius_px, radius_px, 0.0, confidence)
