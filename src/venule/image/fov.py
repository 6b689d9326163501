"""The field of view: where the frame shows retina, and the ellipse that its edge belongs to."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from venule.image.arrays import RGB, Mask, check_mask, check_rgb
from venule.image.ellipse import Ellipse, around, edge_points, fit_ellipse
from venule.image.rim import locate_rim
from venule.image.surround import Levels, Region, find_regions

_FINE_PX = 640
"""The rim is located on a copy whose longer side is at most about this."""

_COARSE_PX = 220
"""The surround is peeled off a copy whose longer side is at most about this."""

_FITTED_PX = 400
"""The edge of a mask is fitted on a copy that is at most so large."""

_NOTCH = 0.02
"""What lacks at the rim is cut off if it reaches so far in, as a share of the diameter."""


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """Where a photograph shows retina.

    Attributes:
        mask: (H, W) bool, True inside; without holes.
        outline: the ellipse that its edge lies on; of several fields of view, the largest one's.
        fields: how many fields of view the photograph shows; the mask holds all of them.
    """

    mask: Mask
    outline: Ellipse
    fields: int = 1

    @classmethod
    def of_mask(cls, mask: Mask) -> "FieldOfView":
        """The field of view that a (H, W) bool mask tells."""
        return cls(mask, fit_outline(mask))


def find_fov(image: RGB) -> FieldOfView:
    """The field of view of a photograph, whatever lies around it.

    Flat colours are peeled off from the frame's edge inwards until what is left is cut out along
    an ellipse; the rim is then located along its normals. A photograph without such an edge shows
    retina all over, or wherever its surround does not.

    Args:
        image: (H, W, 3) uint8, RGB.

    Raises:
        ImageError: if `image` is not (H, W, 3) uint8.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    fine = _reduced(Image.fromarray(image), _FINE_PX)
    factor = math.ceil(max(height, width) / _FINE_PX)
    coarser = math.ceil(max(fine.size) / _COARSE_PX)
    coarse = fine.reduce(coarser)
    levels = _smoothed(coarse)
    regions, left = find_regions(levels)
    pixels = np.asarray(fine)
    found = []
    for region in regions:
        rim = locate_rim(pixels, region.outline.scaled(coarser))
        if rim is not None:
            found.append((region, rim.scaled(factor)))
    if not found:
        mask = np.ones((height, width), bool)
        if left is not None and not regions:
            mask = _grown(left, coarser * factor, (height, width))
        return FieldOfView(mask, around((height, width)))
    mask = np.zeros((height, width), bool)
    for region, outline in found:
        mask |= _inside(region, outline, coarser * factor, (height, width))
    return FieldOfView(mask, found[0][1], fields=len(found))


def fit_outline(mask: Mask) -> Ellipse:
    """The ellipse that the edge of a (H, W) bool mask lies on; see `Ellipse.fitted`."""
    factor = max(1, math.ceil(max(mask.shape) / _FITTED_PX))
    small = mask
    if factor > 1:
        grey = Image.fromarray(mask.astype(np.uint8) * 255).reduce(factor)
        small = np.asarray(grey) >= 128
    found = fit_ellipse(edge_points(small))
    return around((mask.shape[0], mask.shape[1])) if found is None else found.scaled(factor)


def given_fov(image: RGB, mask: Mask) -> FieldOfView:
    """The field of view that a user's mask tells, without what shows no retina.

    Masks that are drawn some pixels too wide take in the border, whose edge a network may take for
    vessels. So where the mask and the field of view that is found are about the same, the mask
    counts inside the latter only, and the outline is the latter's.

    Args:
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) bool, True inside.

    Raises:
        ImageError: an array of another shape or dtype.
    """
    found = find_fov(image)
    check_mask(mask, (image.shape[0], image.shape[1]), name="field of view")
    both = mask & found.mask
    if np.count_nonzero(both) < _SAME * np.count_nonzero(mask):
        return FieldOfView.of_mask(mask.copy())
    return FieldOfView(both, found.outline, found.fields)


_SAME = 0.9
"""Share of a given mask that must have been found for the rest of it to be taken for border."""


def _reduced(image: Image.Image, longest: int) -> Image.Image:
    """A copy whose longer side is at most about `longest`; each pixel is the mean of a block."""
    return image.reduce(max(1, math.ceil(max(image.size) / longest)))


def _smoothed(image: Image.Image) -> Levels:
    """(h, w, 3) int16, each pixel the mean of nine: noise is blurred away."""
    padded = np.pad(np.asarray(image).astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return np.asarray((total + 4) // 9, np.int16)


def _inside(region: Region, outline: Ellipse, factor: int, shape: tuple[int, int]) -> Mask:
    """The ellipse without what bars and notches hide of it, at full size."""
    mask = outline.fill(shape)
    lacking = ~region.mask
    inner = region.outline.grown(1 - 2 * _NOTCH).fill(lacking.shape)
    if not (inner & lacking).any():
        return mask
    labels, pieces = ndi.label(lacking & region.outline.fill(lacking.shape))
    reaches = np.zeros(pieces + 1, bool)
    reaches[labels[inner & lacking]] = True
    cut = reaches[labels]
    # What lies beyond the cut, towards the frame, is surround too.
    beyond = ~region.outline.grown(0.99).fill(lacking.shape) & ndi.binary_dilation(cut, iterations=2)
    return mask & ~_grown(cut | (beyond & lacking), factor, shape)


def _grown(mask: Mask, factor: int, shape: tuple[int, int]) -> Mask:
    """A mask of blocks of `factor` px at full size; the last blocks may reach beyond the frame."""
    if factor <= 1:
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    box = (0, 0, shape[1] / factor, shape[0] / factor)
    resized = grey.resize(shape[::-1], Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized) >= 128
