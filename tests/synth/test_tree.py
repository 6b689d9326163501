"""The geometry of the drawn trees follows the laws that it claims."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.synth.tree import Anatomy, grow_vessels, murray_angles, murray_radii, place_eye


@settings(deadline=None)
@given(st.floats(0.001, 1), st.floats(0.1, 1))
def test_the_cubes_of_two_branches_add_up_to_their_parents(radius: float, ratio: float) -> None:
    first, second = murray_radii(radius, ratio)
    assert first**3 + second**3 == pytest.approx(radius**3)
    assert second == pytest.approx(ratio * first)


def test_equal_branches_part_at_75_degrees() -> None:
    """Murray 1926: symmetric branching gives 74.9 degrees between the branches."""
    first, second = murray_angles(1.0, *murray_radii(1.0, 1.0))
    assert math.degrees(first + second) == pytest.approx(74.9, abs=0.1)


@settings(deadline=None)
@given(st.floats(0.2, 0.99))
def test_the_thinner_branch_turns_more(ratio: float) -> None:
    first, second = murray_angles(1.0, *murray_radii(1.0, ratio))
    assert second > first >= 0


@pytest.mark.parametrize("seed", range(10))
def test_vessels_keep_off_the_fovea_and_thin_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye, anatomy = place_eye(rng), Anatomy()
    vessels = grow_vessels(rng, eye, anatomy=anatomy)
    assert {vessel.kind for vessel in vessels} == {"artery", "vein"}
    for vessel in vessels:
        assert len(vessel.points) == len(vessel.radii) >= 2
        assert (np.diff(vessel.radii) <= 0).all()
        off_mm = np.hypot(*(vessel.points - eye.fovea).T) * eye.radius_mm
        assert off_mm.min() >= anatomy.free_zone_mm
        assert np.hypot(*vessel.points.T).max() <= 1.12 * 1.12


@pytest.mark.parametrize("seed", range(10))
def test_every_branch_starts_on_another_vessel_or_on_the_disc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    eye = place_eye(rng)
    vessels = grow_vessels(rng, eye)
    ends = {(v.kind, *v.points[-1]) for v in vessels}
    for vessel in vessels:
        row, column = vessel.points[0]
        on_disc = math.hypot(row - eye.disc[0], column - eye.disc[1]) <= eye.disc_radius
        assert on_disc or (vessel.kind, row, column) in ends


@pytest.mark.parametrize("seed", range(10))
def test_the_fovea_lies_two_and_a_half_disc_diameters_from_the_disc(seed: int) -> None:
    eye = place_eye(np.random.default_rng(seed))
    distance = math.hypot(eye.disc[0] - eye.fovea[0], eye.disc[1] - eye.fovea[1])
    assert distance / (2 * eye.disc_radius) == pytest.approx(2.5, abs=0.3)
