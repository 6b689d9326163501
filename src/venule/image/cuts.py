"""Bars and notches that hide part of a field of view, inside the ellipse of its rim."""

import numpy as np
import scipy.ndimage as ndi

from venule.image.arrays import RGB, Mask, bounding_box
from venule.image.surround import Levels, Region, difference

_DEPTH = 0.02
"""Least depth of a cut, from the rim inwards, as a share of the diameter."""

_NEARBY = 3
"""Margin around a cut, in pixels of the coarse copy, used to test and locate its edge."""

_SHARP = 0.3
"""Share of the retina's contrast reached within that margin; a fading vignette stays below."""


def cut_off(pixels: RGB, levels: Levels, region: Region, factor: int) -> Mask | None:
    """Find where the surround reaches into the ellipse: (h, w) bool as `pixels`; None if nowhere.

    Args:
        pixels: (h, w, 3) uint8, the fine copy of the photograph.
        levels: the coarse copy, `factor` times smaller, that contains `region`.
        region: the part of the retina that differs from its surround.
    """
    lacking = ~region.mask
    inner = lacking & region.outline.grown(1 - 2 * _DEPTH).fill(lacking.shape)
    if not inner.any():
        return None
    labels, _ = ndi.label(lacking & region.outline.fill(lacking.shape))
    found = None
    for number in np.unique(labels[inner]):
        one = _exactly(pixels, levels, region, labels == number, factor)
        if one is not None:
            found = one if found is None else found | one
    return found


def _exactly(pixels: RGB, levels: Levels, region: Region, cut: Mask, factor: int) -> Mask | None:
    """Locate one cut at half contrast between surround and retina; None if it is not a cut.

    A retina that darkens towards the rim merges into the surround gradually; that is not a cut.
    """
    color = np.median(levels[cut], axis=0).astype(np.int16)
    around = ndi.binary_dilation(cut, np.ones((3, 3), bool), iterations=_NEARBY)
    beside = around & region.mask
    if not beside.any():
        return None
    contrast = float(np.median(difference(levels[region.mask], color)))
    if np.percentile(difference(levels[beside], color), 75) < _SHARP * contrast:
        return None
    box = bounding_box(around)
    assert box is not None
    shape = pixels.shape[:2]
    fine = tuple(
        slice(part.start * factor, min(part.stop * factor, side))
        for part, side in zip(box, shape, strict=True)
    )
    near = _enlarged(around[box], factor, fine)
    distance = ndi.uniform_filter(difference(pixels[fine].astype(np.int16), color), 3)
    highest = ndi.maximum_filter(distance, 2 * _NEARBY * factor + 1)
    retina_in_reach = highest > _SHARP * contrast
    found = np.zeros(shape, bool)
    found[fine] = near & ((distance < highest / 2) | ~retina_in_reach)
    return found


def _enlarged(mask: Mask, factor: int, box: tuple[slice, ...]) -> Mask:
    """Each pixel as a block of `factor` by `factor`, cut to the fine copy."""
    blocks = mask.repeat(factor, axis=0).repeat(factor, axis=1)
    rows, columns = (part.stop - part.start for part in box)
    return blocks[:rows, :columns]
