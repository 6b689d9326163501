"""Dimensions and lacunarity of shapes whose values are known."""

import math

import numpy as np
import pytest

from phantoms.shapes import draw_tube, koch, line, place, sierpinski_carpet
from venule.measure.fractal import OCTAVES, dimensions, lacunarity
from venule.measure.view import View
from venule.vessels.tree import VesselTree


def _all(mask: np.ndarray) -> list[float]:
    field = np.ones(mask.shape, bool)
    found, doubled = dimensions(mask, field), dimensions(mask, field, number=OCTAVES)
    return [found.d0, found.d1, found.d2, doubled.d0]


def test_sierpinskis_carpet_has_its_dimension() -> None:
    assert _all(sierpinski_carpet(6)) == pytest.approx([math.log(8) / math.log(3)] * 4, abs=0.03)


def test_sierpinskis_triangle_has_its_dimension() -> None:
    rows, columns = np.mgrid[:1024, :1024]
    triangle = (rows & columns) == 0
    assert _all(triangle) == pytest.approx([math.log(3) / math.log(2)] * 4, abs=0.05)


@pytest.mark.parametrize("angle", [0, 17, 45])
def test_kochs_curve_has_its_dimension_at_any_angle(angle: float) -> None:
    curve = place(koch(760, 6), angle_deg=angle, center=(512, 512))
    found = _all(draw_tube((1024, 1024), curve, 1.5))
    assert found == pytest.approx([math.log(4) / math.log(3)] * 4, abs=0.03)


def test_a_filled_frame_has_dimension_2_and_a_line_1() -> None:
    assert _all(np.ones((300, 400), bool)) == pytest.approx([2.0] * 4, abs=1e-9)
    thin = draw_tube((1000, 1000), place(line((0, 0), 30, 800), center=(500, 500)), 1.5)
    assert _all(thin) == pytest.approx([1.0] * 4, abs=0.03)


def test_an_empty_mask_has_no_dimension() -> None:
    assert all(math.isnan(value) for value in _all(np.zeros((200, 200), bool)))


def _view(mask: np.ndarray) -> View:
    tree = VesselTree(mask.shape, (), (), 0)
    return View("vessel", mask, np.ones(mask.shape, bool), tree)


def test_a_uniform_field_has_lacunarity_1() -> None:
    assert lacunarity(_view(np.ones((256, 256), bool))) == pytest.approx(1)


def test_stripes_whose_period_every_box_spans_have_lacunarity_1() -> None:
    stripes = np.zeros((256, 256), bool)
    stripes[:, ::4] = True  # boxes are 4, 8 and 16 px wide
    assert lacunarity(_view(stripes)) == pytest.approx(1)


def test_lacunarity_of_one_band_is_that_of_its_box_masses() -> None:
    side, band = 256, 32
    mask = np.zeros((side, side), bool)
    mask[:, :band] = True
    expected = []
    for box in (4, 8, 16):
        masses = [min(max(band - first, 0), box) for first in range(side - box + 1)]
        expected.append(np.mean(np.square(masses)) / np.mean(masses) ** 2)
    assert lacunarity(_view(mask)) == pytest.approx(np.mean(expected))
