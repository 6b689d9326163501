"""Scaling keeps everything in its place; normalising gives mean 0 and deviation 1."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from venule.errors import ImageError
from venule.image.fov import find_fov, outlined
from venule.image.photograph import read_photograph
from venule.image.preprocess import (
    FovScaled,
    Illumination,
    Preprocessing,
    Square,
    correct_illumination,
    normalize,
    preprocess,
    restore,
    scale_image,
    scale_mask,
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
    pixels = preprocess(
        np.rint(synthetic.image * gain).astype(np.uint8), outlined(synthetic.fov), NATIVE
    )
    assert pixels.shape == (3, 96, 96)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[:, synthetic.fov].mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(pixels[:, synthetic.fov].std(axis=1), 1, atol=1e-3)
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


def test_flattening_leaves_the_same_light_and_contrast_everywhere() -> None:
    side = 400
    rows, columns = np.mgrid[:side, :side]
    fov = np.hypot(rows - 200, columns - 200) < 180
    slope = 60 + 0.1 * columns + 0.05 * rows
    flat = correct_illumination(textured(slope), fov, LIGHT).astype(float)
    assert not flat[~fov].any()
    for row, column in ((120, 120), (120, 260), (200, 200), (280, 280)):
        window = flat[row - 30 : row + 30, column - 30 : column + 30]
        assert window.mean() == pytest.approx(LIGHT.mean, abs=4)
        assert window.std() == pytest.approx(LIGHT.std, rel=0.1)


def flattened_pixel_by_pixel(image: NDArray[np.uint8], fov: NDArray[np.bool_]) -> NDArray[Any]:
    """The input of the shipped networks' training: window means and deviations at full size."""
    height, width = fov.shape
    diameter = 2 * np.sqrt(fov.sum() / np.pi)
    step = max(1, round(diameter / 80))
    small, sigma = (max(1, height // step), max(1, width // step)), diameter / 12 / step

    def resized(plane: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
        picture = Image.fromarray(plane.astype(np.float32))
        return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))

    def blurred(plane: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(ndi.gaussian_filter(resized(plane, small), sigma, mode="constant"))

    weight = np.maximum(blurred(fov), 1e-3)
    flat = np.zeros(image.shape)
    for channel in range(3):
        plane = image[..., channel].astype(np.float32) * fov
        mean = resized(blurred(plane) / weight, (height, width))
        square = resized(blurred(plane * plane) / weight, (height, width))
        std = np.sqrt(np.maximum(square - mean * mean, 1))
        flat[..., channel] = np.rint((LIGHT.mean + LIGHT.std * (plane - mean) / std).clip(0, 255))
    return flat * fov[..., None]


@pytest.mark.parametrize("size", [64, 97, 231, 420])
@pytest.mark.parametrize("cut", [0, 7])
def test_flattening_by_cells_differs_from_pixel_by_pixel_in_rounding_only(
    size: int, cut: int
) -> None:
    synthetic = synthesize_fundus(size, size_px=size)
    image, fov = synthetic.image[: size - 2 * cut, cut:], synthetic.fov[: size - 2 * cut, cut:]
    difference = np.abs(
        correct_illumination(image, fov, LIGHT) - flattened_pixel_by_pixel(image, fov)
    )
    assert (difference[fov] <= 1).mean() >= 0.999
    assert difference.max() <= 2
    assert (difference[fov] == 0).mean() > 0.85


@pytest.mark.parametrize(
    "name", ["DRIVE/training/images/21_training.tif", "CHASE_DB1/Image_01L.jpg"]
)
def test_flattening_by_cells_differs_on_real_photographs_in_rounding_only(
    real_data: Path, name: str
) -> None:
    path = next(real_data.glob(name))
    image = read_photograph(path).pixels[::2, ::2].copy()
    fov = find_fov(image).mask
    difference = np.abs(
        correct_illumination(image, fov, LIGHT) - flattened_pixel_by_pixel(image, fov)
    )
    assert (difference[fov] <= 1).mean() >= 0.999


def test_a_large_photograph_is_flattened_in_parts_without_a_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    synthetic = synthesize_fundus(5, size_px=300)
    whole = correct_illumination(synthetic.image, synthetic.fov, LIGHT)
    monkeypatch.setattr("venule.image.preprocess._AT_ONCE", 2500)
    np.testing.assert_array_equal(
        correct_illumination(synthetic.image, synthetic.fov, LIGHT), whole
    )


def test_flattening_undoes_a_change_of_gain_and_offset() -> None:
    fov = np.ones((200, 200), bool)
    photograph = textured(np.full((200, 200), 100.0))
    darker = (photograph * 0.5 + 20).astype(np.uint8)
    first, second = (
        correct_illumination(image, fov, LIGHT).astype(int) for image in (photograph, darker)
    )
    assert np.abs(first - second).mean() < 4  # half the grey levels are gone


def test_a_photograph_without_contrast_stays_without_it() -> None:
    fov = np.zeros((90, 120), bool)
    fov[10:80, 20:100] = True
    flat = correct_illumination(np.full((90, 120, 3), 77, np.uint8), fov, LIGHT)
    assert np.abs(flat[fov].astype(int) - round(LIGHT.mean)).max() <= 1


def test_without_correction_the_photograph_is_normalised_as_it_is() -> None:
    image, fov = textured(np.full((20, 20), 90.0)), np.ones((20, 20), bool)
    mean, std = statistics(image, fov, NATIVE)
    expected = normalize(image, fov, mean, std)
    np.testing.assert_array_equal(preprocess(image, outlined(fov), NATIVE), expected)


def test_the_levels_after_correction_are_the_records() -> None:
    fov = np.ones((300, 300), bool)
    image = textured(60 + 0.2 * np.mgrid[:300, :300][1])
    flat = correct_illumination(image, fov, Illumination(mean=100, std=20)).astype(float)
    window = flat[100:200, 100:200]
    assert window.mean() == pytest.approx(100, abs=3)
    assert window.std() == pytest.approx(20, rel=0.1)


def test_the_window_of_the_correction_is_the_records() -> None:
    """A step of light is gone beyond a window's width from it, and not before."""
    light = np.full((400, 400), 60.0)
    light[:, 200:] = 120
    fov, image = np.ones((400, 400), bool), textured(light)
    narrow, wide = (
        correct_illumination(image, fov, Illumination(window=share)).astype(float)
        for share in (1 / 40, 1 / 4)
    )
    beside = np.s_[100:300, 250:300]  # 50 to 100 px away: windows of 11 px and of 113 px
    assert narrow[beside].mean() == pytest.approx(LIGHT.mean, abs=4)
    assert wide[beside].mean() > LIGHT.mean + 10


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
    with pytest.raises(ImageError, match=r"60 px across in 3000 x 2000 px, .*cut it to its field"):
        working_shape((2000, 3000), fov, by_fov(584))
