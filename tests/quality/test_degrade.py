import numpy as np
import pytest

from degrade import (
    DEGRADATIONS,
    Degraded,
    add_noise,
    blur,
    crop,
    darken,
    overexpose,
    shrink,
)
from venule.image.fov import fit_outline
from venule.synth.fundus import synthesize_fundus


@pytest.fixture(scope="module")
def photo() -> Degraded:
    synthetic = synthesize_fundus(1, size_px=200)
    return Degraded(synthetic.image, synthetic.fov, synthetic.vessels)


def _flat(level: int) -> Degraded:
    whole = np.ones((64, 64), bool)
    return Degraded(np.full((64, 64, 3), level, np.uint8), whole, ~whole)


@pytest.mark.parametrize(
    ("degrade", "factor", "level", "expected"),
    [(darken, 0.25, 200, 50), (overexpose, 2, 100, 200), (overexpose, 3, 100, 255)],
)
def test_levels_are_multiplied_and_cut_off(
    degrade: object, factor: float, level: int, expected: int
) -> None:
    assert callable(degrade)
    degraded = degrade(_flat(level), factor)
    assert degraded.image.dtype == np.uint8
    assert (degraded.image == expected).all()


def test_the_border_stays_black_where_light_or_noise_are_added(photo: Degraded) -> None:
    for degraded in (overexpose(photo, 3), add_noise(photo, 30)):
        outside = ~photo.fov
        assert np.array_equal(degraded.image[outside], photo.image[outside])


def test_a_blurred_point_is_as_wide_as_the_strength_says() -> None:
    image = np.zeros((201, 201, 3), np.uint8)
    image[90:111, 90:111] = 255  # enough light to survive rounding
    whole = np.ones((201, 201), bool)
    diameter = fit_outline(whole).diameter_px
    degraded = blur(Degraded(image, whole, ~whole), 10 / diameter)
    profile = degraded.image[..., 0].astype(float).sum(axis=0)
    across = np.arange(201) - 100
    variance = float((across**2 * profile).sum() / profile.sum())
    # A square of 21 px has the variance (21^2 - 1) / 12, the Gaussian 10^2.
    assert variance == pytest.approx(440 / 12 + 100, rel=0.1)


def test_noise_has_the_deviation_that_was_asked_for_and_is_the_same_every_time() -> None:
    degraded = add_noise(_flat(128), 12)
    assert degraded.image.std() == pytest.approx(12, rel=0.05)
    assert np.array_equal(degraded.image, add_noise(_flat(128), 12).image)
    assert not np.array_equal(degraded.image[..., 0], degraded.image[..., 1])


def test_a_crop_is_the_middle_square_and_shrinking_sets_the_diameter(photo: Degraded) -> None:
    diameter = fit_outline(photo.fov).diameter_px
    cropped = crop(photo, 0.5)
    assert cropped.fov.all()
    for array in (cropped.image, cropped.fov, cropped.vessels):
        assert array.shape[:2] == pytest.approx((diameter / 2,) * 2, abs=2)
    small = shrink(photo, 90)
    assert fit_outline(small.fov).diameter_px == pytest.approx(90, abs=2)
    assert small.image.shape[:2] == small.vessels.shape == small.fov.shape


@pytest.mark.parametrize("name", ["darkened", "over-exposed", "blurred", "noise", "JPEG"])
def test_each_strength_changes_more_than_the_one_before(photo: Degraded, name: str) -> None:
    degrade, strengths = DEGRADATIONS[name]
    inside = photo.image[photo.fov].astype(float)
    changes = []
    for strength in strengths:
        degraded = degrade(photo, strength)
        assert np.array_equal(degraded.vessels, photo.vessels)
        changes.append(np.abs(degraded.image[photo.fov] - inside).mean())
    assert changes[0] > 0
    assert changes == sorted(changes)
