import numpy as np
import pytest

from venule.image.fov import fit_circle
from venule.quality.degrade import (
    DEGRADATIONS,
    Spoilt,
    add_noise,
    blur,
    crop,
    darken,
    overexpose,
    shrink,
)
from venule.synth.fundus import draw_fundus


@pytest.fixture(scope="module")
def photo() -> Spoilt:
    drawn = draw_fundus(1, size_px=200)
    return Spoilt(drawn.image, drawn.fov, drawn.vessels)


def _flat(level: int) -> Spoilt:
    whole = np.ones((64, 64), bool)
    return Spoilt(np.full((64, 64, 3), level, np.uint8), whole, ~whole)


@pytest.mark.parametrize(
    ("spoil", "factor", "level", "expected"),
    [(darken, 0.25, 200, 50), (overexpose, 2, 100, 200), (overexpose, 3, 100, 255)],
)
def test_levels_are_multiplied_and_cut_off(
    spoil: object, factor: float, level: int, expected: int
) -> None:
    assert callable(spoil)
    spoilt = spoil(_flat(level), factor)
    assert spoilt.image.dtype == np.uint8
    assert (spoilt.image == expected).all()


def test_the_border_stays_black_where_light_or_noise_are_added(photo: Spoilt) -> None:
    for spoilt in (overexpose(photo, 3), add_noise(photo, 30)):
        outside = ~photo.fov
        assert np.array_equal(spoilt.image[outside], photo.image[outside])


def test_a_blurred_point_is_as_wide_as_the_strength_says() -> None:
    image = np.zeros((201, 201, 3), np.uint8)
    image[90:111, 90:111] = 255  # enough light to survive rounding
    whole = np.ones((201, 201), bool)
    diameter = fit_circle(whole).diameter_px
    spoilt = blur(Spoilt(image, whole, ~whole), 10 / diameter)
    profile = spoilt.image[..., 0].astype(float).sum(axis=0)
    across = np.arange(201) - 100
    variance = float((across**2 * profile).sum() / profile.sum())
    # A square of 21 px has the variance (21^2 - 1) / 12, the Gaussian 10^2.
    assert variance == pytest.approx(440 / 12 + 100, rel=0.1)


def test_noise_has_the_deviation_that_was_asked_for_and_is_the_same_every_time() -> None:
    spoilt = add_noise(_flat(128), 12)
    assert spoilt.image.std() == pytest.approx(12, rel=0.05)
    assert np.array_equal(spoilt.image, add_noise(_flat(128), 12).image)
    assert not np.array_equal(spoilt.image[..., 0], spoilt.image[..., 1])


def test_a_crop_is_the_middle_square_and_shrinking_sets_the_diameter(photo: Spoilt) -> None:
    diameter = fit_circle(photo.fov).diameter_px
    cropped = crop(photo, 0.5)
    assert cropped.fov.all()
    for array in (cropped.image, cropped.fov, cropped.vessels):
        assert array.shape[:2] == pytest.approx((diameter / 2,) * 2, abs=2)
    small = shrink(photo, 90)
    assert fit_circle(small.fov).diameter_px == pytest.approx(90, abs=2)
    assert small.image.shape[:2] == small.vessels.shape == small.fov.shape


@pytest.mark.parametrize("name", ["darkened", "over-exposed", "blurred", "noise", "JPEG"])
def test_each_strength_changes_more_than_the_one_before(photo: Spoilt, name: str) -> None:
    spoil, strengths = DEGRADATIONS[name]
    inside = photo.image[photo.fov].astype(float)
    changes = []
    for strength in strengths:
        spoilt = spoil(photo, strength)
        assert np.array_equal(spoilt.vessels, photo.vessels)
        changes.append(np.abs(spoilt.image[photo.fov] - inside).mean())
    assert changes[0] > 0
    assert changes == sorted(changes)
