"""The field of view against official masks and on synthetic photographs of every surround."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from support.surrounds import KINDS, surrounded
from venule.errors import ImageError
from venule.image.fov import RIM_PX, find_fov, fit_outline, given_fov, outlined, with_rim
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
        image.name: dice(find_fov(read_photograph(image).pixels).mask, read_mask(m))
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
        circle = fit_outline(mask)
        columns = np.flatnonzero(mask.any(axis=0))
        assert circle.fitted
        assert circle.diameter_px > 1.3 * mask.any(axis=1).sum()
        assert circle.diameter_px == pytest.approx(columns[-1] - columns[0] + 1, rel=0.005)
        assert circle.column == pytest.approx((columns[0] + columns[-1]) / 2, abs=8)


def test_the_found_field_of_view_of_hrf_has_the_circle_of_the_official_mask(
    real_data: Path,
) -> None:
    image, mask = hrf(real_data)[0]
    found, official = find_fov(read_photograph(image).pixels).outline, fit_outline(read_mask(mask))
    assert found.diameter_px == pytest.approx(official.diameter_px, rel=0.005)


# Synthetic photographs


@pytest.mark.parametrize("size_px", [128, 256, 700, 1500])
def test_the_field_of_view_of_a_drawn_photograph_is_found(size_px: int) -> None:
    synthetic = synthesize_fundus(4, size_px=size_px)
    assert dice(find_fov(synthetic.image).mask, synthetic.fov) > 0.985


@pytest.mark.parametrize("seed", range(12))
def test_it_is_found_whatever_the_eye(seed: int) -> None:
    synthetic = synthesize_fundus(seed)
    assert dice(find_fov(synthetic.image).mask, synthetic.fov) > 0.985


def test_a_photograph_without_a_border_is_retina_all_over() -> None:
    for seed in range(12):
        image = synthesize_fundus(seed, size_px=512).image
        assert find_fov(image[100:-100, 100:-100]).mask.all(), seed


def test_a_dark_photograph_keeps_its_field_of_view() -> None:
    for seed in range(6):
        synthetic = synthesize_fundus(seed, size_px=400)
        dark = np.rint(synthetic.image * 0.12).astype(np.uint8)
        assert dice(find_fov(dark).mask, synthetic.fov) > 0.98, seed


def test_a_black_that_is_not_0_is_still_the_border() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    raised = (synthetic.image.astype(int) * 0.85 + 35).astype(np.uint8)
    assert dice(find_fov(raised).mask, synthetic.fov) > 0.985


@pytest.mark.parametrize("level", [60, 255])
def test_a_grey_or_white_border_is_found_too(level: int) -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[~synthetic.fov] = level
    assert dice(find_fov(image).mask, synthetic.fov) > 0.98


def test_noise_in_the_border_does_not_matter() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    noise = np.random.default_rng(0).normal(8, 6, synthetic.image.shape)
    noisy = np.clip(synthetic.image + noise, 0, 255).astype(np.uint8)
    assert dice(find_fov(noisy).mask, synthetic.fov) > 0.98


def test_writing_in_the_border_is_not_retina() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[4:16, 4:60] = 255
    image[-16:-4, 6:50:3] = 220
    found = find_fov(image).mask
    assert not found[:17, :61].any()
    assert dice(found, synthetic.fov) > 0.985


def test_a_photograph_clipped_top_and_bottom_keeps_its_corners_black() -> None:
    synthetic = synthesize_fundus(2, size_px=600)
    clipped = slice(70, -70)
    found = find_fov(synthetic.image[clipped]).mask
    assert dice(found, synthetic.fov[clipped]) > 0.99
    assert found[0, 300]


def test_a_black_lesion_is_no_hole() -> None:
    synthetic = synthesize_fundus(2, size_px=400)
    image = synthetic.image.copy()
    image[disk((400, 400), 220, 150, 40)] = 0
    assert dice(find_fov(image).mask, synthetic.fov) > 0.985


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2), (2, 900), (40, 40)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_with_nothing_to_find_is_inside_all_over(
    shape: tuple[int, int], level: int
) -> None:
    assert find_fov(np.full((*shape, 3), level, np.uint8)).mask.all()


def test_anything_but_an_rgb_photograph_is_refused() -> None:
    with pytest.raises(ImageError, match="RGB photograph"):
        find_fov(np.zeros((5, 5), np.uint8))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(60, 256),
    top=st.integers(0, 60),
    turns=st.integers(0, 3),
)
def test_the_field_of_view_is_one_piece_without_holes_and_turns_with_the_photograph(
    seed: int, height: int, top: int, turns: int
) -> None:
    image = synthesize_fundus(seed).image[top : top + height]
    found = find_fov(image).mask
    assert found.shape == image.shape[:2]
    assert ndi.label(found)[1] == 1
    turned = find_fov(np.ascontiguousarray(np.rot90(image, turns))).mask
    assert dice(np.rot90(turned, -turns), found) > 0.995


# Surrounds


@pytest.mark.parametrize("kind", KINDS)
def test_the_field_of_view_is_found_whatever_lies_around_it(kind: str) -> None:
    for seed in range(3):
        photo = surrounded(kind, seed)
        found = find_fov(photo.image)
        assert dice(found.mask, photo.fov) > 0.98, seed
        assert found.fields == photo.fields, seed
        assert found.outline.fitted == (kind != "no border"), seed


def test_a_photograph_resized_to_another_aspect_has_an_ellipse_of_the_mean_diameter() -> None:
    synthetic = synthesize_fundus(3, size_px=560)
    squashed = np.asarray(Image.fromarray(synthetic.image).resize((512, 400)))
    outline = find_fov(squashed).outline
    assert outline.width_px == pytest.approx(0.94 * 512, rel=0.005)
    assert outline.height_px == pytest.approx(0.94 * 400, rel=0.005)
    assert outline.diameter_px == pytest.approx(0.94 * 456, rel=0.005)
    assert outline.stretch == pytest.approx(512 / 400, rel=0.005)


def test_a_rim_that_fades_to_one_side_leaves_no_crescent_out() -> None:
    synthetic = synthesize_fundus(3, size_px=560)
    fading = np.linspace(0.03, 1, 560)[None, :, None]
    dim = np.rint(synthetic.image * fading).astype(np.uint8)
    assert dice(find_fov(dim).mask, synthetic.fov) > 0.98


def test_two_eyes_are_two_fields_of_view() -> None:
    left, right = synthesize_fundus(1, size_px=400), synthesize_fundus(2, size_px=400)
    found = find_fov(np.hstack([left.image, right.image]))
    assert found.fields == 2
    assert dice(found.mask, np.hstack([left.fov, right.fov])) > 0.985
    assert found.outline.diameter_px == pytest.approx(0.94 * 400, rel=0.01)


@pytest.mark.parametrize("side", [(12, 30), (0, 0)])
def test_a_retina_cut_out_as_a_rectangle_on_a_page_is_the_rectangle(side: tuple[int, int]) -> None:
    retina = synthesize_fundus(3, size_px=560).image[150:400, 140:420]
    page = np.full((320, 400, 3), 255, np.uint8)
    page[40:290, 60:340] = retina
    found = find_fov(page)
    assert not found.outline.fitted
    rectangle = np.zeros((320, 400), bool)
    rectangle[40:290, 60:340] = True
    assert dice(found.mask, rectangle) > 0.97


# A field of view that is given


def grown(mask: Mask, by: int) -> Mask:
    """`mask` some pixels wider, or tighter where `by` is negative."""
    disc = disk((2 * abs(by) + 1, 2 * abs(by) + 1), abs(by), abs(by), abs(by))
    change = ndi.binary_dilation if by > 0 else ndi.binary_erosion
    return np.asarray(change(mask, disc))


@pytest.mark.parametrize("by", [-4, -1, 1, 4])
def test_a_given_mask_that_is_a_little_off_does_not_change_what_a_network_sees(by: int) -> None:
    synthetic = synthesize_fundus(3, size_px=560)
    found, given = find_fov(synthetic.image), grown(synthetic.fov, by)
    seen, inside = given_fov(synthetic.image, given)
    np.testing.assert_array_equal(seen.mask, found.mask)
    np.testing.assert_array_equal(inside.mask, found.mask & given)


def test_a_given_part_of_the_retina_is_where_results_are_wanted() -> None:
    synthetic = synthesize_fundus(3, size_px=560)
    part = np.zeros_like(synthetic.fov)
    part[200:300, 250:400] = True
    seen, inside = given_fov(synthetic.image, part)
    assert seen.outline.diameter_px == pytest.approx(0.94 * 560, rel=0.01)
    np.testing.assert_array_equal(inside.mask, part)


def test_a_given_mask_that_is_quite_another_is_taken_at_its_word() -> None:
    synthetic = synthesize_fundus(3, size_px=560)
    other = disk(synthetic.fov.shape, 60, 60, 100)
    seen, inside = given_fov(synthetic.image, other)
    np.testing.assert_array_equal(seen.mask, other)
    np.testing.assert_array_equal(inside.mask, other)


def test_a_mask_tells_its_outline() -> None:
    field = outlined(disk((900, 700), 450, 340, 310))
    assert field.outline.diameter_px == pytest.approx(620, abs=1)
    assert field.fields == 1


def test_the_circle_scales_with_the_image() -> None:
    synthetic = synthesize_fundus(5, size_px=512)
    half = Image.fromarray(synthetic.image).resize((256, 256), Image.Resampling.BILINEAR)
    large, small = find_fov(synthetic.image).outline, find_fov(np.asarray(half)).outline
    # A field of view of 94 % of the frame is what `synthesize_fundus` draws.
    assert large.diameter_px == pytest.approx(0.94 * 512, rel=0.01)
    assert small.diameter_px == pytest.approx(large.diameter_px / 2, rel=0.01)


# The rim


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (30, 47)], ids=str)
def test_the_rim_is_what_lies_near_the_field_of_view(size: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(size))
    for share in (0.02, 0.3, 0.9):
        fov = random.random(size) < share
        before = fov.copy()
        expected = fov.copy()
        if fov.any():
            expected |= ndi.distance_transform_edt(~fov) <= RIM_PX
        np.testing.assert_array_equal(with_rim(fov), expected)
        np.testing.assert_array_equal(fov, before)


def test_a_whole_frame_has_no_rim() -> None:
    assert with_rim(np.ones((5, 7), bool)).all()
