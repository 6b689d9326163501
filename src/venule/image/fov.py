"""The field of view: where the frame shows retina, and the ellipse that its edge lies on."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from venule.image.arrays import RGB, Mask, check_mask, check_rgb
from venule.image.cuts import cut_off
from venule.image.ellipse import Ellipse, around, edge_points, fit_ellipse
from venule.image.rim import locate_rim
from venule.image.surround import Levels, find_regions
from venule.image.tabs import find_tabs

_FINE_PX = 640
"""The rim is located on a copy whose longer side is at most about this."""

_COARSE_PX = 220
"""The surround is removed on a copy whose longer side is at most about this."""

_FITTED_PX = 400
"""The outline of a mask is fitted on a copy whose longer side is at most about this."""

_REDUCED_AT_ONCE = 2**20
"""Pixels reduced at once, as one strip."""

_SAME = 0.9
"""Share of a given mask that must be inside the detected one for the rest to count as border."""

RIM_PX = 2
"""Width of the rim, into which vessels continue: the edge of a field of view is soft and is
located at half brightness; the masks of CHASE_DB1, DRIVE and HRF end 0.3 to 1.4 px further out."""


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """The region in which a photograph shows retina.

    Attributes:
        mask: (H, W) bool, True inside; without holes.
        outline: the ellipse that its edge lies on, except for orientation tabs; for several fields
            of view, that of the largest.
        fields: number of fields of view in the photograph; the mask holds all of them.
    """

    mask: Mask
    outline: Ellipse
    fields: int = 1


def find_fov(image: RGB) -> FieldOfView:
    """Find the field of view of a photograph, whatever surrounds it.

    Flat colours are removed from the frame's edge inwards until the remainder is bounded by an
    ellipse; the rim is then located along its normals. Orientation tabs beyond it are included.
    Without such an edge, the whole frame is retina, or all of it except its surround.

    Args:
        image: (H, W, 3) uint8, RGB.

    Raises:
        ImageError: if `image` is not (H, W, 3) uint8.
    """
    check_rgb(image)
    height, width = image.shape[:2]
    factor = math.ceil(max(height, width) / _FINE_PX)
    pixels = _reduced(image, factor)
    coarser = math.ceil(max(pixels.shape) / _COARSE_PX)
    levels = _smoothed(_reduced(pixels, coarser))
    regions, left = find_regions(levels)
    found = []
    for region in regions:
        rim = locate_rim(pixels, region.outline.scaled(coarser))
        if rim is not None:
            cut = cut_off(pixels, levels, region, coarser)
            found.append((rim.scaled(factor), find_tabs(pixels, rim), cut))
    if not found:
        mask = np.ones((height, width), bool)
        if left is not None:
            mask = _grown(left, coarser * factor, (height, width))
        return FieldOfView(mask, around((height, width)))
    mask = np.zeros((height, width), bool)
    for outline, tabs, cut in found:
        inside = outline.fill((height, width))
        if tabs is not None:
            inside |= _grown(tabs, factor, (height, width))
        mask |= inside if cut is None else inside & ~_grown(cut, factor, (height, width))
    return FieldOfView(mask, found[0][0], fields=len(found))


def outlined(mask: Mask) -> FieldOfView:
    """The field of view given by a mask (H, W) bool."""
    return FieldOfView(mask, fit_outline(mask))


def fit_outline(mask: Mask) -> Ellipse:
    """The ellipse that the edge of a (H, W) bool mask lies on; see `Ellipse.fitted`."""
    factor = max(1, math.ceil(max(mask.shape) / _FITTED_PX))
    small = mask
    if factor > 1:
        grey = Image.fromarray(mask.astype(np.uint8) * 255).reduce(factor)
        small = np.asarray(grey) >= 128
    found = fit_ellipse(edge_points(small))
    return around((mask.shape[0], mask.shape[1])) if found is None else found.scaled(factor)


def given_fov(image: RGB, mask: Mask) -> tuple[FieldOfView, FieldOfView]:
    """The field of view for the network, and the one to which results are restricted.

    The mask decides where results are given, but pixels in it that show no retina are not
    segmented: a mask some pixels too wide includes the rim, which networks take for a vessel, and
    one too tight makes another edge, inside the retina. So the network gets the detected field of
    view if the mask lies in it except for such pixels, and otherwise the mask.

    Args:
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) bool, True inside.

    Raises:
        ImageError: an array of another shape or dtype.
    """
    found = find_fov(image)
    check_mask(mask, (image.shape[0], image.shape[1]), name="field of view")
    both = mask & found.mask
    if not found.outline.fitted or both.sum() < _SAME * mask.sum():
        given = outlined(mask.copy())
        return given, given
    return found, FieldOfView(both, found.outline, found.fields)


def with_rim(fov: Mask) -> Mask:
    """A field of view (H, W) bool, dilated by `RIM_PX`.

    Same as scipy's `binary_dilation` by a disc, in a seventh of its time: it runs on every
    photograph.
    """
    found, wide = fov.copy(), fov.copy()
    for right in range(RIM_PX + 1):
        if right:
            wide[:, right:] |= fov[:, :-right]
            wide[:, :-right] |= fov[:, right:]
        for down in range(RIM_PX + 1):
            if math.isqrt(RIM_PX**2 - down**2) == right:
                found[down:] |= wide[: len(fov) - down]
                found[: len(fov) - down] |= wide[down:]
    return found


def _reduced(image: RGB, factor: int) -> RGB:
    """A copy in which each pixel is the mean of a block, `factor` pixels high and wide."""
    if factor == 1:
        return image
    # Strip by strip: Pillow's copies stay small.
    blocks = max(1, _REDUCED_AT_ONCE // (factor * image.shape[1]))
    tops = range(0, len(image), factor * blocks)
    parts = (Image.fromarray(image[top : top + factor * blocks]) for top in tops)
    return np.concatenate([np.asarray(part.reduce(factor)) for part in parts])


def _smoothed(image: RGB) -> Levels:
    """(h, w, 3) int16, smoothed by a 3 x 3 mean."""
    padded = np.pad(image.astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return np.asarray((total + 4) // 9, np.int16)


def _grown(mask: Mask, factor: int, shape: tuple[int, int]) -> Mask:
    """A mask of blocks of `factor` px at full size; the last blocks may reach beyond the frame."""
    if factor <= 1:
        return mask
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    box = (0, 0, shape[1] / factor, shape[0] / factor)
    resized = grey.resize(shape[::-1], Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized) >= 128
