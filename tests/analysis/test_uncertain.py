"""The regions to look at first: distinct, and the most doubtful first."""

import numpy as np

from venule.analysis.uncertain import uncertain_regions
from venule.image.levels import to_levels
from venule.inference.prediction import ProbabilityMap


def test_each_doubtful_spot_is_one_region_and_the_most_doubtful_comes_first() -> None:
    probability = np.zeros((240, 240), np.float32)
    probability[60:62, 60:62] = 0.4  # lies in four windows alike
    probability[180:184, 120:124] = 0.4
    found = ProbabilityMap(to_levels(probability), 0.5, np.empty(0, np.intp))
    regions = uncertain_regions(found, np.ones((240, 240), bool))
    assert len(regions) == 2
    first, second = regions
    assert first.doubt > second.doubt
    for region, row, column in ((first, 182, 122), (second, 61, 61)):
        assert region.y <= row < region.y + region.size
        assert region.x <= column < region.x + region.size
