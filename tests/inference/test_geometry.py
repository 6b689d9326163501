"""The mask lies on the photograph pixel for pixel, whatever the photograph's size and frame."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from venule.image.arrays import FloatMap
from venule.image.fov import with_rim
from venule.image.illumination import Illumination
from venule.image.preprocess import FovScaled, Preprocessing, Square
from venule.image.tiles import Tiling
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord

SIZES = [(200, 200), (201, 333), (417, 233), (480, 640), (1203, 801)]
"""Rows and columns: the least that is accepted, landscape, portrait, odd and even."""

FRAMES = ("border", "clipped", "none", "bar")

PLACES = ((0.35, 0.4), (0.6, 0.55), (0.5, 0.68))
"""Positions of the dark squares, as shares of height and width."""

WORKING = {
    "native": Preprocessing(),
    "by field of view": Preprocessing(
        scaling=FovScaled(diameter_px=300), illumination=Illumination()
    ),
    "square": Preprocessing(scaling=Square(side_px=256)),
}


def dark_is_vessel(pixels: FloatMap) -> FloatMap:
    """Logits of a network of one weight: high where green is a deviation below its mean."""
    return -8 * pixels[:, 1:2] - 8


def photograph(
    size: tuple[int, int], frame: str
) -> tuple[NDArray[np.uint8], list[tuple[slice, slice]]]:
    """An even retina with dark squares in a black frame of some kind, and where the squares lie."""
    height, width = size
    rows, columns = np.ogrid[:height, :width]
    radius = {"border": 0.48, "clipped": 0.6, "bar": 0.45}.get(frame, 9) * min(size)
    middle = (width - 1) / 2 + (0.04 * width if frame == "bar" else 0)
    retina = np.hypot(rows - (height - 1) / 2, columns - middle) < radius
    image = np.where(retina[..., None], (190, 100, 50), (0, 0, 0)).astype(np.uint8)
    side = max(12, min(size) // 20)
    squares = []
    for row, column in PLACES:
        center = round((column - 0.5) * min(size) + width / 2)  # inside every frame
        top, left = round(row * height) - side // 2, center - side // 2
        squares.append(np.s_[top : top + side, left : left + side])
        image[squares[-1]] = (120, 40, 20)
    return image, squares


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("working", WORKING)
def test_what_is_found_lies_where_it_is_in_the_photograph(
    size: tuple[int, int], frame: str, working: str
) -> None:
    image, squares = photograph(size, frame)
    record = ModelRecord(
        name="fake",
        model="none",
        preprocessing=WORKING[working],
        tiling=Tiling(tile_px=160, overlap_px=32),
    )
    prediction = Segmenter(record, dark_is_vessel).segment(image)
    assert prediction.probability.shape == prediction.vessels.shape == size
    assert not prediction.probability[~with_rim(prediction.fov.mask)].any()
    stretch = 1 if working == "native" else max(1, max(size) / 256)  # of a pixel of the network's
    margin = math.ceil(3 * stretch)
    for rows, columns in squares:
        assert prediction.vessels[rows, columns].all()
        # Twice the margin around a square: its blurred edges may be found, nothing beyond them.
        top, left = rows.start - 2 * margin, columns.start - 2 * margin
        around = np.s_[top : rows.stop + 2 * margin, left : columns.stop + 2 * margin]
        found = np.argwhere(prediction.vessels[around]) + np.array([top, left])
        low, high = found.min(axis=0), found.max(axis=0) + 1
        assert (low >= (rows.start - margin, columns.start - margin)).all()
        assert (high <= (rows.stop + margin, columns.stop + margin)).all()
        # Blurred alike on all sides, it is where it was: half a pixel of the network's at most.
        center = found.mean(axis=0) + 0.5
        expected = ((rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2)
        assert np.abs(center - expected).max() <= (0 if working == "native" else stretch / 2)
