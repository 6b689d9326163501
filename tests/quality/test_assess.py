import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
import sklearn
from numpy.typing import NDArray
from PIL import Image

import venule
from degrade import (
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
from support.others import KINDS, other_picture
from venule.analysis.analyse import analyse
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.errors import ImageError
from venule.image.arrays import RGB, Mask
from venule.image.fov import find_fov, outlined
from venule.image.levels import Levels, to_levels
from venule.image.photograph import read_photograph
from venule.quality.assess import (
    ANGIOGRAM,
    BLURRED,
    COMPRESSED,
    GRADES,
    HIGH_CONTRAST,
    LIMITS,
    LOW_CONTRAST,
    NO_COLOR,
    NO_EDGE,
    NO_FIELD,
    NO_VESSELS,
    NOISY,
    NOT_A_FUNDUS,
    OCT,
    OVEREXPOSED,
    REASONS,
    SCANNING_LASER,
    SEVERAL_FIELDS,
    STRANGE_COLORS,
    STRETCHED,
    TOO_DARK,
    TOO_SMALL,
    ULTRA_WIDE,
    UNCERTAIN,
    Quality,
    assess,
    expect,
    judge,
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
    green=0.5,
    blue=0.3,
    fields=1,
    stretch=1,
    bright_lines=0.75,
    layers=0.2,
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
        (STRANGE_COLORS, {"warm": 0.2}, "usable"),
        (HIGH_CONTRAST, {"contrast": 0.12}, "usable"),
        (SEVERAL_FIELDS, {"fields": 2}, "usable"),
        (STRETCHED, {"stretch": 1.07}, "usable"),
        (NOT_A_FUNDUS, {"warm": 0.2, "contrast": 0.12}, "reject"),
        (NOT_A_FUNDUS, {"warm": 0.2, "edge_visible": False}, "reject"),
        (NOT_A_FUNDUS, {"contrast": 0.12, "edge_visible": False}, "reject"),
        (NOT_A_FUNDUS, {"vessels": 0.5}, "reject"),
        (NOT_A_FUNDUS, {"largest_component": 0.2}, "reject"),
        (NOT_A_FUNDUS, {"largest_component": 0.4, "contrast": 0.12}, "reject"),
        (NOT_A_FUNDUS, {"largest_component": 0.4, "warm": 0.2}, "reject"),
        (NO_FIELD, {"spread": 1}, "reject"),
    ],
)
def test_one_bad_measure_is_the_reason(reason: str, change: dict[str, Any], grade: str) -> None:
    quality = judge(replace(GOOD, **change), 0.2)
    assert quality.grade == grade
    assert reason in quality.reasons
    assert judge(GOOD, 0.2).grade == "ok"


def test_loosely_connected_vessels_alone_or_few_of_them_are_no_reason() -> None:
    for change in (
        {"largest_component": 0.4},
        {"largest_component": 0.4, "vessels": 0.01},
        {"largest_component": 0.4, "edge_visible": False},
    ):
        assert NOT_A_FUNDUS not in judge(_changed(change), 0.2).reasons


def _changed(change: Mapping[str, Any]) -> QualityFeatures:
    return replace(GOOD, **change)


def test_colours_and_doubts_say_more_where_no_edge_is_seen() -> None:
    for change, uncertainty in (({"warm": 0.8}, 0.2), ({"saturation": 0.05}, 0.2), ({}, 0.4)):
        odd = _changed(change)
        assert NOT_A_FUNDUS not in judge(odd, uncertainty).reasons
        assert NOT_A_FUNDUS in judge(replace(odd, edge_visible=False), uncertainty).reasons


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (ANGIOGRAM, {"saturation": 0.0, "bright_lines": 1.4}),
        (
            OCT,
            {
                "saturation": 0.0, "edge_visible": False, "layers": 0.7, "bright_lines": 1.5,
                "contrast": 0.12,
            },
        ),
        (SCANNING_LASER, {"saturation": 0.0, "edge_visible": False}),
        (ULTRA_WIDE, {"stretch": 1.3, "green": 0.8, "blue": 0.02}),
    ],
)  # fmt: skip
def test_other_images_of_the_eye_are_named(reason: str, change: dict[str, Any]) -> None:
    quality = judge(replace(GOOD, **change), 0.2)
    assert reason in quality.reasons
    assert quality.grade != "ok"
    assert reason not in judge(GOOD, 0.2).reasons


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
    rules = {NO_FIELD, NO_EDGE, NOT_A_FUNDUS, SEVERAL_FIELDS}
    modalities = {ANGIOGRAM, OCT, SCANNING_LASER, ULTRA_WIDE}
    assert {*LIMITS, *rules, *modalities} == set(REASONS)
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
def test_a_badly_degraded_photograph_is_rejected_for_that(
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


@pytest.mark.parametrize("gain", [(0.7, 0.5, 1.6), (0.4, 0.7, 2.2), (0.45, 1.0, 0.8)])
def test_a_fundus_in_purple_blue_or_green_is_a_fundus(
    photo: Degraded, gain: tuple[float, float, float]
) -> None:
    tinted = np.clip(photo.image * np.array(gain), 0, 255).astype(np.uint8)
    quality = _assess(replace(photo, image=tinted))
    assert quality.grade != "reject"
    assert NOT_A_FUNDUS not in quality.reasons


def test_red_and_blue_exchanged_are_unusual_colours(photo: Degraded) -> None:
    quality = _assess(replace(photo, image=np.ascontiguousarray(photo.image[..., ::-1])))
    assert quality.grade == "usable"
    assert STRANGE_COLORS in quality.reasons


def test_bright_scars_do_not_hide_a_fundus(photo: Degraded) -> None:
    rows, columns = np.mgrid[:400, :400]
    scarred = photo.image.astype(float) * 0.45
    for row, column in np.random.default_rng(1).uniform(120, 280, (12, 2)):
        spot = np.exp(-((((rows - row) ** 2 + (columns - column) ** 2) / 9**2) ** 2))[..., None]
        scarred += spot * (np.array([240, 215, 140]) - scarred)
    quality = _assess(replace(photo, image=np.rint(scarred).astype(np.uint8)))
    assert quality.grade != "reject"
    assert NOT_A_FUNDUS not in quality.reasons


def test_two_eyes_are_said_and_not_ok(photo: Degraded) -> None:
    pair = Degraded(*(np.hstack([part, part[:, ::-1]]) for part in vars(photo).values()))
    quality = _assess(pair)
    assert quality.grade == "usable"
    assert quality.reasons == (SEVERAL_FIELDS,)


def test_a_photograph_of_another_aspect_is_said_and_not_ok(photo: Degraded) -> None:
    shape = (400, 360)
    squashed = Degraded(
        *(
            np.asarray(Image.fromarray(part).resize(shape[::-1]))
            for part in (photo.image, photo.fov, photo.vessels)
        )
    )
    quality = _assess(squashed)
    assert quality.grade == "usable"
    assert quality.reasons == (STRETCHED,)
    assert quality.features is not None
    assert quality.features.diameter_px == pytest.approx(0.94 * 380, rel=0.01)


def test_bright_vessels_on_grey_look_like_an_angiogram(photo: Degraded) -> None:
    negative = np.where(photo.fov[..., None], 255 - photo.image[..., 1:2], 0)
    quality = _assess(replace(photo, image=np.repeat(negative, 3, axis=2).astype(np.uint8)))
    assert quality.grade == "reject"
    assert ANGIOGRAM in quality.reasons


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


# Pictures of other things


def _pictures() -> Iterator[tuple[str, RGB]]:
    """Pictures that are no fundus: what packages bring along, and those of `support.others`."""
    folders = [(skimage, "data"), (sklearn, "datasets/images")]
    for package, folder in folders:
        for path in sorted((Path(package.__file__).parent / folder).glob("*.*g")):
            if path.stem not in ("retina", "microaneurysms"):
                yield path.name, read_photograph(path).pixels
    for kind in KINDS:
        for seed in range(6):
            yield f"{kind} {seed}", other_picture(kind, seed)


@pytest.mark.slow
def test_pictures_of_other_things_are_never_ok_and_nearly_all_are_rejected() -> None:
    segmenter = venule.load("general", runtime="onnx")
    grades = {name: analyse(image, segmenter).quality for name, image in _pictures()}
    assert len(grades) >= 200
    assert [name for name, quality in grades.items() if quality and quality.grade == "ok"] == []
    rejected = [name for name, quality in grades.items() if quality and quality.grade == "reject"]
    assert len(rejected) >= 0.95 * len(grades), sorted({*grades} - {*rejected})


@pytest.mark.slow
def test_the_retina_that_a_package_brings_along_is_ok() -> None:
    image = read_photograph(Path(skimage.__file__).parent / "data" / "retina.jpg").pixels
    quality = analyse(image, venule.load("general", runtime="onnx")).quality
    assert quality is not None
    assert quality.grade == "ok"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "protocol"), [("DRIVE", "whole"), ("CHASE_DB1", "first20"), ("HRF", "orlando")]
)
def test_real_photographs_for_training_are_ok(real_data: Path, name: str, protocol: str) -> None:
    cases = select(open_dataset(name, data_root=real_data), protocol, "train").cases[::6]
    segmenter = venule.load("general", runtime="onnx")
    for case in cases:
        quality = analyse(case.image, segmenter).quality
        assert quality is not None
        assert quality.grade == "ok", (case.id, quality)
        assert not math.isnan(quality.uncertainty)
