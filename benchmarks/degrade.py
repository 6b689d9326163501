"""Degradation of photographs, to test its effect on grades and vessel maps.

Lengths are shares of the field of view's diameter, so that a strength means the same for every
camera. Only the noise is random, with the same seed for every photograph.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from venule.image.arrays import RGB, Mask
from venule.image.fov import fit_outline
from venule.image.preprocess import scale_image, scale_mask

Array = TypeVar("Array", RGB, Mask)


@dataclass(frozen=True)
class Degraded:
    """A photograph (H, W, 3) uint8 with its field of view and vessels (H, W) bool, all degraded."""

    image: RGB
    fov: Mask
    vessels: Mask


Degradation = Callable[[Degraded, float], Degraded]
"""A function of a photograph and a strength."""


def darken(photo: Degraded, factor: float) -> Degraded:
    """Multiply every level by `factor`, below 1, and round."""
    return _recolored(photo, np.rint(photo.image.astype(np.float32) * factor))


def overexpose(photo: Degraded, factor: float) -> Degraded:
    """Multiply every level inside the field of view by `factor`, above 1, and clip at 255."""
    levels = np.rint(photo.image.astype(np.float32) * factor)
    return _recolored(photo, np.where(photo.fov[..., None], levels, photo.image))


def blur(photo: Degraded, sigma: float) -> Degraded:
    """Blur as if out of focus: about a Gaussian of `sigma` diameters of the field of view."""
    soft = ImageFilter.GaussianBlur(sigma * fit_outline(photo.fov).diameter_px)
    return _recolored(photo, np.asarray(Image.fromarray(photo.image).filter(soft)))


def add_noise(photo: Degraded, sigma: float) -> Degraded:
    """Add Gaussian noise of `sigma` grey levels, independent per channel, in the field of view."""
    noise = np.random.default_rng(0).normal(0, sigma, photo.image.shape)
    return _recolored(photo, np.rint(photo.image + noise * photo.fov[..., None]))


def compress(photo: Degraded, quality: float) -> Degraded:
    """Compress as JPEG of `quality` 1..95, with chroma at half resolution."""
    encoded = BytesIO()
    Image.fromarray(photo.image).save(encoded, "JPEG", quality=round(quality), subsampling=2)
    with Image.open(encoded) as image:
        return _recolored(photo, np.asarray(image.convert("RGB")))


def crop(photo: Degraded, side: float) -> Degraded:
    """Crop to the central square of `side` diameters; below 0.7 it shows no edge of the field."""
    circle = fit_outline(photo.fov)
    half = side * circle.diameter_px / 2

    def cut(array: Array) -> Array:
        return array[
            max(0, math.ceil(circle.row - half)) : math.floor(circle.row + half) + 1,
            max(0, math.ceil(circle.column - half)) : math.floor(circle.column + half) + 1,
        ]

    return Degraded(cut(photo.image), cut(photo.fov), cut(photo.vessels))


def shrink(photo: Degraded, diameter_px: float) -> Degraded:
    """Scale so that the field of view is `diameter_px` across."""
    scale = diameter_px / fit_outline(photo.fov).diameter_px
    shape = (
        max(1, round(photo.fov.shape[0] * scale)),
        max(1, round(photo.fov.shape[1] * scale)),
    )
    return Degraded(
        scale_image(photo.image, shape),
        scale_mask(photo.fov, shape),
        scale_mask(photo.vessels, shape),
    )


DEGRADATIONS: Mapping[str, tuple[Degradation, tuple[float, ...]]] = {
    "darkened": (darken, (0.5, 0.25, 0.12, 0.05)),
    "over-exposed": (overexpose, (1.5, 2, 3, 5)),
    "blurred": (blur, (0.0025, 0.005, 0.01, 0.02)),
    "noise": (add_noise, (5, 10, 20, 40)),
    "JPEG": (compress, (50, 20, 10, 5)),
    "cropped": (crop, (0.9, 0.65, 0.4, 0.2)),
    "shrunk": (shrink, (400, 250, 150, 80)),
}
"""All degradations, with the strengths that are measured, weakest first."""


def _recolored(photo: Degraded, levels: NDArray[Any]) -> Degraded:
    return Degraded(levels.clip(0, 255).astype(np.uint8), photo.fov, photo.vessels)
