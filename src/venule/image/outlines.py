"""Masks as polygons along the edges of pixels, and as GeoJSON, which QuPath reads."""

import json
from collections import defaultdict

import numpy as np
import scipy.ndimage as ndi
from numpy.typing import NDArray

from venule.image.arrays import Mask

Ring = list[tuple[int, int]]
"""Corners (x, y), the first one again at the end; corners of pixels lie at whole numbers."""


def outlines(mask: Mask) -> list[list[Ring]]:
    """The 4-connected components of a mask (H, W) as polygons: an outer ring, then holes.

    Outer rings run clockwise as seen (y downwards); a polygon holds exactly its pixels' area.
    """
    labels, _ = ndi.label(mask)
    padded = np.pad(mask, 1)
    following: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    inside = padded[1:-1, 1:-1]
    # An edge has its pixel on the right: along the top to the right, down the right side, ...
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
    """Take one ring out of the edges: its corners, and the label of the pixels along it."""
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


def encode_geojson(mask: Mask, name: str = "Vessel") -> bytes:
    """Encode a mask as GeoJSON: one annotation of a class, for QuPath's File > Import objects."""
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": outlines(mask)},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": name, "color": [0, 229, 255]},
        },
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
