"""The geometry of the drawn trees follows the laws that it claims."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.synth.tree import murray_angles, murray_radii


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
