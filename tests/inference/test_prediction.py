"""A prediction's maps, masks and marked pixels say the same."""

import numpy as np
import pytest

from venule.image.fov import outlined
from venule.inference.prediction import Prediction, ProbabilityMap

FOV = outlined(np.ones((2, 4), bool))


def of(levels: list[list[int]], threshold: float, reconnected: list[int]) -> ProbabilityMap:
    return ProbabilityMap(np.array(levels, np.uint16), threshold, np.array(reconnected, np.intp))


ARTERY = of([[0, 40_000, 65_535, 10], [30_000, 0, 0, 0]], 0.5, [1])
VEIN = of([[0, 10, 50_000, 60_000], [0, 0, 20_000, 0]], 0.5, [3])


def test_a_map_is_its_levels() -> None:
    assert ARTERY.mask.tolist() == [[False, True, True, False], [False] * 4]
    assert ARTERY.reconnected.tolist() == [[False, True, False, False], [False] * 4]
    assert ARTERY.probability[0, 2] == 1
    assert ARTERY.probability[0, 1] == pytest.approx(40_000 / 65_535)


def test_a_pixel_at_the_threshold_belongs_to_the_class() -> None:
    at = of([[32_767, 32_768, 32_769]], 32_768 / 65_535, [])
    assert at.mask.tolist() == [[False, True, True]]


def test_the_map_of_one_class_is_its_own() -> None:
    prediction = Prediction(FOV, {"vessel": ARTERY})
    assert prediction.vessel_map is ARTERY
    np.testing.assert_array_equal(prediction.vessels, ARTERY.mask)
    np.testing.assert_array_equal(prediction.probability, ARTERY.probability)


def test_arteries_and_veins_are_vessels_together() -> None:
    prediction = Prediction(FOV, {"artery": ARTERY, "vein": VEIN})
    expected = [[0, 40_000, 65_535, 60_000], [30_000, 0, 20_000, 0]]
    assert prediction.vessel_map.levels.tolist() == expected
    np.testing.assert_array_equal(prediction.vessels, ARTERY.mask | VEIN.mask)
    np.testing.assert_array_equal(prediction.vessel_map.mask, prediction.vessels)
    assert prediction.vessel_map.reconnected_at.tolist() == [1, 3]
