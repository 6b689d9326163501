"""The exact rim of the retina, along the normals of a rough outline."""

import numpy as np
from numpy.typing import NDArray

from venule.image.arrays import RGB
from venule.image.ellipse import Ellipse, fit_ellipse

_NORMALS = 180

_INWARD, _OUTWARD = 0.22, 0.08
"""Shares of the radius searched on either side of the rough outline."""

_WINDOW = 0.012
"""Half width, in radii, of the window over which the rim's step is measured."""

_NEARBY = 0.035
"""Distance, in radii, from the mean rim within which each normal's rim is searched."""

_FURTHER_IN = 1.5
"""Factor by which a rim well inside the rough outline must be steeper."""

_ALSO_STEEP, _DARK, _FLAT = 0.4, 70, 7
"""A round border has two steps of at least this ratio; between them it is dark and flat."""

_LEAST_CONTRAST = 2.5
"""Least difference between retina and surround in grey levels, at the median normal."""

_SHARP = 0.2
"""Share of that contrast that must fall within the window; a vignette is not a rim."""


def locate_rim(pixels: RGB, rough: Ellipse) -> Ellipse | None:
    """Find the outline with the steepest edge near `rough`; None if there is no edge.

    Args:
        pixels: (H, W, 3) uint8.
        rough: an outline at most a few per cent too large or too small.
    """
    radius = rough.diameter_px / 2
    step = max(1.0, radius / 220) / radius
    count = round((_INWARD + _OUTWARD) / step) + 1
    shares = np.linspace(1 - _INWARD, 1 + _OUTWARD, count)
    step = float(shares[1] - shares[0])
    angles = np.linspace(0, 2 * np.pi, _NORMALS, endpoint=False)
    profile, seen = _profiles(pixels, rough, angles, shares)
    wide = max(1, round(_WINDOW / step))
    steep = np.zeros(profile.shape[:2], np.float32)
    steep[:, wide:-wide] = np.abs(profile[:, 2 * wide :] - profile[:, : -2 * wide]).max(axis=2)
    both = np.zeros_like(seen)
    both[:, wide:-wide] = seen[:, 2 * wide :] & seen[:, : -2 * wide]
    steep[~both] = 0
    counted = both.sum(axis=0)
    mean = np.minimum(steep, 40).sum(axis=0) / np.maximum(counted, 1)
    mean[counted < 0.1 * _NORMALS] = 0
    at = _peak(mean, shares)
    if at is not None:
        at = _inside_of_a_border(mean, profile, seen, at=at, wide=wide)
    if at is None or not _is_edge(profile, seen, steep, at=at, shares=shares):
        return None
    end = _next_step(mean, at)
    position, normal = _crossings(both, steep, at=at, end=end, shares=shares, wide=wide)
    rows = rough.row + position * (rough.height_px / 2) * np.sin(angles[normal])
    columns = rough.column + position * (rough.width_px / 2) * np.cos(angles[normal])
    found = fit_ellipse(np.stack([rows, columns], axis=1), least_share=0.4)
    if found is None or not 0.7 < found.diameter_px / rough.diameter_px < 1.15:
        return rough.grown(float(shares[at]))
    return found


def sampled(
    pixels: RGB, outline: Ellipse, angles: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Levels at shares of an outline's radius: (directions, shares, 3), and which are seen.

    Points beyond the frame have the levels of its nearest pixel.
    """
    height, width = pixels.shape[:2]
    rows, columns = outline.at(angles, shares)
    row, column = np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)
    seen = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    levels = pixels[row.clip(0, height - 1), column.clip(0, width - 1)].astype(np.float32)
    return levels, seen


def _profiles(
    pixels: RGB, rough: Ellipse, angles: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(normals, positions, 3) levels along the normals, smoothed across them; which are seen."""
    levels, seen = sampled(pixels, rough, angles, shares)
    smooth = levels + np.roll(levels, 1, axis=0) + np.roll(levels, -1, axis=0)
    return smooth / np.float32(3), seen


def _peak(mean: NDArray[np.float32], shares: NDArray[np.float64]) -> int | None:
    """The steepest position near the rough outline, or further in if much steeper there."""
    near = np.abs(shares - 1) <= 2 * _NEARBY
    at = int(np.argmax(np.where(near, mean, 0)))
    inner = int(mean.argmax())
    if mean[inner] > _FURTHER_IN * mean[at]:
        at = inner
    return at if mean[at] > 0 else None


def _inside_of_a_border(
    mean: NDArray[np.float32],
    profile: NDArray[np.float32],
    seen: NDArray[np.bool_],
    *,
    at: int,
    wide: int,
) -> int:
    """The rim itself, if `at` is the outer edge of a round black border around the retina."""
    steps = [
        inner
        for inner in range(wide, at - wide)
        if mean[inner] >= max(_ALSO_STEEP * mean[at], mean[inner - wide : inner + wide + 1].max())
    ]
    for inner in reversed(steps):
        between = inner + int(mean[inner:at].argmin())
        levels = profile[seen[:, between], between]
        if not len(levels):
            continue
        off = np.abs(levels - np.median(levels, axis=0)).max(axis=1)
        if levels.max(axis=1).mean() <= _DARK and np.percentile(off, 80) <= _FLAT:
            return inner
    return at


def _is_edge(
    profile: NDArray[np.float32],
    seen: NDArray[np.bool_],
    steep: NDArray[np.float32],
    *,
    at: int,
    shares: NDArray[np.float64],
) -> bool:
    """Tell whether retina and surround differ, and over a short distance."""
    step = shares[1] - shares[0]
    near, far = max(1, round(0.02 / step)), max(2, round(0.07 / step))
    inside = profile[:, max(0, at - far) : max(1, at - near)].mean(axis=1)
    first, last = min(len(shares) - 1, at + near), min(len(shares), at + far)
    outside = profile[:, first : max(last, first + 1)].mean(axis=1)
    valid = seen[:, first] & seen[:, max(0, at - near)]
    if valid.sum() < 0.1 * _NORMALS:
        return False
    contrast = np.abs(inside - outside).max(axis=1)[valid]
    window = slice(max(0, at - round(_NEARBY / step)), at + round(_NEARBY / step) + 1)
    sharpest = steep[:, window].max(axis=1)[valid]
    level = float(np.median(contrast))
    return level >= _LEAST_CONTRAST and float(np.median(sharpest)) >= _SHARP * level


def _next_step(mean: NDArray[np.float32], at: int) -> int:
    """The position between the rim and another step further out; the last if there is none."""
    lower = np.flatnonzero(mean[at:] < 0.75 * mean[at])
    if not len(lower):
        return len(mean) - 1
    dip = at + int(lower[0])
    higher = np.flatnonzero(mean[dip:] >= 0.75 * mean[at])
    return dip + int(mean[dip : dip + higher[0]].argmin()) if len(higher) else len(mean) - 1


def _crossings(
    both: NDArray[np.bool_],
    steep: NDArray[np.float32],
    *,
    at: int,
    end: int,
    shares: NDArray[np.float64],
    wide: int,
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Positions, in radii, at half of each normal's step, and the normals' indices."""
    step = shares[1] - shares[0]
    reach = max(2, round(_NEARBY / step))
    low, high = max(wide, at - reach), min(len(shares) - wide, at + reach + 1, end + 1)
    part = steep[:, low:high]
    best = part.argmax(axis=1)
    rows = np.arange(len(part))
    strongest = part[rows, best]
    good = (strongest >= max(2.0, 0.25 * float(np.median(strongest)))) & both[rows, low + best]
    normal = np.flatnonzero(good)
    # The centroid of the steepness is half way up the step, whatever its width.
    offset = np.arange(part.shape[1])[None]
    close = np.abs(offset - best[:, None]) <= max(2, 2 * wide)
    weight = np.where(close, np.maximum(part - 0.3 * strongest[:, None], 0), 0)
    middle = (weight * offset).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6)
    position = shares[0] + (low + middle) * step
    return np.asarray(position[normal], np.float64), normal
