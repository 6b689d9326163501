from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import label

from venule.errors import ImageError, UsageError
from venule.image.arrays import FloatMap
from venule.image.preprocess import Preprocessing
from venule.image.tiles import Tiling
from venule.inference.segment import Segmenter
from venule.models.record import ModelRecord, Postprocessing
from venule.synth.fundus import synthesize_fundus


def dark_is_vessel(pixels: FloatMap) -> FloatMap:
    """Logits that are high where green is low: a network of one negative weight."""
    return -5 * pixels[:, 1:2]


def segmenter(**changes: object) -> Segmenter:
    record = ModelRecord(name="fake", model="none").model_copy(update=changes)
    return Segmenter(record, dark_is_vessel)


@pytest.mark.parametrize("size", [(96, 96), (97, 131), (131, 64)])
@pytest.mark.parametrize(
    "preprocessing", [Preprocessing(), Preprocessing(resize_px=64), Preprocessing(fov_px=150)]
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
    assert prediction.probability[25, 25] == pytest.approx(1 / (1 + np.exp(5 * 40 / 255)))
    assert prediction.probability[40, 40] == pytest.approx(1 / (1 + np.exp(5 * 100 / 255)))
    assert not prediction.probability[~fov].any()
    assert not prediction.vessels[~fov].any()


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
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_maps_are_named_by_class() -> None:
    synthetic = synthesize_fundus(4, size_px=64)
    record = ModelRecord(name="fake", model="none", classes=("artery", "vein"))

    def two(pixels: FloatMap) -> FloatMap:
        return np.concatenate([pixels[:, 1:2], -pixels[:, 1:2]], axis=1)

    found = Segmenter(record, two).segment(synthetic.image, fov=synthetic.fov)
    maps = found.maps
    assert list(maps) == ["artery", "vein"]
    assert np.array_equal(found.probability, np.maximum(maps["artery"], maps["vein"]))
    assert found.vessels[synthetic.fov].all()  # one of the two is at a half or above
    np.testing.assert_allclose((maps["artery"] + maps["vein"])[synthetic.fov], 1, atol=1e-6)


def test_settings_change_a_copy() -> None:
    first = segmenter(preprocessing=Preprocessing(fov_px=300))
    second = first.with_settings(threshold=0.3, resize_px=128)
    assert (second.record.threshold, second.record.threshold_source) == (0.3, "given by the user")
    assert second.record.preprocessing.resize_px == 128
    assert second.record.preprocessing.fov_px is None
    assert first.record.threshold == 0.5
    assert first.record.preprocessing.fov_px == 300
    assert first.with_settings().record == first.record


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


def test_a_path_or_a_pillow_image_is_refused_with_the_way_to_read_it() -> None:
    for image in ("photograph.jpg", Image.new("RGB", (40, 40))):
        with pytest.raises(ImageError, match="read_image"):
            segmenter().segment(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"threshold": 2.0}, {"threshold": 0.0}, {"resize_px": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="use a number"):
        segmenter().with_settings(**settings)


def test_a_calibration_moves_probabilities_and_keeps_their_order() -> None:
    synthetic = synthesize_fundus(1, size_px=96)
    plain = segmenter().segment(synthetic.image, fov=synthetic.fov).probability[synthetic.fov]
    plain = plain.astype(np.float64).clip(1e-6, 1 - 1e-6)
    after = Postprocessing(scale=0.5, offset=-1.0)
    calibrated = segmenter(postprocessing=after).segment(synthetic.image, fov=synthetic.fov)
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
    preprocessing = Preprocessing(normalize="fixed", fov_px=fov_px)
    record = ModelRecord(
        name="fake",
        model="none",
        preprocessing=preprocessing,
        postprocessing=Postprocessing(offset=0.5, resolution_bias=-2.0),
    )
    model = Segmenter(record, lambda pixels: np.zeros_like(pixels[:, :1]))
    # A circle as wide as 64 px would have the field of view's diameter; a square has more.
    scaled = model.logits(flat, fov).shape[-1]
    expected = 0.5 - 2.0 * min(1, max(0, 2 * (64 / scaled - 1)))
    probability = model.segment(flat, fov=fov).probability
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-expected)), rtol=1e-5)
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
    after = Postprocessing(min_component=50 / 64**2)
    cleaned = segmenter(preprocessing=fixed, postprocessing=after).segment(image, fov=fov)
    assert kept.vessels.sum() == 101
    assert cleaned.vessels.sum() == 100
    assert not cleaned.vessels[50, 50]
    assert (kept.probability != cleaned.probability).sum() == 1


@pytest.mark.parametrize("fov_px", [None, 192])
def test_pieces_are_joined_at_any_size_if_the_weights_say_so(fov_px: int | None) -> None:
    image = np.full((96, 96, 3), 100, np.uint8)
    image[47:50, 10:86, 1] = 40
    image[47:50, 40:50, 1] = 62
    fov = np.ones((96, 96), bool)
    fixed = Preprocessing(normalize="fixed", mean=(0.2, 0.2, 0.2), std=(0.1, 0.1, 0.1))
    preprocessing = fixed.model_copy(update={"fov_px": fov_px})
    parted = segmenter(preprocessing=preprocessing).segment(image, fov=fov)
    after = Postprocessing(reconnection_budget=100)
    whole = segmenter(preprocessing=preprocessing, postprocessing=after).segment(image, fov=fov)
    components = [label(p.vessels, structure=np.ones((3, 3)))[1] for p in (parted, whole)]
    assert components == [2, 1]
    changed = np.argwhere(parted.probability != whole.probability)
    assert set(changed[:, 0]) <= {47, 48, 49}
    assert set(changed[:, 1]) <= set(range(38, 52))


def test_the_networks_own_memory_is_not_written_to() -> None:
    synthetic = synthesize_fundus(0, size_px=96)
    kept = np.zeros((1, 1, 96, 96), np.float32)
    model = Segmenter(ModelRecord(name="fake", model="none"), lambda _: kept)
    probability = model.segment(synthetic.image, fov=synthetic.fov).probability
    assert (probability[synthetic.fov] == 0.5).all()
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
    assert np.array_equal(found.fov, synthetic.fov)
    assert found != segmenter().segment(
        image, fov=synthetic.fov
    )  # by identity: arrays have no truth
    assert len({found}) == 1


def test_a_field_of_view_that_is_no_array_is_said() -> None:
    synthetic = synthesize_fundus(4, size_px=64)
    with pytest.raises(ImageError, match="field of view: expected a bool array, got list"):
        segmenter().segment(synthetic.image, fov=synthetic.fov.tolist())
