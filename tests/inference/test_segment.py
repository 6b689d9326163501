from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label
from scipy.special import softmax

from venule.errors import ImageError, UsageError
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.fov import find_fov, outlined, with_rim
from venule.image.levels import threshold_level
from venule.image.photograph import Photograph
from venule.image.preprocess import FovScaled, Native, Preprocessing, Square
from venule.image.tiles import Run, Tiling
from venule.inference.segment import Segmenter
from venule.models.record import Calibration, ClassRecord, ComponentRules, ModelRecord
from venule.synth.fundus import synthesize_fundus

NATIVE, WHOLE = Preprocessing(), Tiling()

STEP = 0.51 / 65535
"""Distance by which rounding to a level moves a probability."""


def dark_is_vessel(pixels: FloatMap) -> FloatMap:
    """Logits that are high where green is low: a network of one negative weight."""
    return -5 * pixels[:, 1:2]


def segmenter(
    *,
    preprocessing: Preprocessing = NATIVE,
    tiling: Tiling = WHOLE,
    **settings: Any,
) -> Segmenter:
    """A segmenter of one class with these settings."""
    record = ModelRecord(
        name="fake",
        model="none",
        classes=(ClassRecord(**settings),),
        preprocessing=preprocessing,
        tiling=tiling,
    )
    return Segmenter(record, dark_is_vessel)


@pytest.mark.parametrize("size", [(96, 96), (97, 131), (131, 64)])
@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(),
        Preprocessing(scaling=Square(side_px=64)),
        Preprocessing(scaling=FovScaled(diameter_px=150)),
    ],
)
def test_every_map_has_the_photographs_own_size(
    size: tuple[int, int], preprocessing: Preprocessing
) -> None:
    synthetic = synthesize_fundus(0, size_px=160)
    image, fov = synthetic.image[: size[0], : size[1]], synthetic.fov[: size[0], : size[1]]
    prediction = segmenter(preprocessing=preprocessing).segment(image, fov=fov)
    assert prediction.probability.shape == prediction.vessels.shape == size
    assert prediction.probability.dtype == np.float32
    assert prediction.vessels.dtype == np.bool_


def test_the_probability_is_the_sigmoid_of_the_logit_inside_and_zero_outside() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    image[20:30, 20:30, 1] = 40
    fov = np.zeros((64, 64), bool)
    fov[10:50, 10:50] = True
    fixed = Preprocessing(normalize="fixed", mean=(0, 0, 0), std=(1, 1, 1))
    prediction = segmenter(preprocessing=fixed).segment(image, fov=fov)
    assert prediction.probability[25, 25] == pytest.approx(1 / (1 + np.exp(5 * 40 / 255)), abs=STEP)
    assert prediction.probability[40, 40] == pytest.approx(
        1 / (1 + np.exp(5 * 100 / 255)), abs=STEP
    )
    assert not prediction.probability[~fov].any()
    assert not prediction.vessels[~fov].any()


def test_vessels_are_seen_in_the_rim_of_a_field_that_was_found_and_not_beyond() -> None:
    synthetic = synthesize_fundus(3, size_px=200)
    prediction = segmenter().segment(synthetic.image)
    rim = with_rim(prediction.fov.mask) & ~prediction.fov.mask
    assert (prediction.probability[rim] > 0).mean() > 0.9
    assert not prediction.probability[~with_rim(prediction.fov.mask)].any()
    inside = segmenter().segment(synthetic.image, fov=prediction.fov.mask)
    assert not inside.probability[~prediction.fov.mask].any()


def test_a_pixel_is_vessel_from_the_threshold_on() -> None:
    synthetic = synthesize_fundus(1, size_px=96)
    everything = segmenter().segment(synthetic.image, fov=synthetic.fov)
    level = float(np.median(everything.probability[synthetic.fov]))
    prediction = segmenter(threshold=level).segment(synthetic.image, fov=synthetic.fov)
    assert np.array_equal(prediction.vessels, synthetic.fov & (prediction.probability >= level))
    assert 0.4 < prediction.vessels[synthetic.fov].mean() < 0.6


def test_dark_vessels_are_found_where_they_were_drawn() -> None:
    synthetic = synthesize_fundus(2, size_px=256)
    found = segmenter().segment(synthetic.image).probability
    inside = synthetic.fov & (found > 0)
    assert (
        found[synthetic.vessels & inside].mean() > 0.15 + found[~synthetic.vessels & inside].mean()
    )


def test_tiles_change_nothing_of_a_network_that_looks_at_single_pixels() -> None:
    synthetic = synthesize_fundus(3, size_px=200)
    whole = segmenter().segment(synthetic.image).probability
    tiling = Tiling(tile_px=64, overlap_px=16)
    tiled = segmenter(tiling=tiling).segment(synthetic.image).probability
    np.testing.assert_allclose(tiled, whole, atol=2e-5)


def nearly_all_of(given: Mask, used: Mask) -> Mask:
    """The field that was used: the given one, but for rim pixels that show no retina."""
    assert not (used & ~given).any()
    assert used.sum() > 0.98 * given.sum()
    return used


def test_maps_are_named_by_class() -> None:
    synthetic = synthesize_fundus(4, size_px=64)
    record = ModelRecord(
        name="fake", model="none", classes=(ClassRecord(name="artery"), ClassRecord(name="vein"))
    )

    def two(pixels: FloatMap) -> FloatMap:
        return np.concatenate([pixels[:, 1:2], -pixels[:, 1:2]], axis=1)

    found = Segmenter(record, two).segment(synthetic.image, fov=synthetic.fov)
    maps = found.maps
    assert list(maps) == ["artery", "vein"]
    artery, vein = (maps[name].probability for name in ("artery", "vein"))
    assert np.array_equal(found.probability, np.maximum(artery, vein))
    inside = nearly_all_of(synthetic.fov, found.fov.mask)
    assert found.vessels[inside].all()  # one of the two is at a half or above
    np.testing.assert_allclose((artery + vein)[inside], 1, atol=2 * STEP)


def test_settings_change_a_copy() -> None:
    scaling = FovScaled(diameter_px=300)
    first = segmenter(preprocessing=Preprocessing(scaling=scaling))
    second = first.with_settings(threshold=0.3, resize_px=128)
    assert (second.record.threshold, second.record.threshold_source) == (0.3, "given by the user")
    assert second.record.preprocessing.scaling == Square(side_px=128)
    assert first.record.threshold == 0.5
    assert first.record.preprocessing.scaling == scaling
    assert first.with_settings().record == first.record


def test_with_test_time_augmentation_a_mirrored_photograph_has_the_mirrored_map() -> None:
    def leaning(pixels: FloatMap) -> FloatMap:
        return np.asarray(pixels[:, 1:2] - np.roll(pixels[:, 1:2], 1, axis=-1), np.float32)

    synthetic = synthesize_fundus(1, size_px=96)
    image, fov = synthetic.image[:96, :96], synthetic.fov[:96, :96]
    once = replace(segmenter(), run=leaning)
    mean = once.with_settings(tta=True)
    mirrored = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(fov[:, ::-1])

    def probability(way: Segmenter, photograph: RGB, wanted: Mask) -> FloatMap:
        return way.segment(photograph, fov=wanted).probability

    for way, same in ((once, False), (mean, True)):
        here, there = probability(way, image, fov), probability(way, *mirrored)[:, ::-1]
        assert np.allclose(here, there, atol=2 * STEP) is same
    assert mean.record == once.record
    assert mean.runtime == f"{once.runtime}, mean of 8 symmetries"


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((0, 40, 3), np.uint8),
    ],
)
def test_what_is_no_photograph_is_refused(image: NDArray[Any]) -> None:
    with pytest.raises(ImageError, match="RGB photograph"):
        segmenter().segment(image)


def test_a_field_of_view_of_another_size_is_refused() -> None:
    with pytest.raises(ImageError, match="field of view"):
        segmenter().segment(np.zeros((40, 40, 3), np.uint8), fov=np.ones((40, 41), bool))


def test_a_pillow_image_is_refused_with_the_way_to_read_it_and_a_missing_file_is_said() -> None:
    with pytest.raises(ImageError, match=r"venule\.read_photograph"):
        segmenter().segment(Image.new("RGB", (40, 40)))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"photograph\.jpg: no such file"):
        segmenter().segment("photograph.jpg")


@pytest.mark.parametrize("settings", [{"threshold": 2.0}, {"threshold": 0.0}, {"resize_px": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="use a number"):
        segmenter().with_settings(**settings)


def test_a_calibration_moves_probabilities_and_keeps_their_order() -> None:
    synthetic = synthesize_fundus(1, size_px=96)
    plain = segmenter().segment(synthetic.image, fov=synthetic.fov).probability[synthetic.fov]
    plain = plain.astype(np.float64).clip(1e-6, 1 - 1e-6)
    after = Calibration(scale=0.5, offset=-1.0)
    calibrated = segmenter(calibration=after).segment(synthetic.image, fov=synthetic.fov)
    expected = 1 / (1 + np.exp(1.0 - 0.5 * np.log(plain / (1 - plain))))
    told = (plain > 1e-4) & (plain < 1 - 1e-4)  # beyond that float32 forgets the logit
    assert told.mean() > 0.5
    np.testing.assert_allclose(
        calibrated.probability[synthetic.fov][told], expected[told], atol=1e-3
    )


@pytest.mark.parametrize("fov_px", [None, 128, 72, 64, 56, 16])
def test_a_photograph_finer_than_the_networks_scale_has_an_offset_of_its_own(
    fov_px: int | None,
) -> None:
    flat = np.full((64, 64, 3), 100, np.uint8)
    fov = np.ones((64, 64), bool)
    scaling = Native() if fov_px is None else FovScaled(diameter_px=fov_px)
    calibration = Calibration(offset=0.5, resolution_bias=-2.0)
    record = ModelRecord(
        name="fake",
        model="none",
        preprocessing=Preprocessing(normalize="fixed", scaling=scaling),
        classes=(ClassRecord(calibration=calibration),),
    )
    model = Segmenter(record, lambda pixels: np.zeros_like(pixels[:, :1]))
    # A circle as wide as 64 px would have the field of view's diameter; a square has more.
    scaled = model.logits(flat, outlined(fov)).shape[-1]
    expected = 0.5 - 2.0 * min(1, max(0, 2 * (64 / scaled - 1)))
    probability = model.segment(flat, fov=fov).probability
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-expected)), atol=STEP)
    if fov_px is None or fov_px > 90:
        assert expected == 0.5
    if fov_px is not None and fov_px < 40:
        assert expected == -1.5


def test_specks_are_no_vessels_if_the_weights_say_so() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    image[20:30, 20:30, 1] = 40
    image[50, 50, 1] = 40
    fixed = Preprocessing(normalize="fixed", mean=(0.3, 0.3, 0.3), std=(0.2, 0.2, 0.2))
    fov = np.ones((64, 64), bool)
    kept = segmenter(preprocessing=fixed).segment(image, fov=fov)
    rules = ComponentRules(min_component=50 / 64**2)
    cleaned = segmenter(preprocessing=fixed, components=rules).segment(image, fov=fov)
    assert kept.vessels.sum() == 101
    assert cleaned.vessels.sum() == 100
    assert not cleaned.vessels[50, 50]
    assert (kept.probability != cleaned.probability).sum() == 1


@pytest.mark.parametrize("fov_px", [None, 192])
def test_components_are_reconnected_at_any_size_if_the_weights_say_so(fov_px: int | None) -> None:
    image = np.full((96, 96, 3), 100, np.uint8)
    image[47:50, 10:86, 1] = 40
    image[47:50, 40:50, 1] = 62
    fov = np.ones((96, 96), bool)
    fixed = Preprocessing(normalize="fixed", mean=(0.2, 0.2, 0.2), std=(0.1, 0.1, 0.1))
    scaling = Native() if fov_px is None else FovScaled(diameter_px=fov_px)
    preprocessing = fixed.model_copy(update={"scaling": scaling})
    parted = segmenter(preprocessing=preprocessing).segment(image, fov=fov)
    rules = ComponentRules(reconnection_budget=100)
    model = segmenter(preprocessing=preprocessing, components=rules)
    whole = model.segment(image, fov=fov)
    components = [label(p.vessels, structure=np.ones((3, 3)))[1] for p in (parted, whole)]
    assert components == [2, 1]
    changed = np.argwhere(parted.probability != whole.probability)
    assert set(changed[:, 0]) <= {47, 48, 49}
    assert set(changed[:, 1]) <= set(range(38, 52))
    # Pixels that only reconnect are exactly those that the mask gained, and are marked.
    gained = whole.vessels & ~parted.vessels
    assert gained.any()
    (one,) = whole.maps.values()
    np.testing.assert_array_equal(one.reconnected, gained)
    np.testing.assert_array_equal(one.reconnected_at, np.flatnonzero(gained))
    np.testing.assert_array_equal(one.levels[gained], threshold_level(0.5))
    np.testing.assert_array_equal(parted.probability != whole.probability, gained)
    assert not parted.maps["vessel"].reconnected.any()
    assert not model.keep_all_components().segment(image, fov=fov).maps["vessel"].reconnected.any()


def test_the_networks_own_memory_is_not_written_to() -> None:
    synthetic = synthesize_fundus(0, size_px=96)
    kept = np.zeros((1, 1, 96, 96), np.float32)
    model = Segmenter(ModelRecord(name="fake", model="none"), lambda _: kept)
    found = model.segment(synthetic.image, fov=synthetic.fov)
    inside = nearly_all_of(synthetic.fov, found.fov.mask)
    np.testing.assert_allclose(found.probability[inside], 0.5, atol=STEP)
    assert not kept.any()


def test_what_is_given_stays_the_callers() -> None:
    synthetic = synthesize_fundus(4, size_px=64)
    image, fov = synthetic.image.copy(), synthetic.fov.copy()
    image.flags.writeable = fov.flags.writeable = False
    found = segmenter().segment(image, fov=fov)
    assert np.array_equal(image, synthetic.image)
    assert np.array_equal(fov, synthetic.fov)
    fov.flags.writeable = True
    fov[:] = False  # the caller's buffer, used again
    nearly_all_of(synthetic.fov, found.fov.mask)
    again = segmenter().segment(image, fov=synthetic.fov)
    assert np.array_equal(found.fov.mask, again.fov.mask)
    assert found != again  # by identity: arrays have no truth
    assert len({found}) == 1


def test_a_field_of_view_that_is_no_array_is_said() -> None:
    synthetic = synthesize_fundus(4, size_px=64)
    with pytest.raises(ImageError, match="field of view: expected a bool array, got list"):
        segmenter().segment(synthetic.image, fov=synthetic.fov.tolist())


def test_a_path_bytes_pixels_and_a_photograph_have_the_same_vessels(tmp_path: Path) -> None:
    synthetic = synthesize_fundus(7, size_px=96)
    path = tmp_path / "eye.png"
    Image.fromarray(synthetic.image).save(path)
    expected = segmenter().segment(synthetic.image)
    assert 0.01 < expected.vessels.mean() < 0.9
    for source in (path, str(path), path.read_bytes(), Photograph(synthetic.image)):
        found = segmenter().segment(source)
        np.testing.assert_array_equal(found.vessel_map.levels, expected.vessel_map.levels)
        np.testing.assert_array_equal(found.fov.mask, expected.fov.mask)


def test_a_field_of_view_that_was_found_is_taken_as_it_is() -> None:
    synthetic = synthesize_fundus(7, size_px=96)
    fov = find_fov(synthetic.image)
    found = segmenter().segment(synthetic.image, fov=fov)
    assert found.fov is fov
    by_itself = segmenter().segment(synthetic.image)
    np.testing.assert_array_equal(found.probability, by_itself.probability)
    assert by_itself.fov.outline == fov.outline
    of_mask = segmenter().segment(synthetic.image, fov=fov.mask)
    np.testing.assert_array_equal(of_mask.probability, found.probability * fov.mask)


def test_a_probability_is_a_level_in_memory() -> None:
    synthetic = synthesize_fundus(7, size_px=96)
    found = segmenter(threshold=0.3).segment(synthetic.image)
    (one,) = found.maps.values()
    assert one.levels.dtype == np.uint16
    np.testing.assert_array_equal(found.probability, (one.levels / 65535).astype(np.float32))
    np.testing.assert_array_equal(found.vessels, found.probability >= 0.3)
    np.testing.assert_array_equal(one.mask, found.vessels)


def test_reconnected_pixels_of_a_component_that_is_dropped_are_no_longer_marked() -> None:
    image = np.full((96, 96, 3), 100, np.uint8)
    image[20:23, 10:86, 1] = 40  # 228 px, with a faint part in its middle
    image[20:23, 40:50, 1] = 62
    image[70, 30:50, 1] = 40  # 16 px with such a part, whole or not too small
    image[70, 38:42, 1] = 62
    fov = np.ones((96, 96), bool)
    fixed = Preprocessing(normalize="fixed", mean=(0.2, 0.2, 0.2), std=(0.1, 0.1, 0.1))
    joined = ComponentRules(reconnection_budget=100)
    kept = segmenter(preprocessing=fixed, components=joined).segment(image, fov=fov)
    cleaned = joined.model_copy(update={"min_component": 60 / 96**2})
    found = segmenter(preprocessing=fixed, components=cleaned).segment(image, fov=fov)
    assert kept.vessel_map.reconnected[70, 38:42].all()
    assert not found.vessels[70].any()
    assert not found.vessel_map.reconnected[70].any()
    assert found.vessel_map.reconnected[20:23, 40:50].any()
    assert not (found.vessel_map.reconnected & ~found.vessels).any()


def planes(*logits: FloatMap) -> Run:
    """A network that gives these maps (h, w), whatever it sees."""
    return lambda pixels: np.stack(logits)[None].astype(np.float32)


@pytest.mark.parametrize("spread", [1, 5, 30])
def test_softmax_gives_each_class_its_share(spread: float) -> None:
    logits = np.random.default_rng(0).normal(0, spread, (3, 40, 50)).astype(np.float32)
    record = ModelRecord(
        name="fake",
        model="none",
        classes=(ClassRecord(name="artery"), ClassRecord(name="vein")),
        activation="softmax",
    )
    assert record.planes == 3
    fov = np.ones((40, 50), bool)
    image = synthesize_fundus(0, size_px=64).image[:40, :50]
    maps = Segmenter(record, planes(*logits)).segment(image, fov=fov).maps
    expected = softmax(logits.astype(np.float64), axis=0)[1:]  # the background's plane is first
    for one, share in zip(maps.values(), expected, strict=True):
        np.testing.assert_allclose(one.probability, share, rtol=0, atol=1 / 65535)


def test_classes_have_thresholds_and_calibrations_of_their_own() -> None:
    generator = np.random.default_rng(0)
    artery, vein = generator.normal(0, 2, (2, 40, 50)).astype(np.float32)
    first = ClassRecord(name="artery", threshold=0.3, calibration=Calibration(scale=0.5, offset=-1))
    second = ClassRecord(name="vein", threshold=0.7, calibration=Calibration(scale=2))
    record = ModelRecord(name="fake", model="none", classes=(first, second))
    assert record.planes == 2
    fov = np.ones((40, 50), bool)
    image = synthesize_fundus(0, size_px=64).image[:40, :50]
    found = Segmenter(record, planes(artery, vein)).segment(image, fov=fov)
    expected = {"artery": 1 / (1 + np.exp(1 - 0.5 * artery)), "vein": 1 / (1 + np.exp(-2 * vein))}
    assert list(found.maps) == list(expected)
    for name, threshold in (("artery", 0.3), ("vein", 0.7)):
        one = found.maps[name]
        np.testing.assert_allclose(one.probability, expected[name], rtol=0, atol=STEP)
        assert one.threshold == threshold
        sure = np.abs(expected[name] - threshold) > 2 * STEP  # by rounding either may be right
        np.testing.assert_array_equal(one.mask[sure], (expected[name] >= threshold)[sure])
    np.testing.assert_array_equal(
        found.vessels, found.maps["artery"].mask | found.maps["vein"].mask
    )
    changed = Segmenter(record, planes(artery, vein)).with_settings(threshold=0.5).record
    assert [one.threshold for one in changed.classes] == [0.5, 0.5]
    assert [one.calibration for one in changed.classes] == [first.calibration, second.calibration]


def test_a_network_of_other_planes_than_its_record_says_is_not_cut_to_them() -> None:
    record = ModelRecord(name="fake", model="none", classes=(ClassRecord(),))
    image = synthesize_fundus(0, size_px=64).image
    plane = np.zeros((64, 64), np.float32)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        Segmenter(record, planes(plane, plane)).segment(image)
