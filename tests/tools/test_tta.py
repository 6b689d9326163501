"""Test-time augmentation on held-out images: paired differences."""

import pytest

import tta
from venule.evaluation.calibrate import CalibrationResult
from venule.evaluation.intervals import bootstrap
from venule.models.record import Calibration, ComponentRules


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
