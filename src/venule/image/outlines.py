"""Masks as polygons along the edges of pixels, and as GeoJSON, which QuPath reads."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.errors import ImageError
from venule.image.arrays import Mask

Ring = list[tuple[int, int]]
"""Corners (x, y), the first repeated at the end; pixel corners lie at integers."""


def outlines(mask: Mask) -> list[list[Ring]]:
    """The 4-connected components of a mask (H, W) as polygons: an outer ring, then holes.

    Outer rings run clockwise on screen (y downwards); a polygon has exactly its pixels' area.
    """
    labels, _ = ndi.label(mask)
    padded = np.pad(mask, 1)
    following: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    inside = padded[1:-1, 1:-1]
    # Each edge has its pixel on the right: rightwards along the top, down the right side, ...
    for missing, start, end in (
        (~padded[:-2, 1:-1], (0, 0), (1, 0)),
        (~padded[1:-1, 2:], (1, 0), (1, 1)),
        (~padded[2:, 1:-1], (1, 1), (0, 1)),
        (~padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        for y, x in np.argwhere(inside & missing).tolist():
            following[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    outer: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = defaultdict(list)
    while following:
        ring, label = _ring(following, labels)
        if _area(ring) > 0:
            outer[label] = ring
        else:
            holes[label].append(ring)
    return [[ring, *holes[label]] for label, ring in sorted(outer.items())]


def _ring(
    following: dict[tuple[int, int], list[tuple[int, int]]], labels: NDArray[np.int32]
) -> tuple[Ring, int]:
    """Remove one ring from the edges: its corners, and the label of the pixels along it."""
    start = next(iter(following))
    corner, ring = start, [start]
    towards = (0, 0)
    label = 0
    while True:
        ends = following[corner]
        # Where two pixels touch at a corner, turn right: each ring stays with one of them.
        if len(ends) > 1:
            right = (corner[0] - towards[1], corner[1] + towards[0])
            end = right if right in ends else ends[0]
        else:
            end = ends[0]
        ends.remove(end)
        if not ends:
            del following[corner]
        step = (end[0] - corner[0], end[1] - corner[1])
        if not label:
            label = _beside(corner, step, labels)
        if step == towards:
            ring[-1] = end
        else:
            ring.append(end)
        corner, towards = end, step
        if corner == start:
            return ring, label


def _beside(corner: tuple[int, int], step: tuple[int, int], labels: NDArray[np.int32]) -> int:
    """The label of the pixel on the right of an edge."""
    x, y = corner
    column = {(1, 0): x, (0, 1): x - 1, (-1, 0): x - 1, (0, -1): x}[step]
    row = {(1, 0): y, (0, 1): y, (-1, 0): y - 1, (0, -1): y - 1}[step]
    return int(labels[row, column])


def _area(ring: Ring) -> float:
    corners = np.asarray(ring, np.int64)
    x, y = corners.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


COLORS: Mapping[str, tuple[int, int, int]] = {
    "Vessel": (0, 229, 255),
    "Artery": (255, 0, 0),
    "Vein": (0, 0, 255),
    "Optic disc": (240, 228, 66),
}
"""Annotation classes with their colours in QuPath."""


def encode_geojson(masks: Mapping[str, Mask]) -> bytes:
    """Encode masks by class (see `COLORS`) as GeoJSON, one annotation each.

    For QuPath: File > Import objects.
    """
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": outlines(mask)},
            "properties": {
                "objectType": "annotation",
                "classification": {"name": name, "color": COLORS[name]},
            },
        }
        for name, mask in masks.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def decode_geojson(content: bytes, shape: tuple[int, int]) -> dict[str, Mask]:
    """Rasterise the polygons in GeoJSON to masks (H, W) by class: pixels whose centre is inside.

    Polygons without a class of `COLORS`, in upper or lower case, count as "Vessel".

    Raises:
        ImageError: not GeoJSON, or no polygon in it.
    """
    try:
        found: dict[str, Mask] = {}
        for name, rings in _polygons(json.loads(content)):
            mask = found.setdefault(name, np.zeros(shape, bool))
            fill_polygon(mask, rings)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise ImageError(f"not GeoJSON polygons ({type(error).__name__})") from None
    if not found:
        raise ImageError("no polygon in this GeoJSON")
    return found


def fill_polygon(mask: Mask, rings: Sequence[Sequence[Sequence[float]]]) -> None:
    """Set the pixels of a mask (H, W) whose centres lie in a polygon, by the even-odd rule."""
    crossings: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    height, width = mask.shape
    for ring in rings:
        corners = np.asarray([corner[:2] for corner in ring], np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or not np.isfinite(corners).all():
            raise ValueError("a ring must be a list of (x, y) pairs")
        for (x0, y0), (x1, y1) in pairwise(corners.clip(-(2.0**24), 2.0**24)):
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            rows = np.arange(max(ceil(y0 - 0.5), 0), min(ceil(y1 - 0.5), height))
            if rows.size:
                x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                crossings.append((rows, np.ceil(x - 0.5).clip(0, width).astype(np.intp)))
    if not crossings:
        return
    rows, columns = (np.concatenate(parts) for parts in zip(*crossings, strict=True))
    top, left, right = rows.min(), columns.min(), columns.max()
    turns = np.zeros((rows.max() + 1 - top, right + 1 - left), np.uint8)
    np.add.at(turns, (rows - top, columns - left), 1)
    inside = (np.cumsum(turns, axis=1, dtype=np.uint8) & 1).astype(bool)
    part = mask[top : rows.max() + 1, left : right + 1]
    part |= inside[:, : part.shape[1]]


def _polygons(told: Any) -> Iterator[tuple[str, list[Any]]]:
    """The class and the rings of every polygon."""
    features = told if isinstance(told, list) else told.get("features", [told])
    names = {name.casefold(): name for name in COLORS}
    for feature in features:
        properties = feature.get("properties") or {}
        named = (properties.get("classification") or {}).get("name")
        name = names.get(str(named).casefold(), "Vessel")
        geometry = feature.get("geometry") or feature
        kind, places = geometry.get("type"), geometry.get("coordinates")
        if kind == "Polygon":
            yield name, places
        elif kind == "MultiPolygon":
            for polygon in places:
                yield name, polygon
