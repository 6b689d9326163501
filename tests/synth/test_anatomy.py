"""Eyes are placed as published measurements say."""

import math

import numpy as np
import pytest

from venule.synth.anatomy import View, place_eye


@pytest.mark.parametrize("seed", range(10))
def test_the_fovea_lies_two_and_a_half_disc_diameters_from_the_disc(seed: int) -> None:
    eye = place_eye(np.random.default_rng(seed))
    distance = math.hypot(eye.disc[0] - eye.fovea[0], eye.disc[1] - eye.fovea[1])
    assert distance / (2 * eye.disc_radius) == pytest.approx(2.5, abs=0.3)


@pytest.mark.parametrize("seed", range(10))
def test_the_disc_is_as_wide_as_quigley_measured(seed: int) -> None:
    """1.77 mm on average (Quigley et al. 1990)."""
    eye = place_eye(np.random.default_rng(seed), fov_deg=30)
    assert 1.5 <= 2 * eye.disc_radius * eye.radius_mm <= 2.0


def test_a_wider_camera_sees_more_millimetres() -> None:
    """45 degrees are about 13 mm of the retina."""
    narrow, wide = (place_eye(np.random.default_rng(0), fov_deg=angle) for angle in (30, 45))
    assert 2 * wide.radius_mm == pytest.approx(13.0, abs=0.3)
    assert wide.radius_mm == pytest.approx(1.5 * narrow.radius_mm)
    assert wide.disc_radius == pytest.approx(narrow.disc_radius / 1.5)


@pytest.mark.parametrize("view", ["macula", "disc"])
@pytest.mark.parametrize("seed", range(5))
def test_the_named_place_lies_in_the_middle(seed: int, view: View) -> None:
    eye = place_eye(np.random.default_rng(seed), view=view)
    assert math.hypot(*(eye.disc if view == "disc" else eye.fovea)) < 0.3


def test_left_and_right_eyes_occur() -> None:
    sides = {place_eye(np.random.default_rng(s)).disc[1] > 0 for s in range(20)}
    assert sides == {True, False}
