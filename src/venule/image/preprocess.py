"""From a photograph to the network's input, and from its logits back to the photograph's size.

Every resize follows the half-pixel-centre convention (Pillow; torch with align_corners=False), so
a map that is scaled down and restored lies on the photograph without a shift.
"""

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field, model_validator
from scipy.ndimage import gaussian_filter

from venule.errors import ImageError
from venule.image.arrays import RGB, FloatMap, Mask, check_mask, check_rgb
from venule.image.fov import fit_circle

MIN_STD = 1 / 255
"""A photograph without any contrast is divided by one grey level, not by zero."""

FLAT_MEAN, FLAT_STD = 128.0, 40.0
"""Grey levels of a flattened photograph: three standard deviations to either side fit."""

SAME_SCALE = 0.02
"""A photograph whose scale is within this share of the working scale is not resampled at all."""

RESTORED_AT_ONCE = 2**23
"""Pixels of a strip in which a larger map is brought to size: Pillow's copies of it stay small."""


class Preprocessing(BaseModel, frozen=True, extra="forbid"):
    """How a photograph becomes the network's input; saved with the weights.

    `resize_px`: side of the square that the photograph is squeezed into (the published way).
    `fov_px`: diameter of the field of view after scaling, aspect kept. Neither: native size.
    `flatten`: even out light and contrast over the field of view, see the function.
    `normalize`: "fov" takes mean and standard deviation per channel inside the field of view of
    the whole photograph; "fixed" takes `mean` and `std` (0..1 units, ImageNet's by default).
    """

    resize_px: int | None = Field(default=None, gt=0)
    fov_px: int | None = Field(default=None, gt=0)
    flatten: bool = False
    normalize: Literal["fov", "fixed"] = "fov"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.resize_px is not None and self.fov_px is not None:
            raise ValueError(
                f"resize_px = {self.resize_px} and fov_px = {self.fov_px}: set one of the two."
            )
        if min(self.std) <= 0:
            raise ValueError(f"std = {self.std}: every value must be above 0.")
        return self


def working_shape(
    shape: tuple[int, int], fov: Mask, preprocessing: Preprocessing
) -> tuple[int, int]:
    """The (rows, columns) at which the network sees a photograph of `shape` with this `fov`."""
    if preprocessing.resize_px is not None:
        return preprocessing.resize_px, preprocessing.resize_px
    if preprocessing.fov_px is not None:
        scale = preprocessing.fov_px / fit_circle(fov).diameter_px
        if abs(scale - 1) < SAME_SCALE:
            return shape
        return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
    return shape


def scale_image(image: RGB, shape: tuple[int, int]) -> RGB:
    """`image` at `shape` (rows, columns): bilinear, antialiased where it shrinks."""
    if image.shape[:2] == shape:
        return image
    resized = Image.fromarray(image).resize(shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)


def scale_mask(mask: Mask, shape: tuple[int, int]) -> Mask:
    """`mask` at `shape` (rows, columns): True where at least half of the pixel is inside."""
    if mask.shape == shape:
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(grey.resize(shape[::-1], Image.Resampling.BILINEAR)) >= 128


def scale_soft(mask: Mask, shape: tuple[int, int]) -> FloatMap:
    """(h, w) float32 in 0..1: the share of each pixel that lies inside `mask` at full size."""
    if mask.shape == shape:
        return mask.astype(np.float32)
    share = Image.fromarray(mask.astype(np.float32))
    return np.asarray(share.resize(shape[::-1], Image.Resampling.BILINEAR)).clip(0, 1)


def flatten(image: RGB, fov: Mask, preprocessing: Preprocessing) -> RGB:
    """`image` with the same mean and contrast everywhere inside the field of view, if it is asked.

    Each channel minus its mean around a pixel, over its standard deviation there, both weighted by
    a Gaussian of a twelfth of the field of view's diameter (Foracchia et al. 2005, eq. 4, with
    Gaussian windows); FLAT_MEAN and FLAT_STD grey levels afterwards, 0 outside.
    """
    if not preprocessing.flatten:
        return image
    height, width = fov.shape
    diameter_px = 2 * np.sqrt(max(1, int(fov.sum())) / np.pi)
    step = max(1, round(diameter_px / 80))  # window means are smooth: few points hold them
    small = (max(1, height // step), max(1, width // step))
    sigma = diameter_px / 12 / step
    inside = scale_soft(fov, small)
    weight = np.maximum(gaussian_filter(inside, sigma, mode="constant"), 1e-3)
    flat = np.zeros_like(image)
    for channel in range(3):
        plane = image[..., channel].astype(np.float32) * fov
        mean, square = (
            restore(
                (gaussian_filter(_shrink(p, small), sigma, mode="constant") / weight)[None],
                (height, width),
            )[0]
            for p in (plane, plane * plane)
        )
        std = np.sqrt(np.maximum(square - mean * mean, 1))  # one grey level at least
        level = FLAT_MEAN + FLAT_STD * (plane - mean) / std
        flat[..., channel] = np.rint(level.clip(0, 255)) * fov
    return flat


def _shrink(plane: FloatMap, shape: tuple[int, int]) -> FloatMap:
    resized = Image.fromarray(plane).resize(shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


def statistics(
    image: RGB, fov: Mask, preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation per channel, both (3,) float32 in 0..1 units.

    Raises:
        ImageError: if they are to be measured and the field of view has no pixel.
    """
    if preprocessing.normalize == "fixed":
        return np.array(preprocessing.mean, np.float32), np.array(preprocessing.std, np.float32)
    # Histograms of the 256 levels: exact, and no float copy of an 8-megapixel photograph.
    levels = np.arange(256) / 255
    counts = np.stack([np.bincount(image[..., c][fov], minlength=256) for c in range(3)])
    total = int(counts[0].sum())
    if total == 0:
        raise ImageError("the field of view has no pixel; leave it out and it is found by itself")
    mean = counts @ levels / total
    variance = (counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total
    std = np.maximum(np.sqrt(variance), MIN_STD)
    return mean.astype(np.float32), std.astype(np.float32)


def normalize(
    image: RGB, fov: Mask, mean: NDArray[np.float32], std: NDArray[np.float32]
) -> FloatMap:
    """(3, H, W) float32: (image / 255 - mean) / std per channel, 0 outside the field of view."""
    pixels = np.empty((3, *image.shape[:2]), np.float32)
    for channel in range(3):
        scale = np.float32(1 / (255 * float(std[channel])))
        np.multiply(image[..., channel], scale, out=pixels[channel])
        pixels[channel] -= np.float32(mean[channel] / std[channel])
        pixels[channel] *= fov
    return pixels


def preprocess(image: RGB, fov: Mask, preprocessing: Preprocessing) -> FloatMap:
    """The network's input: (3, h, w) float32, scaled, normalised, 0 outside the field of view.

    Raises:
        ImageError: if `image` is not (H, W, 3) uint8 or `fov` not a bool mask of its size.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    check_mask(fov, (height, width), name="field of view")
    shape = working_shape((height, width), fov, preprocessing)
    scaled, inside = scale_image(image, shape), scale_mask(fov, shape)
    scaled = flatten(scaled, inside, preprocessing)
    mean, std = statistics(scaled, inside, preprocessing)
    return normalize(scaled, inside, mean, std)


def restore(logits: FloatMap, shape: tuple[int, int]) -> FloatMap:
    """Logits (C, h, w) at the photograph's `shape`: (C, H, W) float32, bilinear."""
    if logits.shape[1:] == shape:
        return logits
    height, width = shape
    restored = np.empty((logits.shape[0], height, width), np.float32)
    rows = max(1, RESTORED_AT_ONCE // width)
    scale = logits.shape[1] / height
    for channel, plane in zip(restored, logits, strict=True):
        image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            # Pillow looks beyond the box where the filter reaches: strips fit without a seam.
            box = (0, top * scale, image.width, min(bottom * scale, image.height))
            strip = image.resize((width, bottom - top), Image.Resampling.BILINEAR, box=box)
            channel[top:bottom] = np.asarray(strip)
    return restored
