"""Averaging over symmetries: nothing is lost of what has them, and the mean has them all."""

from collections.abc import Callable

import numpy as np
import pytest

import tta
from venule.evaluation.calibrate import CalibrationResult
from venule.evaluation.intervals import bootstrap
from venule.image.arrays import FloatMap
from venule.models.record import Calibration, ComponentRules


@pytest.fixture
def pixels() -> FloatMap:
    return np.random.default_rng(0).random((1, 3, 6, 9), dtype=np.float32)


def green(pixels: FloatMap) -> FloatMap:
    """The green channel, wherever it is."""
    return pixels[:, 1:2]


def leaning(pixels: FloatMap) -> FloatMap:
    """Green less its neighbour on the right, a tenth of the row's number added: no symmetry."""
    rows = np.arange(pixels.shape[2], dtype=np.float32)[:, None]
    return np.asarray(green(pixels) - np.roll(green(pixels), 1, axis=-1) + rows / 10, np.float32)


def test_a_run_that_has_the_symmetries_is_left_as_it_is(pixels: FloatMap) -> None:
    np.testing.assert_allclose(tta.averaged(green)(pixels), green(pixels), atol=1e-6)


def test_the_mean_turns_and_mirrors_with_the_photograph(pixels: FloatMap) -> None:
    run = tta.averaged(leaning)
    assert not np.allclose(
        leaning(np.rot90(pixels, axes=(2, 3))), np.rot90(leaning(pixels), axes=(2, 3))
    )
    changes: list[Callable[[FloatMap], FloatMap]] = [
        lambda maps: np.rot90(maps, axes=(2, 3)),
        lambda maps: np.flip(maps, axis=2),
        lambda maps: np.flip(maps, axis=3),
        lambda maps: np.swapaxes(maps, 2, 3),
    ]
    for change in changes:
        np.testing.assert_allclose(run(change(pixels)), change(run(pixels)), atol=1e-6)


def test_the_mean_is_over_eight(pixels: FloatMap) -> None:
    seen = []

    def run(pixels: FloatMap) -> FloatMap:
        seen.append(pixels)
        return np.full_like(green(pixels), len(seen))

    np.testing.assert_allclose(tta.averaged(run)(pixels), 4.5)
    assert len({view.tobytes() for view in seen}) == 8


def calibration(dice: dict[str, float]) -> CalibrationResult:
    return CalibrationResult(
        runs=("fold",), images=tuple(dice), threshold=0.5,
        calibration=Calibration(), components=ComponentRules(),
        mean={"dice": bootstrap(list(dice.values()))}, pooled={}, without={},
        per_image={id: {"dice": value} for id, value in dice.items()}, tried={},
    )  # fmt: skip


def test_differences_are_paired() -> None:
    once, more = calibration({"a": 0.5, "b": 0.9}), calibration({"a": 0.52, "b": 0.92})
    figures = tta.compare(once, more)
    assert figures["once"]["dice"] == pytest.approx(0.7)
    assert figures["difference"]["dice"]["mean"] == pytest.approx(0.02)
    assert figures["difference"]["dice"]["low"] == pytest.approx(0.02)
    assert figures["images"] == 2
