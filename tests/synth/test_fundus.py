"""A synthetic photograph measures like a real one, and its vessels are where it says."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st

from venule.errors import UsageError
from venule.synth.config import PLAIN, VARIED
from venule.synth.fundus import synthesize_fundus

SEEDS = range(8)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = synthesize_fundus(7), synthesize_fundus(7)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.vessels.tobytes() == second.vessels.tobytes()
    assert first.fov.tobytes() == second.fov.tobytes()


def test_another_seed_gives_another_eye() -> None:
    first, second = synthesize_fundus(7), synthesize_fundus(8)
    assert (first.vessels != second.vessels).mean() > 0.02


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), size_px=st.integers(48, 400))
def test_shapes_and_kinds_are_those_of_a_photograph_and_its_masks(seed: int, size_px: int) -> None:
    synthetic = synthesize_fundus(seed, size_px=size_px)
    assert synthetic.image.shape == (size_px, size_px, 3)
    assert synthetic.image.dtype == np.uint8
    for mask in (synthetic.fov, synthetic.vessels):
        assert mask.shape == (size_px, size_px)
        assert mask.dtype == np.bool_
    assert not (synthetic.vessels & ~synthetic.fov).any()
    assert synthetic.vessels.any()


@pytest.mark.parametrize("seed", SEEDS)
def test_vessels_cover_as_much_as_in_real_photographs(seed: int) -> None:
    """Experts mark 8 to 14 % of the field of view in photographs of healthy eyes; ours reach 15."""
    synthetic = synthesize_fundus(seed, size_px=512)
    assert 0.08 < synthetic.vessels[synthetic.fov].mean() < 0.145


def test_vessels_are_where_they_cover_half_of_a_pixel_of_the_field_of_view() -> None:
    synthetic = synthesize_fundus(3, config=VARIED)
    assert synthetic.coverage.dtype == np.float32
    assert synthetic.coverage.min() >= 0
    assert synthetic.coverage.max() <= 1
    assert not synthetic.coverage[~synthetic.fov].any()
    np.testing.assert_array_equal(synthetic.vessels, synthetic.coverage >= 0.5)


LESIONS = ("drusen", "exudates", "cotton_wool", "microaneurysms", "hemorrhages", "laser", "myelin")


@pytest.mark.parametrize("lesion", LESIONS)
def test_lesions_change_the_photograph_and_nothing_of_the_truth(lesion: str) -> None:
    ill = replace(PLAIN, **{f"{lesion}_p": 1.0})  # type: ignore[arg-type]
    healthy, changed = (
        synthesize_fundus(2, size_px=320),
        synthesize_fundus(2, size_px=320, config=ill),
    )
    np.testing.assert_array_equal(changed.coverage, healthy.coverage)
    # Features draw their own random numbers: what a lesion does not touch stays as it was.
    difference = np.abs(changed.image.astype(int) - healthy.image).max(axis=2)
    assert difference.max() > 20
    assert (difference[changed.fov] > 8).mean() < 0.25


def test_the_camera_changes_nothing_of_the_truth() -> None:
    poor = replace(PLAIN, glare_p=1.0, grey_p=1.0, motion_p=1.0, sharpen_p=1.0, jpeg_p=1.0)
    good, bad = synthesize_fundus(4), synthesize_fundus(4, config=replace(poor, blur_px=(2.5, 2.5)))
    np.testing.assert_array_equal(bad.coverage, good.coverage)
    assert np.abs(bad.image.astype(int) - good.image).mean() > 2


def test_drawings_for_training_vary_in_shape_and_brightness() -> None:
    synthetic = [synthesize_fundus(seed, size_px=96, config=VARIED) for seed in range(16)]
    assert len({one.image.shape for one in synthetic}) > 4
    assert all(max(one.image.shape) == 96 for one in synthetic)
    brightness = [float(one.image[one.fov].mean()) for one in synthetic]
    assert max(brightness) > 1.7 * min(brightness)


@pytest.mark.parametrize("seed", SEEDS)
def test_vessels_are_darker_than_what_surrounds_them(seed: int) -> None:
    synthetic = synthesize_fundus(seed, size_px=512)
    inside = ndi.binary_erosion(synthetic.fov, iterations=12)
    green = synthetic.image[..., 1].astype(float)
    # Two pixels clear of the edge, which the camera blurs.
    around = ndi.binary_dilation(synthetic.vessels, iterations=8) & inside
    around &= ~ndi.binary_dilation(synthetic.vessels, iterations=2)
    local = ndi.uniform_filter(green * around, 25) / np.maximum(
        ndi.uniform_filter(around.astype(float), 25), 1e-6
    )
    vessels = synthetic.vessels & inside
    assert (green[vessels] < local[vessels]).mean() > 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_the_retina_is_orange_and_the_border_black(seed: int) -> None:
    synthetic = synthesize_fundus(seed)
    red, green, blue = np.median(synthetic.image[synthetic.fov], axis=0)
    assert red > 1.3 * green > 1.3 * 1.2 * blue
    outside = ~ndi.binary_dilation(synthetic.fov, iterations=3)
    assert synthetic.image[outside].mean() < 16


@pytest.mark.parametrize("seed", SEEDS)
def test_the_disc_is_the_brightest_place_and_the_vessels_leave_from_it(seed: int) -> None:
    synthetic = synthesize_fundus(seed, size_px=512)
    smooth = ndi.gaussian_filter(synthetic.image[..., 1].astype(float), 12)
    disc = np.unravel_index(np.argmax(smooth), smooth.shape)
    rows, columns = np.ogrid[:512, :512]
    near = (rows - disc[0]) ** 2 + (columns - disc[1]) ** 2 < 45**2
    share_near = synthetic.vessels[near & synthetic.fov].mean()
    assert share_near > 1.8 * synthetic.vessels[synthetic.fov].mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_most_of_the_tree_hangs_together(seed: int) -> None:
    synthetic = synthesize_fundus(seed, size_px=512)
    labels, _ = ndi.label(synthetic.vessels, structure=np.ones((3, 3)))
    assert np.bincount(labels.ravel())[1:].max() > 0.85 * synthetic.vessels.sum()


def test_one_seed_is_the_same_eye_at_every_size() -> None:
    large, small = synthesize_fundus(5, size_px=512), synthesize_fundus(5, size_px=256)
    reduced = large.coverage.reshape(256, 2, 256, 2).mean(axis=(1, 3))
    common = np.minimum(reduced, small.coverage).sum()
    assert common > 0.9 * max(reduced.sum(), small.coverage.sum())


def test_a_field_of_view_too_narrow_for_the_discs_vessels_is_refused() -> None:
    with pytest.raises(UsageError, match=r"fov_deg = \(20.0,\): synthetic images need 25 degrees"):
        replace(PLAIN, fov_deg=(20.0,))
