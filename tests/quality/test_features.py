import math

import numpy as np
import pytest
from PIL import Image

from degrade import Degraded, add_noise, blur, compress
from venule.image.arrays import RGB, Mask
from venule.image.fov import outlined
from venule.quality.features import QualityFeatures, expected_dice, quality_features
from venule.synth.fundus import synthesize_fundus


def _disk(side: int, diameter: float) -> Mask:
    rows, columns = np.ogrid[:side, :side]
    middle = (side - 1) / 2
    return np.asarray((rows - middle) ** 2 + (columns - middle) ** 2 <= (diameter / 2) ** 2)


def _features(image: RGB, fov: Mask, vessels: Mask) -> QualityFeatures:
    features = quality_features(image, outlined(fov), vessels)
    assert features is not None
    return features


def _synthetic(size_px: int = 400) -> Degraded:
    synthetic = synthesize_fundus(0, size_px=size_px)
    return Degraded(synthetic.image, synthetic.fov, synthetic.vessels)


def test_the_expected_dice_of_four_pixels_is_that_of_the_formula() -> None:
    probability = np.array([[0.9, 0.8, 0.3, 0.1]], np.float32)
    vessels = np.array([[True, True, False, False]])
    assert expected_dice(probability, vessels) == pytest.approx(2 * 1.7 / (2.1 + 2))


def test_the_expected_dice_is_the_mean_dice_of_truths_drawn_with_these_probabilities() -> None:
    rng = np.random.default_rng(0)
    probability = rng.beta(0.3, 0.9, (80, 80)).astype(np.float32)
    vessels = probability >= 0.5
    scores = []
    for _ in range(40):
        truth = rng.random(probability.shape) < probability
        scores.append(2 * (truth & vessels).sum() / (truth.sum() + vessels.sum()))
    assert expected_dice(probability, vessels) == pytest.approx(np.mean(scores), abs=0.005)


def test_the_expected_dice_is_that_of_an_enlarged_map_and_of_a_wider_frame() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random((60, 60)).astype(np.float32)
    large = probability.repeat(40, axis=0).repeat(40, axis=1)
    expected = expected_dice(probability, probability >= 0.6)
    assert expected_dice(large, large >= 0.6) == pytest.approx(expected, abs=0.01)
    framed = np.pad(probability, 30)
    assert expected_dice(framed, framed >= 0.6) == pytest.approx(expected)


def test_nothing_is_expected_of_an_empty_map() -> None:
    zero = np.zeros((5, 5), np.float32)
    assert expected_dice(zero, zero > 0) == 0.0
    assert expected_dice(zero + np.float32(0.3), zero > 0) == 0.0


@pytest.mark.parametrize(("side", "diameter"), [(120, 100), (600, 540), (2400, 2000)])
def test_the_diameter_is_in_pixels_of_the_photograph(side: int, diameter: int) -> None:
    fov = _disk(side, diameter)
    image = np.full((side, side, 3), (200, 100, 40), np.uint8) * fov[..., None]
    features = _features(image.astype(np.uint8), fov, fov & False)
    assert features.edge_visible
    assert features.diameter_px == pytest.approx(diameter, rel=0.02)


def test_a_flat_orange_disk_has_the_colours_that_were_painted() -> None:
    fov = _disk(300, 260)
    image = (np.full((300, 300, 3), (200, 100, 40)) * fov[..., None]).astype(np.uint8)
    features = _features(image, fov, fov & False)
    assert features.brightness == pytest.approx(200 / 255)
    assert features.saturation == pytest.approx(160 / 200)
    assert features.warm == 1
    assert features.overexposed == features.spread == 0
    assert features.contrast == pytest.approx(0, abs=1e-4)
    assert features.vessels == features.largest_component == 0


def test_the_spread_is_that_of_the_liveliest_channel() -> None:
    whole = np.ones((200, 200), bool)
    image = np.full((200, 200, 3), 255, np.uint8)
    image[:100, :, 1] = 55  # red and blue are saturated
    assert _features(image, whole, ~whole).spread == 200


def test_without_an_edge_the_diagonal_stands_for_the_diameter() -> None:
    whole = np.ones((300, 400), bool)
    image = np.full((300, 400, 3), 90, np.uint8)
    features = _features(image, whole, ~whole)
    assert not features.edge_visible
    assert features.diameter_px == pytest.approx(500, rel=0.01)
    assert features.saturation == 0


def test_overexposed_pixels_are_counted_inside_the_field_of_view() -> None:
    fov = _disk(320, 300)
    image = np.full((320, 320, 3), 255, np.uint8)  # white around it too
    image[fov] = (180, 90, 40)
    image[:160][fov[:160]] = 255
    assert _features(image, fov, fov & False).overexposed == pytest.approx(0.5, abs=0.01)


def test_the_share_of_vessels_and_of_their_largest_piece_are_those_of_rectangles() -> None:
    fov = _disk(320, 300)
    vessels = np.zeros((320, 320), bool)
    vessels[100:130, 100:160] = True
    vessels[200:210, 100:160] = True
    image = np.full((320, 320, 3), (200, 100, 40), np.uint8)
    features = _features(image, fov, vessels)
    assert features.vessels == pytest.approx(2400 / fov.sum())
    assert features.largest_component == pytest.approx(
        0.75, abs=0.03
    )  # edges count as whole pixels


def test_blur_lowers_sharpness_and_noise_raises_it() -> None:
    photo = _synthetic()
    sharpness = [
        _features(degraded.image, degraded.fov, degraded.vessels).sharpness
        for degraded in (blur(photo, 0.01), blur(photo, 0.005), photo, add_noise(photo, 30))
    ]
    assert sharpness == sorted(sharpness)
    assert sharpness[0] < 0.4 * sharpness[2]
    assert sharpness[3] > 1.3 * sharpness[2]


def test_blockiness_is_the_ratio_of_the_steps_that_were_drawn() -> None:
    # Squares of 8 px whose levels alternate by 40, and inside them every second pixel is 10 higher:
    # steps of 10 between neighbours, of 40 +- 10 from square to square.
    rows, columns = np.indices((320, 320))
    levels = 100 + 40 * ((rows // 8 + columns // 8) % 2) + 10 * ((rows + columns) % 2)
    image = np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)
    whole = np.ones((320, 320), bool)
    expected = (40 / 10 - 1) * 8 / math.hypot(320, 320)
    assert _features(image, whole, ~whole).blockiness == pytest.approx(expected, rel=0.03)
    moved = np.roll(image, (3, 5), axis=(0, 1))
    assert _features(moved, whole, ~whole).blockiness == pytest.approx(expected, rel=0.05)


def test_a_flat_photograph_and_noise_have_no_blocks() -> None:
    whole = np.ones((300, 300), bool)
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    for image in (noise, np.full((300, 300, 3), 90, np.uint8)):
        assert _features(image, whole, ~whole).blockiness == pytest.approx(0, abs=0.002)


def test_blocks_are_seen_in_a_compressed_photograph_at_its_own_size() -> None:
    photo = compress(_synthetic(), 10)
    features = _features(photo.image, photo.fov, photo.vessels)
    step = quality_features(photo.image, outlined(photo.fov), photo.vessels[::2, ::2], step=2)
    assert features.blockiness > 0.03
    assert step is not None
    assert step.blockiness == pytest.approx(features.blockiness, rel=0.02)


def test_an_enlarged_photograph_measures_the_same() -> None:
    photo = _synthetic()
    before = _features(photo.image, photo.fov, photo.vessels)
    image = np.asarray(Image.fromarray(photo.image).resize((1000, 1000), Image.Resampling.BICUBIC))
    fov, vessels = (
        np.asarray(Image.fromarray(mask).resize((1000, 1000)))
        for mask in (photo.fov, photo.vessels)
    )
    after = _features(image, fov, vessels)
    assert after.diameter_px == pytest.approx(2.5 * before.diameter_px, rel=0.02)
    for name in ("brightness", "contrast", "saturation", "vessels", "largest_component"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=0.1), name
    assert after.sharpness == pytest.approx(before.sharpness, rel=0.2)


def test_without_a_field_of_view_there_is_nothing_to_measure() -> None:
    nothing = np.zeros((50, 50), bool)
    assert quality_features(np.zeros((50, 50, 3), np.uint8), outlined(nothing), nothing) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3000, 2), (7, 5), (40, 1700)])
def test_frames_of_any_shape_can_be_measured(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    whole = np.ones(shape, bool)
    features = _features(image, whole, whole)
    assert features.vessels == features.largest_component == 1
