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


def test_a_vessel_of_the_class_with_the_lower_threshold_is_one_in_the_common_map_too() -> None:
    artery = of([[20_000, 30_000, 0, 40_000]], 20_000 / 65_535, [])
    vein = of([[39_999, 0, 39_999, 50_000]], 40_000 / 65_535, [])
    prediction = Prediction(FOV, {"artery": artery, "vein": vein})
    # An artery of level 20,000 is a vessel; no vein is, below 40,000.
    assert prediction.vessels.tolist() == [[True, True, False, True]]
    assert prediction.vessel_map.levels.tolist() == [[40_000, 40_000, 39_999, 50_000]]
    assert prediction.vessel_map.threshold == 40_000 / 65_535
    np.testing.assert_array_equal(prediction.vessel_map.mask, prediction.vessels)


@pytest.mark.parametrize("seed", range(20))
def test_the_common_map_has_the_union_of_masks_whatever_the_thresholds(seed: int) -> None:
    random = np.random.default_rng(seed)
    maps = {
        name: ProbabilityMap(
            random.integers(0, 65_535, (40, 50), np.uint16, endpoint=True),
            float(random.uniform(0, 1)),
            np.zeros(0, np.intp),
        )
        for name in ("artery", "vein", "third")
    }
    prediction = Prediction(outlined(np.ones((40, 50), bool)), maps)
    union = np.zeros((40, 50), bool)
    for one in maps.values():
        union |= one.levels / 65_535 >= one.threshold
    np.testing.assert_array_equal(prediction.vessels, union)
    np.testing.assert_array_equal(prediction.vessel_map.mask, union)


def test_a_pixel_is_reconnected_if_every_class_that_has_it_says_so() -> None:
    artery = of([[65_535, 65_535, 65_535, 0]], 0.5, [0, 1])
    vein = of([[65_535, 65_535, 0, 65_535]], 0.5, [0, 3])
    prediction = Prediction(FOV, {"artery": artery, "vein": vein})
    # 0: both mark it; 1: a measured vein, too; 2: nobody marks it; 3: no artery, and a marked vein.
    assert prediction.vessel_map.reconnected_at.tolist() == [0, 3]


def test_types_are_bits_of_arteries_and_veins_and_none_unless_both_are_known() -> None:
    both = Prediction(FOV, {"artery": ARTERY, "vein": VEIN})
    assert both.has_types
    assert both.types is not None
    assert both.types.tolist() == [[0, 1, 3, 2], [0, 0, 0, 0]]
    one = Prediction(FOV, {"artery": ARTERY})
    assert not one.has_types
    assert one.types is None
