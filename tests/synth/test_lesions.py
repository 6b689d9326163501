"""Lesions darken or pale the fundus where they lie, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from venule.image.arrays import FloatMap
from venule.synth.anatomy import Eye
from venule.synth.config import PLAIN
from venule.synth.frame import square
from venule.synth.lesions import paint_deep_lesions, paint_superficial_lesions

FRAME = square(300)
EYE = Eye((0.0, 0.6), 0.13, (0.05, -0.05), 6.48)


def grey() -> FloatMap:
    return np.full((3, *FRAME.shape), 0.4, np.float32)


def painted(seed: int, **chances: float) -> FloatMap:
    retina, config = grey(), replace(PLAIN, **chances)  # type: ignore[arg-type]
    paint_deep_lesions(seed, retina, EYE, FRAME, config=config)
    paint_superficial_lesions(seed, retina, EYE, FRAME, config=config)
    return retina


def test_a_healthy_eye_has_none() -> None:
    np.testing.assert_array_equal(painted(0), grey())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["microaneurysms_p", "hemorrhages_p"])
def test_blood_is_dark_most_of_all_in_green(seed: int, name: str) -> None:
    change = painted(seed, **{name: 1.0}) - 0.4
    assert change.max() <= 1e-6
    deepest = change[:, change[1] < 0.5 * change[1].min()].mean(axis=1)
    assert deepest[1] < deepest[2] < deepest[0] < 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["drusen_p", "exudates_p", "cotton_wool_p"])
def test_deposits_are_pale_and_yellowish(seed: int, name: str) -> None:
    change = painted(seed, **{name: 1.0}) - 0.4
    assert change[1].min() >= -1e-6
    brightest = change[:, change[1] > 0.5 * change[1].max()].mean(axis=1)
    assert brightest[0] > brightest[1] > brightest[2]


@pytest.mark.parametrize("seed", range(4))
def test_microaneurysms_lie_off_the_disc(seed: int) -> None:
    retina = painted(seed, microaneurysms_p=1.0)
    core = FRAME.distance(EYE.disc) < 0.8 * EYE.disc_radius
    np.testing.assert_array_equal(retina[:, core], np.float32(0.4))
