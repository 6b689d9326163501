import math

import numpy as np
import pytest

from venule.analysis.analyse import Analysis
from venule.analysis.vessel_colors import trace, vessel_colors
from venule.image.arrays import Mask
from venule.image.fov import FieldOfView, fit_outline
from venule.image.photograph import Photograph
from venule.inference.prediction import Prediction, ProbabilityMap


def _analysis(vessels: Mask, um_per_px: float | None = None) -> Analysis:
    fov = np.ones(vessels.shape, bool)
    levels = np.where(vessels, 65535, 0).astype(np.uint16)
    found = ProbabilityMap(levels, 0.5, np.empty(0, np.intp))
    photograph = Photograph(np.zeros((*vessels.shape, 3), np.uint8), um_per_px=um_per_px)
    prediction = Prediction(FieldOfView(fov, fit_outline(fov)), {"vessel": found})
    return Analysis(photograph=photograph, prediction=prediction, model="m")


def _bands() -> Mask:
    """A vessel 5 px wide, and one 15 px wide."""
    vessels = np.zeros((160, 200), bool)
    vessels[30:35, 20:180] = True
    vessels[100:115, 20:180] = True
    return vessels


def test_the_narrow_vessel_is_at_the_low_end_and_the_wide_one_at_the_high_end() -> None:
    analysis = _analysis(_bands())
    found = vessel_colors(analysis, trace(analysis), "caliber")
    assert found.unit == "px"
    assert found.low == pytest.approx(5, abs=0.3)
    assert found.high == pytest.approx(15, abs=0.3)
    assert (found.places[32, 40:160] < 20).all()
    assert (found.places[107, 40:160] > 235).all()
    assert (found.places[30:35, 40:160] > 0).all()  # the whole width of it
    assert not found.places[~_bands()].any()


def test_with_a_scale_calibre_is_in_micrometres() -> None:
    analysis = _analysis(_bands(), um_per_px=10.0)
    found = vessel_colors(analysis, trace(analysis), "caliber")
    assert (found.unit, round(found.high, -1)) == ("µm", 150)


def test_a_bent_vessel_is_more_tortuous_than_a_straight_one() -> None:
    vessels = np.zeros((240, 240), bool)
    vessels[200:205, 20:220] = True
    rows, columns = np.indices(vessels.shape)
    ring = np.abs(np.hypot(rows - 130, columns - 120) - 80) <= 2.5
    vessels |= ring & (rows < 130)  # half a circle: pi / 2
    analysis = _analysis(vessels)
    found = vessel_colors(analysis, trace(analysis), "tortuosity")
    assert found.unit == ""
    assert found.low == pytest.approx(1, abs=0.01)
    assert found.high == pytest.approx(math.pi / 2, abs=0.05)
    assert found.places[202, 100] == 1
    assert found.places[50, 120] == 255


def test_without_vessels_there_is_nothing_to_colour() -> None:
    analysis = _analysis(np.zeros((80, 80), bool))
    found = vessel_colors(analysis, trace(analysis), "caliber")
    assert math.isnan(found.low)
    assert not found.places.any()
