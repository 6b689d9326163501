import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray

import venule
from venule.analysis.analyse import analyse
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import ImageError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov, outlined
from venule.image.levels import Levels, to_levels
from venule.image.photograph import read_photograph
from venule.quality.assess import (
    BLURRED,
    COMPRESSED,
    GRADES,
    LIMITS,
    LOW_CONTRAST,
    NO_COLOR,
    NO_EDGE,
    NO_FIELD,
    NO_VESSELS,
    NOISY,
    NOT_A_FUNDUS,
    OVEREXPOSED,
    REASONS,
    STRANGE_COLORS,
    TOO_DARK,
    TOO_SMALL,
    UNCERTAIN,
    Quality,
    assess,
    expect,
    judge,
)
from venule.quality.degrade import (
    Degradation,
    Degraded,
    add_noise,
    blur,
    compress,
    crop,
    darken,
    overexpose,
    shrink,
)
from venule.quality.features import QualityFeatures
from venule.synth.fundus import synthesize_fundus

GOOD = QualityFeatures(
    diameter_px=540,
    edge_visible=True,
    spread=150,
    brightness=0.8,
    overexposed=0,
    contrast=0.03,
    sharpness=0.75,
    blockiness=0.002,
    saturation=0.7,
    warm=1,
    vessels=0.1,
    largest_component=0.9,
)


@pytest.fixture(scope="module")
def photo() -> Degraded:
    synthetic = synthesize_fundus(0, size_px=400)
    return Degraded(synthetic.image, synthetic.fov, synthetic.vessels)


def _sure(vessels: Mask) -> Levels:
    """The probabilities of a network that is rather sure, and right."""
    return to_levels(np.where(vessels, 0.95, 0.01).astype(np.float32))


def _assess(photo: Degraded) -> Quality:
    fov = find_fov(photo.image)
    return assess(photo.image, fov, _sure(photo.vessels) * fov.mask, threshold=0.5)


def test_a_good_photograph_is_ok_without_reasons(photo: Degraded) -> None:
    quality = _assess(photo)
    assert quality.grade == "ok"
    assert quality.reasons == ()
    assert 0 < quality.uncertainty < 0.2


@pytest.mark.parametrize(
    ("reason", "change", "grade"),
    [
        (TOO_SMALL, {"diameter_px": 240}, "usable"),
        (TOO_SMALL, {"diameter_px": 90}, "reject"),
        (TOO_DARK, {"brightness": 0.19}, "usable"),
        (TOO_DARK, {"brightness": 0.04}, "reject"),
        (OVEREXPOSED, {"overexposed": 0.15}, "usable"),
        (OVEREXPOSED, {"overexposed": 0.5}, "reject"),
        (LOW_CONTRAST, {"contrast": 0.009}, "usable"),
        (LOW_CONTRAST, {"contrast": 0.003}, "reject"),
        (BLURRED, {"sharpness": 0.4}, "usable"),
        (BLURRED, {"sharpness": 0.1}, "reject"),
        (NOISY, {"sharpness": 1.3}, "usable"),
        (NOISY, {"sharpness": 2.0}, "reject"),
        (COMPRESSED, {"blockiness": 0.03}, "usable"),
        (COMPRESSED, {"blockiness": 0.08}, "reject"),
        (NO_VESSELS, {"vessels": 0.01}, "usable"),
        (NO_VESSELS, {"vessels": 0.001}, "reject"),
        (NO_COLOR, {"saturation": 0.02}, "usable"),
        (STRANGE_COLORS, {"warm": 0.8}, "usable"),
        (NO_EDGE, {"edge_visible": False}, "usable"),
        (NOT_A_FUNDUS, {"warm": 0.2}, "reject"),
        (NOT_A_FUNDUS, {"contrast": 0.12}, "reject"),
        (NOT_A_FUNDUS, {"vessels": 0.5}, "reject"),
        (NOT_A_FUNDUS, {"largest_component": 0.2}, "reject"),
        (NO_FIELD, {"spread": 1}, "reject"),
    ],
)
def test_one_bad_measure_is_the_reason(reason: str, change: dict[str, Any], grade: str) -> None:
    quality = judge(replace(GOOD, **change), 0.2)
    assert quality.grade == grade
    assert reason in quality.reasons
    assert judge(GOOD, 0.2).grade == "ok"


def test_a_vessel_map_in_pieces_says_more_where_no_edge_is_seen() -> None:
    components = replace(GOOD, largest_component=0.3)
    assert NOT_A_FUNDUS not in judge(components, 0.2).reasons
    assert NOT_A_FUNDUS in judge(replace(components, edge_visible=False), 0.2).reasons


def test_a_grey_photograph_is_not_judged_by_its_colours() -> None:
    grey = judge(replace(GOOD, saturation=0.0, warm=0.3), 0.2)
    assert NOT_A_FUNDUS not in grey.reasons
    assert grey.grade == "usable"


def test_uncertain_vessels_are_a_reason_of_their_own() -> None:
    assert judge(GOOD, 0.4).reasons == (UNCERTAIN,)
    assert judge(GOOD, 0.4).grade == "usable"
    assert judge(GOOD, 0.7).grade == "reject"


def test_the_worst_reason_is_the_grade_and_all_are_told_in_their_order() -> None:
    quality = judge(replace(GOOD, sharpness=0.1, brightness=0.15, saturation=0.0), 0.9)
    assert quality.grade == "reject"
    assert quality.reasons == (TOO_DARK, BLURRED, NO_COLOR, UNCERTAIN)
    assert sorted(quality.reasons, key=REASONS.index) == list(quality.reasons)
    assert {*LIMITS, NO_FIELD, NO_EDGE, NOT_A_FUNDUS} == set(REASONS)
    assert GRADES == ("ok", "usable", "reject")


def test_blocks_lower_what_is_expected() -> None:
    assert expect(0.8, replace(GOOD, blockiness=0.03)) == 0.8
    assert expect(0.8, replace(GOOD, blockiness=0.16)) == pytest.approx(0.4)


def test_blur_and_noise_lower_what_is_expected_and_sharp_photographs_keep_it() -> None:
    expected = [expect(0.8, replace(GOOD, sharpness=s)) for s in (0, 0.125, 0.5, 1.0, 2.2)]
    assert expected == pytest.approx([0, 0.4, 0.8, 0.8, 0.4])
    assert expect(0.8, None) == 0


@pytest.mark.parametrize(
    ("degrade", "strength", "reason"),
    [
        (blur, 0.02, BLURRED),
        (darken, 0.04, TOO_DARK),
        (overexpose, 6, OVEREXPOSED),
        (add_noise, 70, NOISY),
        (compress, 3, COMPRESSED),
        (shrink, 80, TOO_SMALL),
    ],
)
def test_a_photograph_that_was_spoilt_badly_is_rejected_for_that(
    photo: Degraded, degrade: Degradation, strength: float, reason: str
) -> None:
    quality = _assess(degrade(photo, strength))
    assert quality.grade == "reject"
    assert reason in quality.reasons


def test_a_photograph_without_the_edge_is_usable_and_says_so(photo: Degraded) -> None:
    quality = _assess(crop(photo, 0.65))
    assert quality.grade == "usable"
    assert quality.reasons == (NO_EDGE,)


def test_a_grey_photograph_is_usable_and_says_so(photo: Degraded) -> None:
    grey = np.repeat(photo.image[..., 1:2], 3, axis=2)
    quality = _assess(replace(photo, image=grey))
    assert quality.grade == "usable"
    assert NO_COLOR in quality.reasons


def test_a_photograph_in_blue_is_none_of_a_fundus(photo: Degraded) -> None:
    quality = _assess(replace(photo, image=np.ascontiguousarray(photo.image[..., ::-1])))
    assert quality.grade == "reject"
    assert NOT_A_FUNDUS in quality.reasons


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 100, 40)])
def test_an_empty_frame_has_no_field_of_view(color: tuple[int, int, int]) -> None:
    image = np.full((300, 300, 3), color, np.uint8)
    nothing = np.zeros((300, 300), np.uint16)
    quality = assess(image, find_fov(image), nothing, threshold=0.5)
    assert quality.grade == "reject"
    assert quality.reasons[0] == NO_FIELD
    assert quality.uncertainty == 1


def test_of_a_large_photograph_a_sample_of_pixels_is_enough(photo: Degraded) -> None:
    small = _assess(photo)
    image = photo.image.repeat(5, axis=0).repeat(5, axis=1)
    fov, vessels = (mask.repeat(5, axis=0).repeat(5, axis=1) for mask in (photo.fov, photo.vessels))
    large = assess(image, outlined(fov), _sure(vessels) * fov, threshold=0.5)
    assert small.features is not None
    assert large.features is not None
    assert large.features.diameter_px == pytest.approx(5 * small.features.diameter_px, rel=0.02)
    assert large.uncertainty == pytest.approx(small.uncertainty, abs=0.02)
    assert large.grade == "ok"


def test_a_field_of_view_without_a_pixel_has_no_measures() -> None:
    image, nothing = np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30), np.uint16)
    quality = assess(image, outlined(nothing > 0), nothing, threshold=0.5)
    assert (quality.grade, quality.reasons) == ("reject", (NO_FIELD,))
    assert quality.features is None
    assert quality.uncertainty == 1


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (301, 1)])
def test_frames_of_any_shape_have_a_grade(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    levels = to_levels(np.random.default_rng(1).random(shape, np.float32))
    quality = assess(image, outlined(np.ones(shape, bool)), levels, threshold=0.5)
    assert quality.grade in GRADES
    assert 0 <= quality.uncertainty <= 1


@pytest.mark.parametrize(
    ("image", "levels"),
    [
        (np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint16)),
        (np.zeros((30, 30, 3), np.uint8), np.zeros((30, 31), np.uint16)),
        (np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30), np.float32)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(image: NDArray[Any], levels: NDArray[Any]) -> None:
    with pytest.raises(ImageError, match="expected"):
        assess(image, outlined(np.ones((30, 30), bool)), levels, threshold=0.5)


REJECTED = ("astronaut.png", "coffee.png", "coins.png", "rocket.jpg")
"""By their colours or contrast, whatever a network sees in them."""

NOT_OK = ("camera.png", "chelsea.png", "moon.png", "page.png", "text.png")


def _read(name: str) -> RGB:
    return read_photograph(Path(skimage.__file__).parent / "data" / name).pixels


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_pictures_of_other_things_are_not_ok_and_a_fundus_is() -> None:
    segmenter = venule.load("general", runtime="onnx")
    grades = {}
    for name in (*REJECTED, *NOT_OK, "retina.jpg"):
        quality = analyse(_read(name), segmenter).quality
        assert quality is not None
        grades[name] = quality.grade
    assert grades.pop("retina.jpg") == "ok"
    assert {grades[name] for name in REJECTED} == {"reject"}
    assert "ok" not in grades.values()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "protocol"), [("DRIVE", "whole"), ("CHASE_DB1", "first20"), ("HRF", "orlando")]
)
def test_real_photographs_for_training_are_ok(real_data: Path, name: str, protocol: str) -> None:
    cases = select(open_dataset(name, data_root=real_data), protocol, "train").cases[::6]
    segmenter = venule.load("general", runtime="onnx")
    for record in cases:
        quality = analyse(record.image, segmenter).quality
        assert quality is not None
        assert quality.grade == "ok", (record.id, quality)
        assert not math.isnan(quality.uncertainty)
