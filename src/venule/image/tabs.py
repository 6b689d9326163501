"""Orientation tabs: where the camera's aperture shows a little retina beyond the circle of the rim.

Most fundus cameras mark the upper right of a photograph in this way. Vessels continue into the tab,
and the masks of DRIVE and HRF include it.
"""

from collections.abc import Iterator

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import RGB, Mask
from venule.image.ellipse import Ellipse
from venule.image.rim import sampled

_DIRECTIONS = 720

_BESIDE = (-0.04, -0.015)
"""Depths beyond the rim, as shares of the diameter, of the retina beside a tab."""

_BASE = (0.009, 0.016)
"""Depths that every tab reaches, and the glow of the rim does not."""

_BEYOND = (0.048, 0.06)
"""Depths that no tab reaches."""

_NARROWEST, _WIDEST = 0.01, 0.12
"""Extent of a tab along the rim at those depths, as a share of the diameter."""

_LEAST_LEVEL = 6
"""Least brightness of a tab above the surround, in grey levels."""

_DIMMEST, _BRIGHTEST = 0.25, 1.75
"""That brightness as a share of that of the retina beside it (0.45 to 1.67 in six data sets)."""

_SAME_HUE = 0.97
"""Least cosine between both colours (0.976 where nothing is overexposed); writing is grey."""

_SEAM_PX = 2
"""Overlap of a tab with the field of view, so that no gap is left at another scale."""


def find_tabs(pixels: RGB, rim: Ellipse) -> Mask | None:
    """Find the orientation tabs of a field of view: (H, W) bool; None if there are none.

    Args:
        pixels: (H, W, 3) uint8.
        rim: the exact outline of the field of view.
    """
    beyond = _along(pixels, rim, _BEYOND)
    if np.isnan(beyond).all():
        return None
    surround = np.where(np.isnan(beyond), np.nanmedian(beyond, axis=0), beyond)
    base, beside = (_along(pixels, rim, depths) - surround for depths in (_BASE, _BESIDE))
    level, retina = (np.nan_to_num(colors).max(axis=1) for colors in (base, beside))
    stands_out = level >= np.maximum(_LEAST_LEVEL, _DIMMEST * retina)
    found = None
    for run in _runs(stands_out):
        about = run[0] + np.arange(-2 * len(run), 3 * len(run))  # writing may cross the rim
        near = beside[about % _DIRECTIONS]
        near = near[~np.isnan(near).any(axis=1)]
        at = run % _DIRECTIONS
        if not len(near) or not _is_retina(base[at].mean(axis=0), np.median(near, axis=0)):
            continue
        color, least = np.median(surround[at], axis=0), float(np.median(level[at])) / 2
        one = _exactly(pixels, rim, run, surround=color, least=least)
        found = one if found is None else found | one
    return found


def _runs(stands_out: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
    """Consecutive directions that stand out, as many as a tab may have; they may pass the last."""
    labels, count = ndi.label(np.tile(stands_out, 2))  # twice around, so that none is cut in two
    for (part,) in ndi.find_objects(labels, count):
        run = np.arange(part.start, part.stop)
        extent = np.sin(np.pi * min(0.5, len(run) / _DIRECTIONS))
        if 0 < run[0] <= _DIRECTIONS and _NARROWEST <= extent <= _WIDEST:
            yield run


def _along(pixels: RGB, rim: Ellipse, depths: tuple[float, float]) -> NDArray[np.float64]:
    """(directions, 3) mean levels of a band along the rim; NaN outside the frame."""
    shares = 1 + 2 * np.arange(*depths, 1 / rim.diameter_px)
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    levels, inside = sampled(pixels, rim, angles, shares)
    seen = inside.all(axis=1)
    means = np.full((_DIRECTIONS, 3), np.nan)
    means[seen] = levels[seen].mean(axis=1, dtype=np.float64)
    return means


def _is_retina(tab: NDArray[np.float64], beside: NDArray[np.float64]) -> bool:
    """Tell whether a tab's colour is that of the retina beside it, both above the surround."""
    lengths = float(np.linalg.norm(tab) * np.linalg.norm(beside))
    alike = float(tab @ beside) >= _SAME_HUE * lengths
    return alike and float(tab.max()) <= _BRIGHTEST * float(beside.max())


def _exactly(
    pixels: RGB,
    rim: Ellipse,
    run: NDArray[np.intp],
    *,
    surround: NDArray[np.float64],
    least: float,
) -> Mask:
    """Locate one tab, `least` above the surround: (H, W) bool, with the retina that it touches."""
    margin, far = len(run) / 2, 1 + 2 * _BEYOND[0]
    angles = np.linspace(run[0] - margin, run[-1] + margin, 9) * (2 * np.pi / _DIRECTIONS)
    rows, columns = rim.at(angles, np.array([1, far]))
    height, width = pixels.shape[:2]
    top, left = max(0, int(rows.min()) - 1), max(0, int(columns.min()) - 1)
    box = np.s_[top : min(height, int(rows.max()) + 2), left : min(width, int(columns.max()) + 2)]
    inside = rim.fill((height, width))[box]
    within = rim.grown(far).fill((height, width))[box]
    bright = (pixels[box] - surround).max(axis=2) >= least
    labels, _ = ndi.label((bright & within) | inside)
    found = np.zeros((height, width), bool)
    if inside.any():
        whole = ndi.binary_fill_holes(labels == labels[inside][0])
        found[box] = whole & ndi.binary_dilation(whole & ~inside, iterations=_SEAM_PX)
    return found
