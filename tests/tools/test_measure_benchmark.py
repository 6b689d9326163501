"""The statistics of `benchmarks/measure.py`, against published examples."""

from itertools import islice

import numpy as np
import pytest

from measuring.equivalents import by_expert, has_six
from measuring.registration import register
from measuring.statistics import agreement, icc_1_1
from phantoms.areas import spokes
from phantoms.shapes import draw_tubes, line
from venule.analysis.analyse import Analysis
from venule.analysis.measuring import measure_analysis
from venule.data.truth import GroundTruth
from venule.image.fov import outlined
from venule.image.landmarks import Landmarks
from venule.image.optic_disc import Disc
from venule.image.photograph import Photograph
from venule.inference.prediction import Prediction


def test_icc_1_1_is_that_of_shrout_and_fleiss() -> None:
    # Their table 2: six targets, four judges; ICC(1,1) = .17 in their table 4.
    ratings = ((9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7))
    found = icc_1_1([np.array(row, float) for row in ratings])
    assert found["icc"] == pytest.approx(0.17, abs=0.005)


def test_icc_2_1_of_two_judges_is_that_of_the_analysis_of_variance() -> None:
    # By hand: means of rows 1.5, 3.5, 5.5, of columns 3, 4: MSR 8, MSC 1.5, MSE 0.
    found = agreement(np.array(((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))))
    assert found["icc"] == pytest.approx(8 / (8 + 2 / 3 * 1.5), abs=1e-4)
    assert found["bias"] == 1
    assert found["limits"] == [1, 1]
    assert found["spearman"] == 1


def test_the_smallest_detectable_change_is_277_within_eye_deviations() -> None:
    found = icc_1_1([np.array((1.0, 3.0)), np.array((11.0, 13.0))])
    assert found["sdc"] == pytest.approx(1.96 * 2**0.5 * 2**0.5, rel=1e-4)
    assert found["cv"] == pytest.approx(2**0.5 / 7, rel=1e-4)


def test_two_views_of_one_tree_are_registered() -> None:
    curves = [line((120, 60), 10, 130), line((140, 120), -70, 80), line((100, 150), 60, 90)]
    first = draw_tubes((240, 300), curves, 5)
    moved = [curve + np.array((14, -22)) for curve in curves]
    second = draw_tubes((240, 300), moved, 5)
    found = register(first, second)
    assert found is not None
    assert found[:2] == pytest.approx((-14, 22), abs=2)
    assert found[2:] == pytest.approx((0, 0), abs=0.02)


def test_views_without_anything_in_common_are_not_registered() -> None:
    first = draw_tubes((240, 300), [line((120, 20), 0, 260)], 3)
    second = draw_tubes((240, 300), [line((20, 20 + 40 * n), 90, 200) for n in range(7)], 3)
    assert register(first, second) is None


def test_equivalents_of_an_experts_map_are_those_of_the_widths_that_it_shows() -> None:
    known = next(islice(spokes(), 4, None))  # 1500 px, six arteries and six veins
    drawing = known.draw()
    assert drawing.artery is not None
    assert drawing.vein is not None
    assert known.disc is not None
    row, column, radius = known.disc
    shape = drawing.artery.shape
    found = Analysis(
        photograph=Photograph(np.zeros((*shape, 3), np.uint8)),
        prediction=Prediction(outlined(np.ones(shape, bool)), {}),
        landmarks=Landmarks(Disc(column, row, radius, radius, 0, 1), None),
    )
    truth = GroundTruth(("artery", "vein"), np.stack([drawing.artery, drawing.vein]))
    values = measure_analysis(by_expert(found, truth)).values
    for name in ("artery_cre_knudtson_zone_b_px", "vein_cre_knudtson_zone_b_px"):
        assert values[name] == pytest.approx(known.truth[name], rel=0.01)
    assert values["avr_knudtson_zone_b"] == pytest.approx(
        known.truth["avr_knudtson_zone_b"], abs=0.005
    )
    assert has_six(values)
    assert not has_six({**values, "artery_cre_knudtson_zone_b_n": 5})
    assert not has_six({})
