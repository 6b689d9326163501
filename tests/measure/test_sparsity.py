"""Distances from the nearest vessel, against scipy's distance transform."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage as ndi

from venule.image.arrays import Mask
from venule.measure import sparsity
from venule.measure.photograph import VesselMasks, measure_photograph
from venule.measure.view import View
from venule.vessels.tree import VesselTree

SHAPE = 60, 90


def _masks(seed: int) -> tuple[Mask, Mask, Mask]:
    """Arteries, veins and a field that does not reach the borders."""
    random = np.random.default_rng(seed)
    artery, vein = (ndi.binary_dilation(random.random(SHAPE) < 0.002) for _ in range(2))
    field = np.zeros(SHAPE, bool)
    field[7:52, 11:80] = True
    return artery, vein, field


def _view(mask: Mask, field: Mask) -> View:
    return View("vessel", mask & field, field, VesselTree(SHAPE, (), (), 0))


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_to_the_nearest_vessel_in_the_field(seed: int) -> None:
    artery, vein, field = _masks(seed)
    view = _view(artery | vein, field)
    away = np.maximum(ndi.distance_transform_edt(~view.mask)[field] - 0.5, 0)
    assert sparsity.mean_distance(view) == pytest.approx(away.mean(), rel=1e-12)
    assert sparsity.largest_distance(view) == pytest.approx(away.max(), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_arteries_and_veins_together_are_as_near_as_all_vessels(seed: int) -> None:
    artery, vein, field = _masks(seed)
    whole = _view(artery | vein, field)
    joined = replace(whole, parts=(_view(artery, field), _view(vein, field)), _found={})
    assert sparsity.mean_distance(joined) == pytest.approx(sparsity.mean_distance(whole), rel=1e-12)
    assert sparsity.largest_distance(joined) == sparsity.largest_distance(whole)


@pytest.mark.parametrize("more", [False, True], ids=["all typed", "one vessel of no type"])
def test_vessels_of_no_type_count_as_well(more: bool) -> None:
    artery, vein, field = _masks(0)
    vessels = artery | vein
    if more:
        vessels[20:40, 40] = True
    column = "vessel_sparsity_mean_px"
    typed = VesselMasks(vessels=vessels, artery=artery, vein=vein, fov=field)
    alone = VesselMasks(vessels=vessels, fov=field)
    expected = measure_photograph(alone).values[column]
    assert measure_photograph(typed).values[column] == pytest.approx(expected, rel=1e-12)


def test_a_part_without_vessels_leaves_the_other() -> None:
    artery, _, field = _masks(1)
    nothing = np.zeros(SHAPE, bool)
    whole = _view(artery, field)
    joined = replace(whole, parts=(_view(artery, field), _view(nothing, field)), _found={})
    assert sparsity.mean_distance(joined) == pytest.approx(sparsity.mean_distance(whole), rel=1e-12)
