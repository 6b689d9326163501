"""Preprocessing to the network's input, and rescaling of its logits to the photograph's size.

Every resize follows the half-pixel-centre convention (Pillow; torch with align_corners=False), so a
map that is scaled down and restored aligns with the photograph.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field, model_validator

from venule.errors import ImageError
from venule.image.arrays import RGB, FloatMap, Mask, check_mask, check_rgb
from venule.image.bilinear import weights, widened
from venule.image.fov import FieldOfView
from venule.image.illumination import Illumination, correct_illumination
from venule.image.levels import strips

MIN_STD = 1 / 255
"""Floor of the standard deviation, one grey level, for photographs without contrast."""

RESTORED_AT_ONCE = 2**18
"""Pixels per strip when a map is rescaled to the photograph's size: they fit into a cache."""

_SCALED_AT_ONCE = 2**22
"""Pixels per strip when a photograph or a plane is scaled, to keep copies small."""

_CACHED = 2**16
"""Pixels per strip when normalising, so that all steps run in a processor's cache."""

_HALF = 0.5 - 1e-4
"""Half a pixel, less the rounding of the weights."""

MOST_ENLARGED = 2**25
"""Most pixels to scale a photograph up to; ten times what any shipped network needs."""

_Positive = Annotated[float, Field(gt=0)]


class Native(BaseModel, frozen=True, extra="forbid"):
    """The photograph at its own size."""

    kind: Literal["native"] = "native"


class Square(BaseModel, frozen=True, extra="forbid"):
    """The photograph resized to a square of `side_px`, as published, whatever its aspect ratio."""

    kind: Literal["square"] = "square"
    side_px: int = Field(gt=0)


class FovScaled(BaseModel, frozen=True, extra="forbid"):
    """The photograph scaled to a field of view of `diameter_px`, its aspect ratio kept.

    `largest_px`: photographs more than `finer` times as fine, in which thinner vessels are
    resolved, are scaled by 1 / `finer`, up to this diameter; None scales all of them to
    `diameter_px`.
    `tolerance`: a photograph within this share of the working scale is not resampled.
    """

    kind: Literal["fov"] = "fov"
    diameter_px: int = Field(gt=0)
    largest_px: int | None = Field(default=None, gt=0)
    finer: float = Field(default=1.6, ge=1)
    tolerance: float = Field(default=0.02, ge=0)

    @model_validator(mode="after")
    def _largest_is_larger(self) -> Self:
        if self.largest_px is not None and self.largest_px < self.diameter_px:
            raise ValueError(
                f"largest_px = {self.largest_px}: use at least diameter_px = {self.diameter_px}."
            )
        return self

    def working_diameter_px(self, diameter_px: float) -> float:
        """The diameter, at the network's scale, of a field of view of `diameter_px`."""
        return max(self.diameter_px, min(self.largest_px or 0, diameter_px / self.finer))


Scaling = Annotated[Native | Square | FovScaled, Field(discriminator="kind")]


class Preprocessing(BaseModel, frozen=True, extra="forbid"):
    """Preprocessing of a photograph to the network's input; saved with the weights.

    `illumination`: illumination correction over the field of view, see `correct_illumination`.
    `normalize`: "fov" takes mean and standard deviation per channel inside the field of view of
    the whole photograph; "fixed" takes `mean` and `std` (0..1 units, ImageNet's by default).
    """

    scaling: Scaling = Native()
    illumination: Illumination | None = None
    normalize: Literal["fov", "fixed"] = "fov"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[_Positive, _Positive, _Positive] = (0.229, 0.224, 0.225)


def working_shape(
    shape: tuple[int, int], fov: FieldOfView, preprocessing: Preprocessing
) -> tuple[int, int]:
    """The (rows, columns) of the network's input for a photograph of `shape` with this `fov`.

    Raises:
        ImageError: a small field of view in a large frame would be enlarged beyond MOST_ENLARGED.
    """
    scaling = preprocessing.scaling
    if isinstance(scaling, Native):
        return shape
    if isinstance(scaling, Square):
        return scaling.side_px, scaling.side_px
    diameter = fov.outline.diameter_px
    scale = scaling.working_diameter_px(diameter) / diameter
    if abs(scale - 1) < scaling.tolerance:
        return shape
    rows, columns = (max(1, round(side * scale)) for side in shape)
    if rows * columns > max(MOST_ENLARGED, math.prod(shape)):
        raise ImageError(
            f"the field of view is {diameter:.0f} px across in {shape[1]} x {shape[0]} px, "
            f"which would be enlarged to {columns} x {rows}; crop it to its field of view"
        )
    return rows, columns


def scale_image(image: RGB, shape: tuple[int, int]) -> RGB:
    """`image` at `shape` (rows, columns): bilinear, antialiased where it shrinks."""
    if image.shape[:2] == shape:
        return image
    height, width = image.shape[:2]
    scale = height / shape[0]
    reach = max(scale, 1) + 1
    scaled = np.empty((3, *shape), np.uint8)  # planar, as it is processed
    # Strip by strip: Pillow's copies stay small.
    for rows in strips(shape, _SCALED_AT_ONCE * math.prod(shape) // (height * width)):
        top, bottom = rows.start * scale, rows.stop * scale
        first = max(0, math.floor(top - reach))
        part = Image.fromarray(image[first : math.ceil(bottom + reach)])
        box = (0, top - first, width, min(bottom - first, part.height))
        size = shape[1], rows.stop - rows.start
        planes = part.resize(size, Image.Resampling.BILINEAR, box=box).split()
        for whole, plane in zip(scaled, planes, strict=True):
            whole[rows] = np.asarray(plane)
    return scaled.transpose(1, 2, 0)


def scale_mask(mask: Mask, shape: tuple[int, int]) -> Mask:
    """`mask` at `shape` (rows, columns): True where at least half of the pixel is inside."""
    if mask.shape == shape:
        return mask
    return np.ascontiguousarray(_resized(mask, shape) >= _HALF)


def sample_mask(mask: Mask, shape: tuple[int, int]) -> Mask:
    """`mask` at `shape` (rows, columns): nearest neighbour, at each pixel's centre."""
    rows, columns = (
        (2 * np.arange(there) + 1) * here // (2 * there)
        for here, there in zip(mask.shape, shape, strict=True)
    )
    return mask if mask.shape == shape else mask.take(rows, axis=0).take(columns, axis=1)


def scale_soft(mask: Mask | FloatMap, shape: tuple[int, int]) -> FloatMap:
    """(h, w) float32 in 0..1: the share of each pixel inside `mask` at full size.

    For probabilities, their mean.
    """
    if mask.shape == shape:
        return mask.astype(np.float32)
    return np.ascontiguousarray(_resized(mask, shape)).clip(0, 1)


def _resized(plane: Mask | FloatMap, shape: tuple[int, int]) -> FloatMap:
    """A plane (H, W) at `shape` (h, w), float32: bilinear, antialiased where it shrinks.

    The result is column-major (Fortran order).
    """
    rows, columns = map(weights, plane.shape, shape)
    lines = np.empty((shape[0], plane.shape[1]), np.float32)
    for part in strips(lines.shape, _SCALED_AT_ONCE * shape[0] // plane.shape[0]):
        some = rows[part]
        used = slice(some.indices.min(), some.indices.max() + 1)
        lines[part] = some[:, used] @ plane[used].astype(np.float32, copy=False)
    return np.asarray((columns @ np.ascontiguousarray(lines.T)).T)


def statistics(
    image: RGB, fov: Mask, preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation per channel, both (3,) float32 in 0..1 units.

    Raises:
        ImageError: if the field of view has no pixel.
    """
    if not fov.any():
        raise ImageError(
            "the field of view has no pixel at the network's scale; leave it out and it is found "
            "by itself"
        )
    if preprocessing.normalize == "fixed":
        return np.array(preprocessing.mean, np.float32), np.array(preprocessing.std, np.float32)
    sums, squares = np.zeros((2, 3))
    for rows in strips(fov.shape, _CACHED):
        for channel in range(3):
            levels = (image[rows, :, channel] * fov[rows]).astype(np.float32)
            # Each row is summed in float32, the rows in float64.
            sums[channel] += levels.sum(axis=1).sum(dtype=np.float64)
            squares[channel] += np.einsum("hw,hw->h", levels, levels).sum(dtype=np.float64)
    mean = sums / np.count_nonzero(fov) / 255
    variance = squares / np.count_nonzero(fov) / 255**2 - mean**2
    std = np.sqrt(np.maximum(variance, MIN_STD**2))
    return mean.astype(np.float32), std.astype(np.float32)


def normalize(
    image: RGB, fov: Mask, mean: NDArray[np.float32], std: NDArray[np.float32]
) -> FloatMap:
    """(3, H, W) float32: (image / 255 - mean) / std per channel, 0 outside the field of view."""
    pixels = np.empty((3, *image.shape[:2]), np.float32)
    for rows in strips(fov.shape, _CACHED):
        inside = fov[rows].astype(np.float32)
        for channel in range(3):
            part = pixels[channel, rows]
            part[:] = image[rows, :, channel]
            part *= np.float32(1 / (255 * float(std[channel])))
            part -= np.float32(mean[channel] / std[channel])
            part *= inside
    return pixels


def preprocess(image: RGB, fov: FieldOfView, preprocessing: Preprocessing) -> FloatMap:
    """The network's input: (3, h, w) float32, scaled, normalised, 0 outside the field of view.

    Raises:
        ImageError: if `image` is not (H, W, 3) uint8 or `fov` not a bool mask of its size, or
            unusable: without a pixel at the network's scale, or tiny in a large frame.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    check_mask(fov.mask, (height, width), name="field of view")
    shape = working_shape((height, width), fov, preprocessing)
    scaled, inside = scale_image(image, shape), scale_mask(fov.mask, shape)
    if preprocessing.illumination is not None:
        scaled = correct_illumination(scaled, inside, preprocessing.illumination)
    mean, std = statistics(scaled, inside, preprocessing)
    return normalize(scaled, inside, mean, std)


def restored_strips(logits: FloatMap, shape: tuple[int, int]) -> Iterator[tuple[slice, FloatMap]]:
    """Yield one class's logits (h, w) at the photograph's `shape`, bilinear, in strips.

    Each strip is (rows, W) float32, in memory of its own.
    """
    rows, columns = map(weights, logits.shape, shape)
    same = logits.shape == shape
    wide = logits if same else widened(logits, columns)
    for part in strips(shape, RESTORED_AT_ONCE):
        yield part, logits[part].copy() if same else rows[part] @ wide


def restore(logits: FloatMap, shape: tuple[int, int]) -> FloatMap:
    """Logits (C, h, w) at the photograph's `shape`: (C, H, W) float32, bilinear."""
    restored = np.empty((logits.shape[0], *shape), np.float32)
    for channel, plane in zip(restored, logits, strict=True):
        for rows, part in restored_strips(plane, shape):
            channel[rows] = part
    return restored
