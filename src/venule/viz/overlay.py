"""Colour overlays of vessels on a photograph, and error maps."""

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.errors import ImageError, UsageError
from venule.image.arrays import RGB, Mask, check_mask, check_rgb
from venule.image.levels import strips

Color = tuple[int, int, int]

VESSEL: Color = (0, 229, 255)
"""Cyan: the complement of the fundus's red and orange."""

# Okabe and Ito's colour-blind-safe palette: differs in hue and in lightness.
FOUND: Color = (200, 200, 200)
FALSE: Color = (213, 94, 0)
MISSED: Color = (86, 180, 233)

LEGEND = MappingProxyType({"found": FOUND, "false": FALSE, "missed": MISSED})
"""Meanings of the colours of `errors`; everything else is background."""

OUTLINE = 0.8
"""Opacity of the vessels' border pixels in an overlay."""

AT_ONCE = 2**21
"""Pixels per strip of an overlay."""


def overlay(image: RGB, vessels: Mask, *, color: Color = VESSEL, opacity: float = 0.35) -> RGB:
    """The photograph with its vessels tinted and outlined: (H, W, 3) uint8, the image's size.

    The outline is the vessels' own border pixels, four fifths opaque; the photograph shows through
    the interior, so that the calibre can be judged against it. `opacity` is that of the interior,
    0..1.

    Raises:
        ImageError: `image` is not (H, W, 3) uint8 or `vessels` not a bool mask of its size.
        UsageError: the opacity is out of range.
    """
    if not 0 <= opacity <= 1:
        raise UsageError(f"opacity {opacity:g}: use a number from 0 to 1")
    check_rgb(image)
    check_mask(vessels, (image.shape[0], image.shape[1]), name="vessels")
    # A cross-shaped neighbourhood keeps the outline one pixel wide; the frame is not a border.
    inside = ndi.binary_erosion(vessels, border_value=1)
    drawn = image.copy()
    drawn[inside] = _blend(image[inside], color, opacity)
    drawn[vessels & ~inside] = _blend(image[vessels & ~inside], color, OUTLINE)
    return drawn


def overlay_strips(image: RGB, vessels: Mask) -> Iterator[RGB]:
    """Draw as `overlay`, in strips from top to bottom: at once, 100 megapixels take 1 GB.

    Raises:
        ImageError: as `overlay`.
    """
    check_rgb(image)
    check_mask(vessels, (image.shape[0], image.shape[1]), name="vessels")
    return _strips(image, vessels)


def _strips(image: RGB, vessels: Mask) -> Iterator[RGB]:
    for rows in strips(vessels.shape, AT_ONCE):
        # The outline depends on the next row on either side.
        first, last = max(rows.start - 1, 0), rows.stop + 1
        drawn = overlay(image[first:last], vessels[first:last])
        yield drawn[rows.start - first : rows.stop - first]


def errors(predicted: Mask, truth: Mask, fov: Mask, *, image: RGB | None = None) -> RGB:
    """Colour the errors of a map inside the field of view: (H, W, 3) uint8.

    Grey: vessel, found. Orange: vessel in the map only. Blue: vessel in the ground truth only
    (`LEGEND`). The background is black, or `image` darkened and in grey.

    Raises:
        ImageError: the masks or the image differ in size.
    """
    shape = np.shape(fov)
    if len(shape) != 2:
        raise ImageError(f"field of view: expected a bool mask (H, W), got shape {shape}")
    for mask, name in ((predicted, "predicted"), (truth, "truth"), (fov, "field of view")):
        check_mask(mask, shape, name=name)
    drawn = np.zeros((*shape, 3), np.uint8)
    if image is not None:
        check_rgb(image)
        check_mask(fov, (image.shape[0], image.shape[1]), name="field of view")
        drawn[:] = (image[..., 1:2] // 3).astype(np.uint8)
    drawn[predicted & truth & fov] = FOUND
    drawn[predicted & ~truth & fov] = FALSE
    drawn[~predicted & truth & fov] = MISSED
    return drawn


def probability_image(probability: NDArray[np.floating]) -> RGB:
    """A probability map as grey levels: (H, W, 3) uint8, white = 1."""
    grey = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _blend(pixels: NDArray[np.uint8], color: Color, opacity: float) -> NDArray[np.uint8]:
    mixed = pixels * (1 - opacity) + np.array(color) * opacity
    return np.rint(mixed).astype(np.uint8)
