"""The field of view against official masks, and the circle against circles that were drawn."""

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from venule.errors import ImageError
from venule.image import fov as fov_module
from venule.image.fov import find_fov, find_mask, fit_circle, given_fov, outlined
from venule.image.io import read_mask
from venule.image.photograph import read_photograph
from venule.synth.fundus import synthesize_fundus

Mask = NDArray[np.bool_]


def dice(a: Mask, b: Mask) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def disk(shape: tuple[int, int], row: float, column: float, radius: float) -> Mask:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


# Real photographs


def drive(root: Path) -> list[tuple[Path, Path]]:
    return [
        (image, image.parents[1] / "mask" / f"{image.stem}_mask.gif")
        for image in sorted((root / "DRIVE").glob("*/images/*.tif"))
    ]


def chase(root: Path) -> list[tuple[Path, Path]]:
    folder = root / "CHASE_DB1"
    return [
        (image, folder / "mask" / f"{image.stem}.png") for image in sorted(folder.glob("*.jpg"))
    ]


def hrf(root: Path) -> list[tuple[Path, Path]]:
    folder = root / "HRF"
    return [
        (image, folder / "mask" / f"{image.stem}_mask.tif")
        for image in sorted((folder / "images").iterdir())
    ]


def assert_found(pairs: list[tuple[Path, Path]]) -> None:
    scores = {
        image.name: dice(find_mask(read_photograph(image).pixels), read_mask(m))
        for image, m in pairs
    }
    assert {name: score for name, score in scores.items() if score < 0.99} == {}


def test_the_field_of_view_of_every_drive_photograph_is_the_official_one(real_data: Path) -> None:
    pairs = drive(real_data)
    assert len(pairs) == 40
    assert_found(pairs)


def test_the_field_of_view_of_every_chase_photograph_is_the_published_one(real_data: Path) -> None:
    pairs = chase(real_data)
    assert len(pairs) == 28
    assert_found(pairs)


def test_the_field_of_view_of_some_hrf_photographs_is_the_official_one(real_data: Path) -> None:
    pairs = hrf(real_data)
    assert len(pairs) == 45
    assert_found(pairs[::11])


@pytest.mark.slow
def test_the_field_of_view_of_every_hrf_photograph_is_the_official_one(real_data: Path) -> None:
    pairs = hrf(real_data)
    assert len(pairs) == 45
    assert_found(pairs)


def test_the_circle_of_hrf_is_larger_than_its_clipped_mask(real_data: Path) -> None:
    """HRF's field of view is clipped top and bottom; its full width shows the true diameter."""
    pairs = hrf(real_data)
    assert len(pairs) == 45
    for _, path in pairs[::15]:
        mask = read_mask(path)
        circle = fit_circle(mask)
        columns = np.flatnonzero(mask.any(axis=0))
        assert circle.fitted
        assert circle.diameter_px > 1.3 * mask.any(axis=1).sum()
        assert circle.diameter_px == pytest.approx(columns[-1] - columns[0] + 1, rel=0.005)
        assert circle.column == pytest.approx((columns[0] + columns[-1]) / 2, abs=8)


def test_the_found_field_of_view_of_hrf_has_the_circle_of_the_official_mask(
    real_data: Path,
) -> None:
    image, mask = hrf(real_data)[0]
    found, official = (
        find_fov(read_photograph(image).pixels).outline,
        outlined(read_mask(mask)).outline,
    )
    assert found.diameter_px == pytest.approx(official.diameter_px, rel=0.005)


# Synthetic photographs


@pytest.mark.parametrize("size_px", [128, 256, 700, 1500])
def test_the_field_of_view_of_a_drawn_photograph_is_found(size_px: int) -> None:
    synthetic = synthesize_fundus(4, size_px=size_px)
    assert dice(find_mask(synthetic.image), synthetic.fov) > 0.985


@pytest.mark.parametrize("seed", range(12))
def test_it_is_found_whatever_the_eye(seed: int) -> None:
    synthetic = synthesize_fundus(seed)
    assert dice(find_mask(synthetic.image), synthetic.fov) > 0.985


def test_a_photograph_without_a_border_is_retina_all_over() -> None:
    for seed in range(12):
        image = synthesize_fundus(seed, size_px=512).image
        assert find_mask(image[100:-100, 100:-100]).all(), seed


def test_a_dark_photograph_keeps_its_field_of_view() -> None:
    for seed in range(6):
        synthetic = synthesize_fundus(seed, size_px=400)
        dark = np.rint(synthetic.image * 0.12).astype(np.uint8)
        assert dice(find_mask(dark), synthetic.fov) > 0.98, seed


def test_a_black_that_is_not_0_is_still_the_border() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    raised = (synthetic.image.astype(int) * 0.85 + 35).astype(np.uint8)
    assert dice(find_mask(raised), synthetic.fov) > 0.985


@pytest.mark.parametrize("level", [60, 255])
def test_a_grey_or_white_border_is_found_too(level: int) -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[~synthetic.fov] = level
    assert dice(find_mask(image), synthetic.fov) > 0.98


def test_noise_in_the_border_does_not_matter() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    noise = np.random.default_rng(0).normal(8, 6, synthetic.image.shape)
    noisy = np.clip(synthetic.image + noise, 0, 255).astype(np.uint8)
    assert dice(find_mask(noisy), synthetic.fov) > 0.98


def test_writing_in_the_border_is_not_retina() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[4:16, 4:60] = 255
    image[-16:-4, 6:50:3] = 220
    found = find_mask(image)
    assert not found[:17, :61].any()
    assert dice(found, synthetic.fov) > 0.985


def test_a_photograph_clipped_top_and_bottom_keeps_its_corners_black() -> None:
    synthetic = synthesize_fundus(2, size_px=600)
    clipped = slice(70, -70)
    found = find_mask(synthetic.image[clipped])
    assert dice(found, synthetic.fov[clipped]) > 0.99
    assert found[0, 300]


def test_a_black_lesion_is_no_hole() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[disk((400, 400), 220, 150, 40)] = 0
    assert dice(find_mask(image), synthetic.fov) > 0.985


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2), (2, 900), (40, 40)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_with_nothing_to_find_is_inside_all_over(
    shape: tuple[int, int], level: int
) -> None:
    assert find_mask(np.full((*shape, 3), level, np.uint8)).all()


def test_anything_but_an_rgb_photograph_is_refused() -> None:
    with pytest.raises(ImageError, match="RGB photograph"):
        find_mask(np.zeros((5, 5), np.uint8))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(60, 256),
    top=st.integers(0, 60),
    turns=st.integers(0, 3),
)
def test_the_field_of_view_is_one_component_without_holes_and_turns_with_the_photograph(
    seed: int, height: int, top: int, turns: int
) -> None:
    image = synthesize_fundus(seed).image[top : top + height]
    found = find_mask(image)
    assert found.shape == image.shape[:2]
    assert ndi.label(found)[1] == 1
    turned = find_mask(np.ascontiguousarray(np.rot90(image, turns)))
    assert dice(np.rot90(turned, -turns), found) > 0.995


def test_a_field_of_view_is_its_mask_and_the_circle_of_that() -> None:
    synthetic = synthesize_fundus(3, size_px=256)
    found = find_fov(synthetic.image)
    np.testing.assert_array_equal(found.mask, find_mask(synthetic.image))
    assert found.outline == fit_circle(found.mask)
    assert outlined(found.mask).outline == found.outline


def test_a_given_field_of_view_has_a_mask_of_its_own() -> None:
    mask = disk((90, 120), 45, 60, 40)
    taken = given_fov(mask, (90, 120))
    assert taken.outline.diameter_px == pytest.approx(80, abs=0.5)
    mask[:] = False  # the caller's buffer, used again
    np.testing.assert_array_equal(taken.mask, disk((90, 120), 45, 60, 40))
    for wrong in (np.ones((120, 90), bool), np.ones((90, 120), np.uint8)):
        with pytest.raises(ImageError, match="field of view: expected a bool mask"):
            given_fov(wrong, (90, 120))  # type: ignore[arg-type]


# The circle


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(140, 160),
    column=st.floats(190, 210),
    radius=st.floats(40, 130),
)
def test_a_whole_circle_is_measured_to_a_fraction_of_a_pixel(
    row: float, column: float, radius: float
) -> None:
    circle = fit_circle(disk((300, 400), row, column, radius))
    assert circle.fitted
    assert circle.row == pytest.approx(row, abs=0.15)
    assert circle.column == pytest.approx(column, abs=0.15)
    assert circle.diameter_px == pytest.approx(2 * radius, abs=0.3)


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(120, 180),
    column=st.floats(300, 340),
    radius=st.floats(200, 280),
)
def test_a_circle_clipped_top_and_bottom_is_measured_by_its_sides(
    row: float, column: float, radius: float
) -> None:
    circle = fit_circle(disk((300, 640), row, column, radius))
    assert circle.fitted
    assert circle.row == pytest.approx(row, abs=0.7)
    assert circle.column == pytest.approx(column, abs=0.5)
    assert circle.diameter_px == pytest.approx(2 * radius, abs=1)


def test_a_circle_cut_by_black_bars_is_measured_by_its_arc() -> None:
    mask = disk((500, 500), 250, 250, 220)
    mask[:90] = mask[-90:] = False
    circle = fit_circle(mask)
    assert circle.fitted
    assert circle.diameter_px == pytest.approx(440, abs=1)


def test_a_notch_does_not_move_the_circle() -> None:
    mask = disk((500, 500), 250, 250, 220)
    mask[225:260, 460:490] = True
    circle = fit_circle(mask)
    assert circle.diameter_px == pytest.approx(440, abs=0.5)
    assert circle.column == pytest.approx(250, abs=0.3)


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((300, 400), bool),
        np.zeros((300, 400), bool),
        np.pad(np.ones((200, 300), bool), 50),
        np.pad(np.ones((240, 400), bool), ((30, 30), (0, 0))),
    ],
    ids=["whole frame", "nothing", "rectangle", "bars"],
)
def test_without_an_arc_the_diagonal_is_given_and_flagged(mask: Mask) -> None:
    circle = fit_circle(mask)
    assert not circle.fitted
    assert circle.diameter_px == pytest.approx(math.hypot(300, 400))
    assert (circle.row, circle.column) == (149.5, 199.5)


def test_the_circle_scales_with_the_image() -> None:
    synthetic = synthesize_fundus(5, size_px=512)
    half = Image.fromarray(synthetic.image).resize((256, 256), Image.Resampling.BILINEAR)
    large, small = find_fov(synthetic.image).outline, find_fov(np.asarray(half)).outline
    # A field of view of 94 % of the frame is what `synthesize_fundus` draws.
    assert large.diameter_px == pytest.approx(0.94 * 512, rel=0.01)
    assert small.diameter_px == pytest.approx(large.diameter_px / 2, rel=0.01)


def test_noise_is_blurred_away_as_pillow_does_it() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (31, 43, 3)).astype(np.uint8)
    color = (5, 90, 200)
    difference = ImageChops.difference(Image.fromarray(noise), Image.new("RGB", (43, 31), color))
    largest = Image.fromarray(np.asarray(difference).max(axis=2))
    expected = np.asarray(largest.filter(ImageFilter.BoxBlur(1)))
    channels = [np.asarray(channel) for channel in Image.fromarray(noise).split()]
    np.testing.assert_array_equal(fov_module._distance(channels, color), expected)
