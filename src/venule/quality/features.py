"""Features of a photograph and its vessel map that need no ground truth.

Textures are measured on a small copy whose field of view always has the same width, so that a
feature means the same for every camera, and takes a few milliseconds at any size.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray
from PIL import Image

from venule.image.arrays import RGB, FloatMap, Mask, bounding_box
from venule.image.fov import FieldOfView
from venule.image.preprocess import sample_mask

ACROSS_PX = 320
"""Diameter of the field of view on the copy."""

_COLORS_PX = 96
"""Samples across the field of view for colour features."""

_COARSER = 4
"""The coarse octave is the fine octave of a copy this many times smaller."""

_BLOCK_PX = 8
"""Side of the blocks that JPEG codes."""

_MIDDLE_PX = 320
"""Side of the square in which blocks are searched."""

_STEP = 0.05
"""Grey levels added to the mean steps, so that flat regions count as free of blocks."""

_UNEVEN, _SPOT = 0.07, 10
"""From this contrast, pixels this many robust standard deviations brighter are excluded."""

_SATURATED = 250
"""Green level from which a pixel counts as overexposed; red saturates in good photographs too."""

_TOLERANCE = 5
"""Tolerance in grey levels when two channels are compared."""


@dataclass(frozen=True, kw_only=True)
class QualityFeatures:
    """Features for the grade of a photograph; shares are of the field of view's pixels, 0..1.

    Attributes:
        diameter_px: diameter of the field of view at the photograph's own size; the diagonal of its
            bounding box if no edge is visible.
        edge_visible: whether the field of view ends in the frame, as an arc of a circle.
        spread: grey levels from the 1st to the 99th percentile, the largest over channels, 0..255.
        brightness: median of the largest channel over 255, 0..1.
        overexposed: share with a green channel of 250 or above.
        contrast: standard deviation of the green channel's coarse octave over its mean; details of
            about a twentieth of the diameter. From 0.07, without bright spots such as scars.
        sharpness: standard deviation of the green channel's fine octave (details of about an
            eightieth of the diameter) over that of the coarse one.
        blockiness: how much larger the green channel's mean step between pixels is across the lines
            of an 8 pixel grid, as left by JPEG, than elsewhere (0: equal, 1: twice), times 8 pixels
            over the diameter; in the middle of the photograph.
        saturation: median of (largest - smallest channel) / largest, 0..1.
        warm: share where red >= green >= blue, give or take 5 grey levels.
        green: median of the green over the red channel.
        blue: median of the blue over the largest channel.
        fields: number of fields of view in the photograph.
        stretch: longer over shorter diameter of the field of view, 1 or more.
        bright_lines: distance of the fine octave's highest 2 % above its median over that of its
            lowest 2 % below: below 1 if lines are dark, as vessels are, above 1 if bright.
        layers: share of the coarse copy's variance between rows, high in scans of layers.
        vessels: share covered by the vessel map.
        largest_component: share of the vessel map in its largest component; 0 without vessels.
    """

    diameter_px: float
    edge_visible: bool
    spread: float
    brightness: float
    overexposed: float
    contrast: float
    sharpness: float
    blockiness: float
    saturation: float
    warm: float
    green: float
    blue: float
    fields: int
    stretch: float
    bright_lines: float
    layers: float
    vessels: float
    largest_component: float


def quality_features(
    image: RGB, field: FieldOfView, vessels: Mask, *, step: int = 1
) -> QualityFeatures | None:
    """Measure the features of a photograph; None if its field of view has no pixel.

    Args:
        image: (H, W, 3) uint8, RGB.
        field: the field of view, (H, W).
        vessels: bool, the vessels found inside it, subsampled by `step`.
        step: subsampling of the photograph, sufficient for textures.
    """
    fov = field.mask[::step, ::step]
    box = bounding_box(fov)
    if box is None:
        return None
    grid = _grid_ratio(_middle(image[..., 1]))
    image, fov, vessels = image[::step, ::step][box], fov[box], vessels[box]
    outline = field.outline
    diameter_px = outline.diameter_px / step if outline.fitted else math.hypot(*fov.shape)
    shape = _copy_shape(fov.shape, ACROSS_PX / diameter_px)
    copy = _resize(np.ascontiguousarray(image[..., 1]), shape)
    textures = _textures(copy, sample_mask(fov, shape))
    every = max(1, round(diameter_px / _COLORS_PX))
    inside = fov[::every, ::every]
    pixels = image[::every, ::every][inside if inside.any() else ...].reshape(-1, 3)
    colors = pixels.T.astype(np.int16, order="C")  # NumPy sorts these faster than bytes
    red, green, blue = colors
    largest = np.maximum(np.maximum(red, green), blue)
    colored = largest - np.minimum(np.minimum(red, green), blue)
    warm = (red + _TOLERANCE >= green) & (green + _TOLERANCE >= blue)
    low, high = _quantiles(colors, 0.01, 0.99).T
    return QualityFeatures(
        diameter_px=diameter_px * step,
        edge_visible=outline.fitted,
        spread=float((high - low).max()),
        brightness=_median(largest) / 255,
        overexposed=float((green >= _SATURATED).mean()),
        contrast=textures.coarse / max(float(green.mean()), 1.0),
        sharpness=textures.fine / textures.coarse if textures.coarse > 0 else 0.0,
        blockiness=(grid - 1) * _BLOCK_PX / (diameter_px * step),
        saturation=_median(colored / np.maximum(largest, 1)),
        warm=float(warm.mean()),
        green=_median(green / np.maximum(red, 1)),
        blue=_median(blue / np.maximum(largest, 1)),
        fields=field.fields,
        stretch=outline.stretch,
        bright_lines=textures.bright_lines,
        layers=textures.layers,
        vessels=np.count_nonzero(vessels) / np.count_nonzero(fov),
        largest_component=_largest_component(_resize(_bytes(vessels), shape) >= 64),
    )


def expected_dice(probability: FloatMap, vessels: Mask) -> float:
    """The expected Dice of a vessel map with calibrated probabilities: 0..1, 0 if it is empty.

    With p the probability and m the map, 2 sum(p m) / (sum(p) + sum(m)): the first sum is its
    expected number of true positives, the second the expected number of vessel pixels.

    Args:
        probability: (H, W) float32 in 0..1, 0 outside the field of view.
        vessels: (H, W) bool, the map.
    """
    # Each row is summed in float32, the rows in float64.
    total = float(probability.sum(axis=1).sum(dtype=np.float64)) + np.count_nonzero(vessels)
    hits = float((probability * vessels).sum(axis=1).sum(dtype=np.float64))
    return 2 * hits / total if total > 0 else 0.0


def _copy_shape(shape: tuple[int, ...], scale: float) -> tuple[int, int]:
    """Rows and columns of the copy, multiples of `_COARSER`."""
    rows, columns = (max(1, round(side * scale / _COARSER)) * _COARSER for side in shape)
    return rows, columns


def _bytes(mask: Mask) -> NDArray[np.uint8]:
    """The mask as 0 and 255."""
    return mask.astype(np.uint8) * np.uint8(255)


def _resize(array: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    image = Image.fromarray(array)
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR, reducing_gap=2))


def _quantiles(values: NDArray[Any], *shares: float) -> NDArray[np.float64]:
    """Quantiles along the last axis, linearly interpolated; NumPy's take far longer."""
    ordered = np.sort(values, axis=-1)
    at = np.array(shares) * (values.shape[-1] - 1)
    below = at.astype(np.intp)
    above = np.minimum(below + 1, values.shape[-1] - 1)
    share = at - below
    return np.asarray(ordered[..., below] * (1 - share) + ordered[..., above] * share)


def _median(values: NDArray[Any]) -> float:
    return float(_quantiles(values, 0.5)[0])


class _Textures(NamedTuple):
    """Textures of the green channel: standard deviations of octaves in grey levels, and two ratios.

    For the last two see `QualityFeatures`.
    """

    fine: float
    coarse: float
    bright_lines: float
    layers: float


def _textures(green: NDArray[np.uint8], inside: Mask) -> _Textures:
    """The octaves away from the edge of the field of view, which is sharper than anything in it.

    If the contrast exceeds that of most retinas, bright spots are excluded.
    """
    rows, columns = (side // _COARSER for side in green.shape)
    # Rows first: reducing several axes at once is slow.
    whole = inside.reshape(rows, _COARSER, -1).all(axis=1).reshape(rows, columns, -1).all(axis=2)
    away = ndi.binary_erosion(whole, iterations=5, border_value=1)
    if not away.any():
        return _Textures(0.0, 0.0, 1.0, 0.0)
    lines = green.reshape(rows, _COARSER, -1).sum(axis=1, dtype=np.float32)
    means = lines.reshape(rows, columns, -1).sum(axis=2) / np.float32(_COARSER**2)
    fine, coarse = _octave(green.astype(np.float32)), _octave(means)
    if coarse[away].std() > _UNEVEN * float(means[away].mean()):
        away &= ~_bright_spots(coarse, away)
    details = fine[away.repeat(_COARSER, axis=0).repeat(_COARSER, axis=1)]
    if not details.size:
        return _Textures(0.0, 0.0, 1.0, 0.0)
    low, middle, high = (float(value) for value in _quantiles(details, 0.02, 0.5, 0.98))
    bright_lines = (high - middle) / max(middle - low, 1e-6)
    layers = _between_rows(means, away)
    return _Textures(float(details.std()), float(coarse[away].std()), bright_lines, layers)


def _between_rows(means: NDArray[np.float32], away: Mask) -> float:
    """The share of the variance that is between rows."""
    count = away.sum(axis=1)
    each = (means * away).sum(axis=1)[count > 0] / count[count > 0]
    whole = float(means[away].var())
    between = float(np.average((each - means[away].mean()) ** 2, weights=count[count > 0]))
    return between / whole if whole > 0 else 0.0


def _bright_spots(coarse: NDArray[np.float32], away: Mask) -> Mask:
    """Find scars, laser burns or bare sclera, far brighter than everything around them."""
    middle = _median(coarse[away])
    deviation = 1.4826 * _median(np.abs(coarse[away] - middle))
    bright = away & (coarse - middle > _SPOT * deviation)
    return np.asarray(ndi.binary_dilation(bright, np.ones((3, 3), bool), iterations=2))


def _octave(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W): binomial smoothing once minus four times, of 0.7 and 1.4 px standard deviation."""
    narrow = _smooth(np.pad(levels, 4, mode="edge"))
    wide = _smooth(_smooth(_smooth(narrow)))
    return np.asarray(narrow[3:-3, 3:-3] - wide)


def _smooth(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H - 2, W - 2): each pixel with its neighbours, weighted 1-2-1 in both directions."""
    for _ in range(2):  # the sum of two neighbours, twice along each axis
        levels = levels[:-1] + levels[1:]
        levels = levels[:, :-1] + levels[:, 1:]
    levels *= np.float32(1 / 16)
    return levels


def _middle(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (slice(max(0, (side - _MIDDLE_PX) // 2), None) for side in plane.shape)
    return plane[rows, columns][:_MIDDLE_PX, :_MIDDLE_PX]


def _grid_ratio(levels: NDArray[np.uint8]) -> float:
    """Ratio of steps across a grid to others, the smaller of both directions; 1 without a grid."""
    ratios = []
    for lines in (levels.astype(np.int16), levels.T.astype(np.int16)):
        steps = np.abs(np.diff(lines, axis=1)).mean(axis=0)
        blocks = len(steps) // _BLOCK_PX
        if not blocks:
            return 1.0
        # The grid may begin anywhere: a photograph may have been cropped after compression.
        phases = steps[: blocks * _BLOCK_PX].reshape(blocks, _BLOCK_PX).mean(axis=0) + _STEP
        others = (phases.sum() - phases.max()) / (_BLOCK_PX - 1)
        ratios.append(float(phases.max() / others))
    return min(ratios)


def _largest_component(vessels: Mask) -> float:
    labels, components = ndi.label(vessels, structure=np.ones((3, 3), bool))
    if components == 0:
        return 0.0
    sizes = np.bincount(labels.ravel())[1:]
    return float(sizes.max() / sizes.sum())
