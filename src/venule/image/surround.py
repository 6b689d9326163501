"""The surround of the retina: flat colours of a border, a frame, a page, removed in turn.

The colours at the frame's edge are those of the outermost layer; pixels of these colours connected
to the edge are removed. The remainder is treated in the same way, until its outline is that of a
field of view: a page holds a photograph, which holds a black border, which holds the retina.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask
from venule.image.ellipse import Ellipse, edge_points, fit_ellipse

Levels = NDArray[np.int16]
"""(H, W, 3) grey levels, smoothed."""

_LAYERS = 4
"""Most layers removed: a page, a frame, a border, and one more."""

_COLORS = 5
"""Most colours per layer; a page may have a bar above and a panel beside the photograph."""

_BIN = 8
"""Width, in grey levels, of the bins in which an edge's commonest colours are counted."""

_LEAST_SHARE = 0.02
"""Least share of an edge for a colour to belong to the surround."""

_LEAST_AREA = 0.02
"""Least share of the frame for a field of view."""

_DOUBTFUL_AREA, _DOUBTFUL_OVERLAP = 0.15, 0.93
"""Stricter limits where the surround might be retina, and the remainder the optic disc."""

_FLAT = 5
"""90th percentile, at most, of a flat surround's difference from its colour, in grey levels."""

_BEST, _GOOD = 0.98, 0.95
"""Overlap with its ellipse from which a region is accepted without trying other colours, or
without searching further in."""

_FAIR = 0.8
"""Least overlap of a region with its ellipse."""

_LEAST_SOLID, _LEAST_STEP = 0.1, 20
"""Least share of the frame, and least step in grey levels, for a remainder to be accepted."""

_LEAST_ARC = 0.2
"""Least share of the directions in which the edge of a field of view is visible."""

_DIRECTIONS = 72


@dataclass(frozen=True, eq=False)
class Region:
    """A connected region of the frame, and the ellipse that its edge lies on."""

    mask: Mask
    outline: Ellipse
    overlap: float


def find_regions(levels: Levels) -> tuple[list[Region], Mask | None]:
    """Find regions that look like fields of view, the largest first; else the remainder.

    The remainder is the frame without its dark and grey border, if that ends sharply: for a field
    of view of another shape.
    """
    best: list[Region] = []
    plainly: list[Mask] = []
    inside: Mask = np.ones(levels.shape[:2], bool)
    for _ in range(_LAYERS):
        peeled = None
        for mask, plain in _peel(levels, inside):
            if peeled is None:
                peeled = mask
                if plain:
                    plainly.append(mask)
            regions = [one for one in _regions(mask) if plain or _is_beyond_doubt(one)]
            if regions and (not best or regions[0].overlap > best[0].overlap + 0.01):
                best = regions
            if best and best[0].overlap >= _BEST:
                return best, None
        if peeled is None or (best and best[0].overlap >= _GOOD):
            break
        # Where two colours meet, pixels are a mixture.
        inside = _eroded(_largest(peeled), 2)
        if inside.mean() < 2 * _LEAST_AREA:
            break
    if best:
        return best, None
    solids = (filled(_largest(mask)) for mask in reversed(plainly))
    return [], next((solid for solid in solids if _ends_sharply(levels, solid)), None)


def _peel(levels: Levels, inside: Mask) -> Iterator[tuple[Mask, bool]]:
    """Remove the colours at its edge from `inside`, and tell whether all of them are plain.

    Yields one result per choice of colours, the likeliest first.
    """
    ring = inside & ~_eroded(inside, max(2, min(inside.shape) // 80))
    colors = _edge_colors(levels[ring])
    if not colors:
        return
    labelled = [difference(levels, color) <= 3 + 1.3 * spread for color, spread in colors]
    plain = [n for n, (color, spread) in enumerate(colors) if _is_plain(color, spread)]
    tried = []
    for chosen in (plain, list(range(len(colors))), plain[:1], [0]):
        if not chosen or chosen in tried:
            continue
        tried.append(chosen)
        near = np.logical_or.reduce([labelled[n] for n in chosen])
        left = _without_edge(inside, near)
        if left is not None:
            yield left, all(n in plain for n in chosen)


def _ends_sharply(levels: Levels, solid: Mask) -> bool:
    """Tell whether a region differs from its surroundings abruptly, not gradually."""
    edge = solid & ~_eroded(np.pad(solid, 1, mode="edge"), 1)[1:-1, 1:-1]
    if not edge.any() or solid.all() or solid.mean() < _LEAST_SOLID:
        return False
    contrast = np.abs(np.median(levels[solid], axis=0) - np.median(levels[~solid], axis=0)).max()
    highest = ndi.maximum_filter(levels, (5, 5, 1))[edge]
    step = (highest - ndi.minimum_filter(levels, (5, 5, 1))[edge]).max(axis=1)
    return bool(np.median(step) >= max(_LEAST_STEP, 0.5 * contrast))


def _edge_colors(pixels: NDArray[np.int16]) -> list[tuple[NDArray[np.int16], float]]:
    """The commonest colours of an edge's pixels, (K, 3), and the spread of each."""
    colors: list[tuple[NDArray[np.int16], float]] = []
    rest, least = pixels, max(4, round(_LEAST_SHARE * len(pixels)))
    while len(rest) >= least and len(colors) < _COLORS:
        bins = rest // _BIN
        code = (bins[:, 0].astype(np.int32) << 10) + (bins[:, 1].astype(np.int32) << 5) + bins[:, 2]
        commonest = np.bincount(code).argmax()
        around = np.median(rest[code == commonest], axis=0).astype(np.int16)
        off = np.abs(rest - around).max(axis=1)
        same = off <= _BIN
        if same.sum() < least:
            break
        color = np.median(rest[same], axis=0).astype(np.int16)
        spread = float(np.percentile(np.abs(rest[same] - color).max(axis=1), 90))
        colors.append((color, spread))
        rest = rest[off > _BIN + 2]
    return colors


def _is_beyond_doubt(region: Region) -> bool:
    return region.mask.mean() >= _DOUBTFUL_AREA and region.overlap >= _DOUBTFUL_OVERLAP


def _is_plain(color: NDArray[np.int16], spread: float) -> bool:
    """Tell whether a colour is dark, or grey and flat, as borders are and few retinas are."""
    red, green, blue = (int(value) for value in color)
    grey = max(red, green, blue) - min(red, green, blue) <= 24
    return max(red, green, blue) <= 60 or (grey and spread <= _FLAT)


def difference(levels: NDArray[np.int16], color: NDArray[np.int16]) -> NDArray[np.int16]:
    """The largest difference over channels between (..., 3) levels and a colour."""
    largest = np.abs(levels[..., 0] - color[0])
    for channel in (1, 2):
        np.maximum(largest, np.abs(levels[..., channel] - color[channel]), out=largest)
    return np.asarray(largest)


def _without_edge(inside: Mask, near: Mask) -> Mask | None:
    """`inside` without the pixels `near` a colour and connected to its edge; None if unusable."""
    open_ = near | ~inside
    padded = np.pad(open_, 1, constant_values=True)
    labels, _ = ndi.label(padded)
    left = (labels != labels[0, 0])[1:-1, 1:-1]
    left &= inside
    share = left.mean()
    if share < _LEAST_AREA or left.sum() > 0.995 * inside.sum():
        return None
    return np.asarray(left)


def _eroded(mask: Mask, by: int) -> Mask:
    """`mask` eroded by `by` pixels along rows and columns."""
    padded = np.pad(mask, by)
    rows, columns = padded[:, by:-by], padded[by:-by]
    beside = rows[: -2 * by] & rows[2 * by :] & columns[:, : -2 * by] & columns[:, 2 * by :]
    return np.asarray(mask & beside)


def _largest(mask: Mask) -> Mask:
    labels, count = ndi.label(mask)
    if count <= 1:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _regions(mask: Mask) -> list[Region]:
    """The connected regions whose edge lies on an ellipse, holes filled, largest first."""
    # Opening detaches text and thin frames that touch a region.
    opened = _opened(mask)
    labels, count = ndi.label(opened)
    if not count:
        return []
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    found: list[Region] = []
    largest = int(sizes.max())
    boxes = ndi.find_objects(labels)
    for number in np.argsort(-sizes)[:4]:
        if sizes[number] < max(_LEAST_AREA * mask.size, 0.3 * largest):
            break
        box = boxes[number - 1]
        region = _region(labels[box] == number, box, mask.shape)
        if region is not None:
            found.append(region)
    return found


def _region(part: Mask, box: tuple[slice, slice], shape: tuple[int, ...]) -> Region | None:
    whole = np.zeros(shape, bool)
    whole[box] = filled(part)
    points = edge_points(whole)
    outline = fit_ellipse(points[:: max(1, len(points) // 160)], least_share=0.4)
    if outline is None:
        return None
    height, width = shape
    ellipse = outline.fill((height, width))
    ellipse[: box[0].start] = ellipse[box[0].stop :] = False
    ellipse[:, : box[1].start] = ellipse[:, box[1].stop :] = False
    overlap = float((whole & ellipse).sum() / (whole | ellipse).sum())
    if overlap < _FAIR or _arc(outline, points) < _LEAST_ARC:
        return None
    return Region(whole, outline, overlap)


def filled(mask: Mask) -> Mask:
    """`mask` without holes."""
    labels, _ = ndi.label(np.pad(~mask, 1, constant_values=True))
    return np.asarray(labels != labels[0, 0])[1:-1, 1:-1]


def _arc(outline: Ellipse, points: NDArray[np.float64]) -> float:
    """The share of directions in which an edge point lies on the ellipse."""
    near = np.abs(outline.residuals(points)) <= max(1.5, 0.01 * outline.diameter_px)
    angle = np.arctan2(points[near, 0] - outline.row, points[near, 1] - outline.column)
    seen = np.unique(((angle + np.pi) / (2 * np.pi) * _DIRECTIONS).astype(int) % _DIRECTIONS)
    return len(seen) / _DIRECTIONS


def _opened(mask: Mask) -> Mask:
    """`mask` opened: without structures a few pixels thin."""
    by = max(1, min(mask.shape) // 100)
    eroded = _eroded(np.pad(mask, by, constant_values=True), by)[by:-by, by:-by]
    padded = np.pad(eroded, by)
    rows = padded[: -2 * by] | padded[by:-by] | padded[2 * by :]
    return np.asarray((rows[:, : -2 * by] | rows[:, by:-by] | rows[:, 2 * by :]) & mask)
