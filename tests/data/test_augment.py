"""Geometry moves photograph, truth and field of view together; light moves the photograph only."""

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import tv_tensors

from venule.data.augment import (
    AugmentationConfig,
    Labels,
    Sample,
    add_noise,
    blur,
    change_gamma,
    compress,
    geometric,
    illuminate,
    narrowed,
    photometric,
    random_crop,
)

GEOMETRY: dict[str, dict[str, Any]] = {
    "horizontal flip": {"horizontal_flip_p": 1},
    "vertical flip": {"vertical_flip_p": 1},
    "quarter turn": {"quarter_turn_p": 1},
    "shift": {"shift": 0.2},
    "scale": {"scale": 0.3},
    "rotation": {"rotate_deg": 90},
    "elastic": {"elastic_p": 1, "elastic_px": 3, "elastic_sigma_px": 6},
}
LIGHT: dict[str, dict[str, Any]] = {
    "hue": {"hue": 0.2},
    "saturation": {"saturation": 0.5},
    "value": {"value": 0.5},
    "contrast": {"contrast": 0.5},
    "gamma": {"gamma": 0.8},
    "illumination": {"illumination": 0.4},
    "blur": {"blur_p": 1, "blur_sigma_px": 2},
    "noise": {"noise_p": 1, "noise": 0.2},
    "jpeg": {"jpeg_p": 1, "jpeg_quality": 5},
}
ALL_GEOMETRY = {key: value for options in GEOMETRY.values() for key, value in options.items()}
ALL_LIGHT = {key: value for options in LIGHT.values() for key, value in options.items()}

SIDE = 64


def as_sample(image: Tensor, truth: Tensor, fov: Tensor) -> Sample:
    return {
        "image": tv_tensors.Image(image),
        "truth": Labels(truth),
        "fov": tv_tensors.Mask(fov.to(torch.uint8)),
    }


def coded_sample() -> Sample:
    """A sample whose photograph spells out its truth in red and its field of view in green."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    truth = ((rows - 0.6 * columns - 8).abs() < 2.5) | ((rows - 20).abs() < 1.5)
    fov = torch.hypot(rows - 30.0, columns - 33.0) < 26
    truth, fov = truth.float()[None], fov.float()[None]
    return as_sample(torch.cat((truth, fov, torch.full_like(truth, 0.5))), truth, fov)


def colored_sample() -> Sample:
    """A photograph of random smooth colours."""
    coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    image = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")[0]
    return {**coded_sample(), "image": tv_tensors.Image(image)}


def augmented(sample: Sample, options: dict[str, Any], seed: int = 0) -> Sample:
    torch.manual_seed(seed)
    config = AugmentationConfig.model_validate(options)
    changed: Sample = nn.Sequential(*geometric(config), *photometric(config))(sample)
    return changed


def test_the_default_changes_nothing() -> None:
    sample = colored_sample()
    for key, value in augmented(sample, {}).items():
        assert torch.equal(value, sample[key])


@pytest.mark.parametrize("options", [*GEOMETRY.values(), ALL_GEOMETRY], ids=[*GEOMETRY, "all"])
@pytest.mark.parametrize("seed", range(3))
def test_geometry_moves_photograph_truth_and_field_of_view_together(
    options: dict[str, Any], seed: int
) -> None:
    moved = augmented(coded_sample(), options, seed)
    image = moved["image"].as_subclass(Tensor)
    torch.testing.assert_close(image[:1], moved["truth"].as_subclass(Tensor), rtol=0, atol=1e-5)
    # The field of view takes the nearest pixel: clear where its interpolated copy is 0 or 1.
    inside, copy = moved["fov"][0] == 1, image[1]
    assert inside[copy > 0.999].all()
    assert not inside[copy < 0.001].any()
    assert int(inside.sum()) > 500


@pytest.mark.parametrize("options", GEOMETRY.values(), ids=GEOMETRY)
def test_each_geometric_change_alone_has_an_effect(options: dict[str, Any]) -> None:
    sample = coded_sample()
    moved = augmented(sample, options)
    for key in ("image", "truth", "fov"):
        assert not torch.equal(moved[key], sample[key])


@pytest.mark.parametrize("options", [*LIGHT.values(), ALL_LIGHT], ids=[*LIGHT, "all"])
@pytest.mark.parametrize("seed", range(3))
def test_light_changes_the_photograph_only_and_keeps_its_range(
    options: dict[str, Any], seed: int
) -> None:
    sample = colored_sample()
    changed = augmented(sample, options, seed)
    assert torch.equal(changed["truth"], sample["truth"])
    assert torch.equal(changed["fov"], sample["fov"])
    image = changed["image"]
    assert not torch.equal(image, sample["image"])
    assert image.dtype == torch.float32
    assert image.shape == sample["image"].shape
    assert float(image.min()) >= 0
    assert float(image.max()) <= 1 + 1e-6


@pytest.mark.parametrize("options", [ALL_GEOMETRY, ALL_LIGHT], ids=["geometry", "light"])
def test_the_seed_decides_everything(options: dict[str, Any]) -> None:
    first, again = (augmented(colored_sample(), options, seed=7) for _ in range(2))
    other = augmented(colored_sample(), options, seed=8)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["image"], other["image"])


def test_samples_keep_their_types_through_every_change() -> None:
    changed = augmented(colored_sample(), ALL_GEOMETRY | ALL_LIGHT)
    assert isinstance(changed["image"], tv_tensors.Image)
    assert isinstance(changed["truth"], Labels)
    assert isinstance(changed["fov"], tv_tensors.Mask)
    assert set(changed["fov"].unique().tolist()) <= {0, 1}


def test_a_quarter_turn_is_one_of_three() -> None:
    sample = coded_sample()
    turned = {
        turns: torch.rot90(sample["truth"].as_subclass(Tensor), turns, (-2, -1))
        for turns in (1, 2, 3)
    }
    seen = set()
    for seed in range(20):
        truth = augmented(sample, {"quarter_turn_p": 1}, seed)["truth"].as_subclass(Tensor)
        seen |= {turns for turns, expected in turned.items() if torch.equal(truth, expected)}
    assert seen == {1, 2, 3}


def test_a_probability_of_a_half_changes_about_half_of_the_samples() -> None:
    sample = coded_sample()
    kept = sum(
        torch.equal(augmented(sample, {"vertical_flip_p": 0.5}, seed)["fov"], sample["fov"])
        for seed in range(100)
    )
    assert 35 <= kept <= 65


def ramp(height: int, width: int) -> Sample:
    """A photograph whose red and green are each pixel's row and column, in thousandths."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = torch.stack((rows, columns, torch.ones_like(rows))).float() / 1000
    return as_sample(image, image[2:], torch.ones(1, height, width))


def crop_of(sample: Sample, options: dict[str, Any], seed: int, side: int = 32) -> Sample:
    torch.manual_seed(seed)
    return random_crop(sample, side, AugmentationConfig.model_validate(options))


@pytest.mark.parametrize("turn_deg", [0, 30, 180])
def test_a_crop_is_turned_and_scaled_without_shear(turn_deg: int) -> None:
    sample = ramp(400, 500)
    for seed in range(20):
        crop = crop_of(sample, {"rotate_deg": turn_deg, "scale": 0.4}, seed)
        inside = crop["fov"][0].bool().as_subclass(Tensor)
        rows, columns = crop["image"].as_subclass(Tensor)[:2] * 1000
        down = (rows[1:, :-1] - rows[:-1, :-1], columns[1:, :-1] - columns[:-1, :-1])
        right = (rows[:-1, 1:] - rows[:-1, :-1], columns[:-1, 1:] - columns[:-1, :-1])
        whole = F.avg_pool2d(inside[None, None].float(), 5, 1, 2)[0, 0, :-1, :-1] > 0.999
        step = torch.hypot(*right)[whole]
        assert step.std() < 1e-3
        assert 1 / 1.4 - 1e-3 <= float(step.mean()) <= 1 / 0.6 + 1e-3
        torch.testing.assert_close(right[0][whole], -down[1][whole], atol=2e-3, rtol=0)
        torch.testing.assert_close(right[1][whole], down[0][whole], atol=2e-3, rtol=0)
        angle = math.degrees(
            math.atan2(float(right[0][whole].mean()), float(right[1][whole].mean()))
        )
        assert abs(angle) <= turn_deg + 0.1


def test_a_moved_crop_shows_the_photograph_wherever_it_reaches() -> None:
    sample = ramp(200, 200)
    for seed in range(40):
        crop = crop_of(sample, {"rotate_deg": 180, "scale": 0.3, "elastic_p": 0.5}, seed, side=64)
        fov = crop["fov"].bool().as_subclass(Tensor)
        assert float(fov.float().mean()) > 0.3
        light = crop["image"].as_subclass(Tensor)[2:] * 1000
        assert (light[fov] >= 0.49).all()
        assert (light[~fov] <= 0.51).all()


def test_a_crop_moves_photograph_truth_and_field_of_view_together() -> None:
    options = {"rotate_deg": 180, "scale": 0.4, "shift": 0.1, "elastic_p": 1, "quarter_turn_p": 0.5}
    for seed in range(10):
        crop = crop_of(coded_sample(), options, seed, side=48)
        red, green, _ = crop["image"].as_subclass(Tensor)
        torch.testing.assert_close(crop["truth"].as_subclass(Tensor)[0], red)
        assert torch.equal(crop["fov"].as_subclass(Tensor)[0].bool(), green >= 0.5)


def test_a_displaced_crop_has_the_root_mean_square_that_was_asked_for() -> None:
    squares = []
    for seed in range(4):
        options = {"elastic_p": 1, "elastic_px": 2.0, "elastic_sigma_px": 6}
        crop = crop_of(ramp(700, 700), options, seed, side=512)
        rows = crop["image"].as_subclass(Tensor)[0] * 1000
        inside = F.avg_pool2d(crop["fov"].as_subclass(Tensor).float(), 21, 1, 10)[0] > 0.999
        offset = rows - torch.arange(512)[:, None]
        squares.append((offset - offset[inside].mean())[inside].square().mean())
    assert float(torch.stack(squares).mean().sqrt()) == pytest.approx(2.0, rel=0.1)


def test_elastic_displacement_has_the_root_mean_square_that_was_asked_for() -> None:
    side = 256
    columns = torch.arange(side).expand(3, side, side) / side
    ones = torch.ones(1, side, side)
    options = {"elastic_p": 1, "elastic_px": 2.0, "elastic_sigma_px": 6}
    squares = []
    for seed in range(4):
        moved = augmented(as_sample(columns, ones, ones), options, seed)["image"]
        inner = (moved - columns).as_subclass(Tensor)[0, 24:-24, 24:-24] * side
        squares.append(inner.square().mean())
    assert float(torch.stack(squares).mean().sqrt()) == pytest.approx(2.0, rel=0.1)


def test_gamma_keeps_black_and_white_and_its_exponent_within_range() -> None:
    image = torch.tensor([0.0, 0.5, 1.0]).expand(3, 1, 3)
    exponents = []
    for _ in range(200):
        black, grey, white = change_gamma(image, 1.0)[0, 0].tolist()
        assert (black, white) == (0, 1)
        exponents.append(math.log(grey) / math.log(0.5))
    assert 0.5 <= min(exponents) < 0.6
    assert 1.8 < max(exponents) <= 2 + 1e-5


def test_illumination_is_smooth_and_within_its_strength() -> None:
    image = torch.full((3, 50, 50), 0.5)
    field = illuminate(image, 0.3) / image
    assert 0.7 <= float(field.min()) < float(field.max()) <= 1.3
    assert float(field.diff(dim=-1).abs().max()) <= 0.6 / 24 + 1e-4  # three corners, linear between


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    image = torch.rand(3, SIDE, SIDE)
    blurred = blur(image, 2.0)
    assert float(blurred.mean()) == pytest.approx(float(image.mean()), abs=0.01)
    assert float(blurred.std()) < float(image.std())


def test_noise_has_at_most_the_deviation_that_was_asked_for() -> None:
    grey = torch.full((3, SIDE, SIDE), 0.5)
    deviations = [float(add_noise(grey, 0.05).std()) for _ in range(30)]
    assert max(deviations) < 0.0525
    assert max(deviations) - min(deviations) > 0.02


def test_jpeg_compression_is_that_of_a_photograph() -> None:
    grey = torch.full((3, SIDE, SIDE), 100 / 255)
    assert torch.allclose(compress(grey, 50), grey, atol=1.5 / 255)
    noise = torch.rand(3, SIDE, SIDE)
    coded = compress(noise, 20)
    # It holds grey levels only, and colour is coded more coarsely than light.
    assert torch.equal((coded * 255).round() / 255, coded)
    light, coded_light = noise.mean(0), coded.mean(0)
    assert float((coded - noise).std()) > 0.02
    assert float((coded_light - light).std()) < float((coded - noise).std())


@pytest.mark.parametrize(
    "options", [{"rotate": 3}, {"scale": 1.0}, {"jpeg_quality": 0}, {"vertical_flip_p": 1.1}]
)
def test_settings_that_are_unknown_or_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AugmentationConfig.model_validate(options)


def test_crops_lie_about_each_class_as_often_and_a_quarter_of_their_side_off_at_most() -> None:
    truth = torch.zeros(2, 200, 300)
    truth[0, 40:50, 60:70], truth[1, 140:144, 240:244] = 1, 1
    sample = as_sample(ramp(200, 300)["image"].as_subclass(Tensor), truth, torch.ones(1, 200, 300))
    middles = ((44.5, 64.5), (141.5, 241.5))
    shown = [0, 0]
    for seed in range(60):
        rows, columns = crop_of(sample, {"crop_on_class_p": 1}, seed)["image"][:2, 15, 15] * 1000
        off = [max(abs(rows - row), abs(columns - column)) for row, column in middles]
        near = min(range(2), key=off.__getitem__)
        assert off[near] <= 32 / 4 + 1
        shown[near] += 1
    assert min(shown) >= 20


def test_crops_of_a_photograph_without_its_classes_lie_about_its_middle() -> None:
    sample = as_sample(
        ramp(200, 300)["image"].as_subclass(Tensor),
        torch.zeros(1, 200, 300),
        torch.ones(1, 200, 300),
    )
    rows, columns = crop_of(sample, {"crop_on_class_p": 1}, 0)["image"][:2, 15, 15] * 1000
    assert max(abs(rows - 99.5), abs(columns - 149.5)) <= 32 / 4 + 1


def test_a_field_of_view_is_narrowed_by_each_number_of_pixels() -> None:
    rows, columns = torch.meshgrid(torch.arange(101), torch.arange(101), indexing="ij")
    radius = torch.hypot(rows - 50.0, columns - 50.0)
    fov = tv_tensors.Mask((radius <= 40).to(torch.uint8)[None])
    narrower = set()
    for seed in range(40):
        torch.manual_seed(seed)
        inside = narrowed(fov, 3)[0] > 0
        assert not inside[radius > 40].any()
        # The same distance in every direction, to a pixel.
        lost = 40 - float(radius[inside].max()), 40 - float(radius[~inside].min())
        assert abs(lost[0] - lost[1]) < 1.5
        narrower.add(round(40 - math.sqrt(int(inside.sum()) / math.pi)))
    assert narrower == {0, 1, 2, 3}


def test_the_sides_of_a_crop_are_not_narrowed() -> None:
    whole = tv_tensors.Mask(torch.ones(1, 32, 32, dtype=torch.uint8))
    for seed in range(10):
        torch.manual_seed(seed)
        assert narrowed(whole, 3).all()
