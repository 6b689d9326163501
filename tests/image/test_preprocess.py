"""Scaling keeps everything in its place; normalising gives mean 0 and deviation 1."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from venule.errors import ImageError
from venule.image.fov import outlined
from venule.image.illumination import Illumination, correct_illumination
from venule.image.preprocess import (
    FovScaled,
    Preprocessing,
    Square,
    normalize,
    preprocess,
    restore,
    scale_image,
    scale_mask,
    scale_soft,
    statistics,
    working_shape,
)
from venule.synth.fundus import synthesize_fundus

NATIVE = Preprocessing()


def by_fov(diameter_px: int, **more: Any) -> Preprocessing:
    return Preprocessing(scaling=FovScaled(diameter_px=diameter_px, **more))


def center_of_mass(plane: NDArray[Any]) -> tuple[float, float]:
    rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
    total = plane.sum()
    return float((rows * plane).sum() / total), float((columns * plane).sum() / total)


def blob(shape: tuple[int, int], row: float, column: float, sigma: float) -> NDArray[np.float64]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))


# Settings


def test_two_scales_at_once_are_refused() -> None:
    for both in ({"side_px": 512, "diameter_px": 500}, {"kind": "fov", "side_px": 512}):
        with pytest.raises(ValidationError):
            Preprocessing.model_validate({"scaling": {"kind": "square"} | both})


@pytest.mark.parametrize(
    "settings_",
    [
        {"scaling": {"kind": "square", "side_px": 0}},
        {"scaling": {"kind": "fov", "diameter_px": -1}},
        {"scaling": {"kind": "fov", "diameter_px": 300, "finer": 0.9}},
        {"scaling": {"kind": "half"}},
        {"illumination": {"std": 0}},
        {"illumination": {"window": 0}},
        {"std": (0.2, 0.0, 0.2)},
        {"normalise": "fov"},
    ],
)
def test_settings_without_a_meaning_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Preprocessing(**settings_)


def test_settings_survive_json() -> None:
    chosen = Preprocessing(
        scaling=FovScaled(diameter_px=700, largest_px=900),
        illumination=Illumination(window=0.1),
        normalize="fixed",
        mean=(0.4, 0.3, 0.2),
    )
    assert Preprocessing.model_validate_json(chosen.model_dump_json()) == chosen


# The working size


def test_the_working_size_is_the_photographs_own_by_default() -> None:
    assert working_shape((300, 400), outlined(np.ones((300, 400), bool)), NATIVE) == (300, 400)


def test_square_scaling_gives_a_square() -> None:
    fov = outlined(np.ones((300, 400), bool))
    assert working_shape((300, 400), fov, Preprocessing(scaling=Square(side_px=512))) == (512, 512)


def test_fov_scaling_scales_the_field_of_view_and_keeps_the_aspect() -> None:
    rows, columns = np.ogrid[:300, :400]
    fov = outlined((rows - 150) ** 2 + (columns - 200) ** 2 <= 100**2)
    # A diameter of 200 px becomes 500: everything grows 2.5 times.
    assert working_shape((300, 400), fov, by_fov(500)) == (750, 1000)


def test_without_an_arc_the_diameter_counts_along_the_diagonal() -> None:
    fov = outlined(np.ones((300, 400), bool))
    assert working_shape((300, 400), fov, by_fov(250)) == (150, 200)


# Scaling


def test_a_photograph_within_two_percent_of_the_working_scale_is_not_resampled() -> None:
    rows, columns = np.mgrid[:300, :400]
    fov = outlined(np.hypot(rows - 150, columns - 200) < 100)  # diameter 200
    assert working_shape((300, 400), fov, by_fov(203)) == (300, 400)
    assert working_shape((300, 400), fov, by_fov(210)) != (300, 400)
    assert working_shape((300, 400), fov, by_fov(210, tolerance=0.06)) == (300, 400)


@pytest.mark.parametrize(
    ("diameter", "wanted"), [(100, 200), (310, 200), (320, 200), (400, 250), (480, 300), (960, 300)]
)
def test_a_photograph_much_finer_than_the_network_keeps_more_of_its_size(
    diameter: int, wanted: int
) -> None:
    rows, columns = np.ogrid[-499.5:500, -499.5:500]
    fov = outlined(rows**2 + columns**2 <= (diameter / 2) ** 2)
    shape = working_shape((1000, 1000), fov, by_fov(200, largest_px=300))
    assert shape[0] == pytest.approx(1000 * wanted / diameter, rel=0.02)


def test_how_much_finer_a_photograph_must_be_is_the_records() -> None:
    scaling = FovScaled(diameter_px=200, largest_px=300, finer=2)
    wanted = [scaling.working_diameter_px(diameter) for diameter in (390, 500, 900)]
    assert wanted == [200, 250, 300]


def test_the_largest_size_belongs_to_a_smaller_one() -> None:
    with pytest.raises(ValidationError, match="use at least diameter_px = 301"):
        FovScaled(diameter_px=301, largest_px=300)
    with pytest.raises(ValidationError, match="diameter_px"):
        Preprocessing.model_validate({"scaling": {"kind": "fov", "largest_px": 300}})


def test_native_size_is_the_identity() -> None:
    synthetic = synthesize_fundus(1, size_px=96)
    assert scale_image(synthetic.image, (96, 96)) is synthetic.image
    assert scale_mask(synthetic.fov, (96, 96)) is synthetic.fov
    logits = np.random.default_rng(0).normal(size=(2, 96, 96)).astype(np.float32)
    np.testing.assert_array_equal(restore(logits, (96, 96)), logits)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(40, 140),
    width=st.integers(40, 140),
    row=st.floats(0.3, 0.7),
    column=st.floats(0.3, 0.7),
)
def test_a_scaled_blob_lies_where_half_pixel_centres_say_and_comes_back(
    height: int, width: int, row: float, column: float
) -> None:
    shape = (90, 70)
    original = blob(shape, row * 90, column * 70, 4.0)
    image = np.repeat(np.rint(original[..., None] * 255), 3, axis=2).astype(np.uint8)
    scaled = scale_image(image, (height, width))
    at = center_of_mass(image[..., 0])
    # Pixel i covers i .. i + 1: its centre i + 0.5 scales, not i.
    expected = ((at[0] + 0.5) * height / 90 - 0.5, (at[1] + 0.5) * width / 70 - 0.5)
    assert center_of_mass(scaled[..., 0]) == pytest.approx(expected, abs=0.15)
    back = restore(scaled.transpose(2, 0, 1).astype(np.float32), shape)
    assert back.shape == (3, 90, 70)
    assert back.dtype == np.float32
    for channel in back:
        assert center_of_mass(channel) == pytest.approx(at, abs=0.25)


def test_restoring_follows_the_convention_of_torch() -> None:
    torch = pytest.importorskip("torch")
    logits = np.random.default_rng(0).normal(size=(2, 13, 17)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None], size=(31, 40), mode="bilinear", align_corners=False
    )[0].numpy()
    np.testing.assert_allclose(restore(logits, (31, 40)), expected, atol=1e-5)


def test_scaling_down_is_antialiased() -> None:
    stripes = np.zeros((80, 80, 3), np.uint8)
    stripes[::2] = 255
    small = scale_image(stripes, (20, 20))
    assert np.abs(small[2:-2].astype(int) - 127).max() <= 12


@pytest.mark.parametrize("shape", [(33, 71), (200, 150)])
def test_a_scaled_mask_keeps_its_share(shape: tuple[int, int]) -> None:
    synthetic = synthesize_fundus(1, size_px=100)
    scaled = scale_mask(synthetic.fov, shape)
    assert scaled.shape == shape
    assert scaled.dtype == np.bool_
    assert scaled.mean() == pytest.approx(synthetic.fov.mean(), abs=0.01)


# Normalising


def test_the_statistics_are_those_of_the_pixels_inside() -> None:
    synthetic = synthesize_fundus(3, size_px=120)
    mean, std = statistics(synthetic.image, synthetic.fov, NATIVE)
    inside = synthetic.image[synthetic.fov].astype(np.float64) / 255
    np.testing.assert_allclose(mean, inside.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(std, inside.std(axis=0), atol=1e-6)
    assert mean.dtype == std.dtype == np.float32


def test_fixed_statistics_are_the_given_ones() -> None:
    fixed = Preprocessing(normalize="fixed")
    mean, std = statistics(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool), fixed)
    np.testing.assert_array_equal(mean, np.array([0.485, 0.456, 0.406], np.float32))
    np.testing.assert_array_equal(std, np.array([0.229, 0.224, 0.225], np.float32))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), gain=st.floats(0.3, 1.0))
def test_inside_the_field_of_view_the_mean_is_0_and_the_deviation_1_and_outside_all_is_0(
    seed: int, gain: float
) -> None:
    synthetic = synthesize_fundus(seed, size_px=96)
    image = np.rint(synthetic.image * gain).astype(np.uint8)
    pixels = preprocess(image, outlined(synthetic.fov), NATIVE)
    # What varies by less than a grey value is not made to vary more.
    deviation = np.minimum(image[synthetic.fov].std(axis=0), 1)
    assert pixels.shape == (3, 96, 96)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[:, synthetic.fov].mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(pixels[:, synthetic.fov].std(axis=1), deviation, atol=1e-3)
    assert not pixels[:, ~synthetic.fov].any()


def test_normalising_is_minus_mean_over_deviation() -> None:
    image = np.array([[[51, 102, 255]]], np.uint8)
    mean, std = np.array([0.1, 0.2, 0.5], np.float32), np.array([0.1, 0.4, 0.25], np.float32)
    pixels = normalize(image, np.ones((1, 1), bool), mean, std)
    np.testing.assert_allclose(pixels[:, 0, 0], [1.0, 0.5, 2.0], atol=1e-6)


def test_an_even_grey_photograph_gives_zeros_not_infinities() -> None:
    pixels = preprocess(np.full((8, 8, 3), 90, np.uint8), outlined(np.ones((8, 8), bool)), NATIVE)
    np.testing.assert_allclose(pixels, 0, atol=1e-4)


@pytest.mark.parametrize("way", ["fov", "fixed"])
def test_an_empty_field_of_view_is_an_error(way: Literal["fov", "fixed"]) -> None:
    preprocessing = Preprocessing(normalize=way)
    with pytest.raises(ImageError, match="no pixel"):
        preprocess(np.zeros((8, 8, 3), np.uint8), outlined(np.zeros((8, 8), bool)), preprocessing)


def test_a_field_of_view_of_another_size_is_an_error() -> None:
    with pytest.raises(ImageError, match=r"field of view: expected a bool mask of shape \(8, 8\)"):
        preprocess(np.zeros((8, 8, 3), np.uint8), outlined(np.ones((8, 9), bool)), NATIVE)


def test_preprocess_scales_first() -> None:
    synthetic = synthesize_fundus(1, size_px=100)
    pixels = preprocess(
        synthetic.image, outlined(synthetic.fov), Preprocessing(scaling=Square(side_px=64))
    )
    assert pixels.shape == (3, 64, 64)
    np.testing.assert_allclose(pixels[:, pixels[0] != 0].mean(axis=1), 0, atol=0.01)


# Illumination correction

LIGHT = Illumination()

FLAT = Preprocessing(illumination=LIGHT)


def textured(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Noise of a fifth of the light, on the light; (H, W, 3)."""
    noise = 1 + 0.2 * np.random.default_rng(0).standard_normal((*light.shape, 3))
    return (light[..., None] * noise).clip(0, 255).astype(np.uint8)


def test_without_correction_the_photograph_is_normalised_as_it_is() -> None:
    image, fov = textured(np.full((20, 20), 90.0)), np.ones((20, 20), bool)
    mean, std = statistics(image, fov, NATIVE)
    expected = normalize(image, fov, mean, std)
    np.testing.assert_array_equal(preprocess(image, outlined(fov), NATIVE), expected)


def test_the_network_sees_a_flattened_photograph_only_if_it_was_trained_on_such() -> None:
    synthetic = synthesize_fundus(3, size_px=160)
    plain, flat = (
        preprocess(synthetic.image, outlined(synthetic.fov), chosen) for chosen in (NATIVE, FLAT)
    )
    mean, std = statistics(
        correct_illumination(synthetic.image, synthetic.fov, LIGHT), synthetic.fov, FLAT
    )
    by_hand = normalize(
        correct_illumination(synthetic.image, synthetic.fov, LIGHT), synthetic.fov, mean, std
    )
    np.testing.assert_array_equal(flat, by_hand)
    assert np.abs(plain - flat).mean() > 0.05


@pytest.mark.parametrize("shape", [(33, 71), (100, 64), (211, 40), (1, 3)])
def test_maps_and_masks_are_resized_as_pillow_does(shape: tuple[int, int]) -> None:
    logits = np.random.default_rng(0).standard_normal((100, 90)).astype(np.float32)
    size = shape[::-1]
    expected = np.asarray(Image.fromarray(logits).resize(size, Image.Resampling.BILINEAR))
    np.testing.assert_allclose(restore(logits[None], shape)[0], expected, atol=2e-6)
    rows, columns = np.ogrid[:100, :90]
    disc = np.hypot(rows - 51.3, columns - 43.8) < 37
    share = Image.fromarray(disc.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    np.testing.assert_allclose(scale_soft(disc, shape), np.asarray(share), atol=2e-6)
    certain = np.abs(np.asarray(share) - 0.5) > 1e-3
    inside = np.asarray(share) > 0.5
    np.testing.assert_array_equal(scale_mask(disc, shape)[certain], inside[certain])


@pytest.mark.parametrize("shape", [(61, 83), (150, 140), (7, 5)])
def test_a_large_photograph_scaled_in_strips_has_no_seams(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = synthesize_fundus(2, size_px=120).image
    whole = scale_image(image, shape).astype(int)
    monkeypatch.setattr("venule.image.preprocess._SCALED_AT_ONCE", 1500)
    assert np.abs(scale_image(image, shape) - whole).max() <= 1


@pytest.mark.parametrize("shape", [(231, 190), (64, 50)])
def test_a_large_map_restored_in_strips_has_no_seams(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = np.random.default_rng(0).standard_normal((2, 90, 77)).astype(np.float32)
    whole = restore(logits, shape)
    monkeypatch.setattr("venule.image.preprocess.RESTORED_AT_ONCE", 7 * shape[1])
    np.testing.assert_allclose(restore(logits, shape), whole, atol=1e-4)


def test_a_tiny_field_of_view_in_a_large_frame_is_refused_before_it_is_enlarged() -> None:
    rows, columns = np.ogrid[:2000, :3000]
    fov = outlined((rows - 1000) ** 2 + (columns - 1500) ** 2 < 30**2)
    with pytest.raises(ImageError, match=r"60 px across in 3000 x 2000 px, .*crop it to its field"):
        working_shape((2000, 3000), fov, by_fov(584))
