import json

import numpy as np
import pytest
from skimage.measure import points_in_poly

from venule.image.arrays import Mask
from venule.image.outlines import encode_geojson, outlines


def _filled(polygons: list[list[list[list[int]]]], shape: tuple[int, int]) -> Mask:
    """The pixels whose centres lie in polygons, as skimage tells them."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centers = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    mask = np.zeros(shape[0] * shape[1], bool)
    for outer, *holes in polygons:
        inside = points_in_poly(centers, np.asarray(outer))  # type: ignore[no-untyped-call]
        for hole in holes:
            inside &= ~points_in_poly(centers, np.asarray(hole))  # type: ignore[no-untyped-call]
        mask |= inside
    return mask.reshape(shape)


def test_one_pixel_is_a_square() -> None:
    mask = np.zeros((3, 4), bool)
    mask[1, 2] = True
    assert [[set(ring) for ring in polygon] for polygon in outlines(mask)] == [
        [{(2, 1), (3, 1), (3, 2), (2, 2)}]
    ]


def test_a_ring_has_a_hole_and_what_is_in_the_hole_is_another_polygon() -> None:
    mask = np.ones((7, 7), bool)
    mask[1:6, 1:6] = False
    mask[3, 3] = True
    polygons = outlines(mask)
    assert sorted(len(polygon) for polygon in polygons) == [1, 2]


def test_pixels_that_touch_at_a_corner_are_two_polygons() -> None:
    assert len(outlines(np.eye(3, dtype=bool))) == 3


@pytest.mark.parametrize("seed", range(6))
def test_polygons_hold_exactly_the_pixels(seed: int) -> None:
    mask = np.random.default_rng(seed).random((14, 17)) > 0.45
    found = json.loads(encode_geojson({"Vessel": mask}))
    (feature,) = found["features"]
    assert np.array_equal(_filled(feature["geometry"]["coordinates"], mask.shape), mask)
    assert feature["properties"]["classification"]["name"] == "Vessel"
    for polygon in feature["geometry"]["coordinates"]:
        for ring in polygon:
            assert ring[0] == ring[-1]


def test_an_empty_mask_has_no_polygon() -> None:
    assert outlines(np.zeros((3, 3), bool)) == []
