import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from venule.metrics.curves import (
    BINS,
    Histogram,
    _bin,
    _least,
    average_precision,
    best_threshold,
    operating_points,
    roc_auc,
)


def histogram(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> Histogram:
    return Histogram().accumulate(probability, truth, np.ones(truth.shape, bool))


@st.composite
def maps(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """16-bit maps: few levels (ties), constant maps, saturated ends, rare positives."""
    n = draw(st.integers(2, 200))
    levels = draw(st.sampled_from([1, 2, 3, 17, 256, 65535]))
    values = st.integers(0, levels)
    probability = np.array(draw(st.lists(values, min_size=n, max_size=n))) / levels
    truth = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    if draw(st.booleans()):  # rare positives
        truth[:] = False
    truth[0], truth[1] = True, False
    return probability.astype(np.float32), truth


@given(maps())
@settings(max_examples=200, deadline=None)
def test_areas_of_sixteen_bit_maps_are_those_of_scikit_learn(
    drawn: tuple[NDArray[np.float32], NDArray[np.bool_]],
) -> None:
    probability, truth = drawn
    h = histogram(probability, truth)
    assert roc_auc(h) == pytest.approx(roc_auc_score(truth, probability), abs=1e-9)
    assert average_precision(h) == pytest.approx(
        average_precision_score(truth, probability), abs=1e-9
    )


@pytest.mark.parametrize("scale", [0.3, 3.0, 12.0, 40.0])
@pytest.mark.parametrize("share", [1e-4, 0.1, 0.9])
def test_areas_of_float_maps_are_within_1e_4_of_scikit_learn(scale: float, share: float) -> None:
    rng = np.random.default_rng(7)
    truth = rng.random(200_000) < share
    logits = np.clip(scale * (rng.normal(size=truth.size) + 1.5 * truth - 1), -80, 80)
    probability = (1 / (1 + np.exp(-logits))).astype(np.float32)
    h = histogram(probability, truth)
    assert roc_auc(h) == pytest.approx(roc_auc_score(truth, probability), abs=1e-4)
    assert average_precision(h) == pytest.approx(
        average_precision_score(truth, probability), abs=1e-4
    )


def test_a_constant_map_has_half_the_area_and_the_precision_of_chance() -> None:
    h = histogram(np.full(10, 0.3, np.float32), np.arange(10) < 2)
    assert roc_auc(h) == 0.5
    assert average_precision(h) == pytest.approx(0.2)


def test_without_one_of_the_classes_the_areas_are_nan() -> None:
    probability = np.linspace(0, 1, 5, dtype=np.float32)
    background = histogram(probability, np.zeros(5, bool))
    vessels = histogram(probability, np.ones(5, bool))
    assert math.isnan(roc_auc(background))
    assert math.isnan(roc_auc(vessels))
    assert math.isnan(average_precision(background))
    assert math.isnan(best_threshold(background))
    assert average_precision(vessels) == 1.0


def test_pixels_outside_the_field_of_view_do_not_count() -> None:
    probability = np.array([0.1, 0.9, 0.95], np.float32)
    truth = np.array([False, True, False])
    h = Histogram().accumulate(probability, truth, np.array([True, True, False]))
    assert roc_auc(h) == 1.0
    assert h.positives.sum() + h.negatives.sum() == 2


def test_the_sum_of_histograms_is_the_histogram_of_all_pixels() -> None:
    rng = np.random.default_rng(0)
    probability, truth = rng.random(100, dtype=np.float32), rng.random(100) < 0.3
    parts = histogram(probability[:40], truth[:40]) + histogram(probability[40:], truth[40:])
    assert roc_auc(parts) == roc_auc(histogram(probability, truth))
    assert parts.positives.shape == (BINS,)


def test_the_best_threshold_gives_the_highest_dice_of_all_thresholds() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(500) < 0.2
    probability = (1 / (1 + np.exp(-(rng.normal(size=500) + 2 * truth)))).astype(np.float32)

    def dice(threshold: float) -> float:
        predicted = probability >= threshold
        return float(2 * (predicted & truth).sum() / (predicted.sum() + truth.sum()))

    best = best_threshold(histogram(probability, truth))
    assert dice(best) == max(dice(float(t)) for t in probability)


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
def test_the_best_threshold_lies_strictly_inside_zero_and_one(values: list[float]) -> None:
    best = best_threshold(histogram(np.array(values, np.float32), np.array([False, True])))
    assert 0 < best < 1


def test_the_best_threshold_of_a_perfect_binary_map_is_one_half() -> None:
    h = histogram(np.array([0, 0, 1], np.float32), np.array([False, False, True]))
    assert best_threshold(h) == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        histogram(np.array([0.5, wrong], np.float32), np.array([True, False]))


@pytest.mark.parametrize("vessel", [0.25, 0.3, 0.5, 0.75, 0.7, 2**-20])
def test_the_best_threshold_parts_values_of_neighbouring_bins(vessel: float) -> None:
    least = np.float32(_least(int(_bin(np.array([vessel], np.float32))[0])))
    values = np.array([np.nextafter(least, np.float32(0)), least], np.float32)
    best = best_threshold(histogram(values, np.array([False, True])))
    assert (values >= best).tolist() == [False, True]


@given(st.floats(2.0**-126, 1, width=32))
@example(1.0)
@example(0.5)
def test_every_bin_begins_with_its_least_value(probability: float) -> None:
    index = int(_bin(np.array([probability], np.float32))[0])
    least = np.array([_least(index)], np.float32)
    assert _bin(least).tolist() == [index]
    assert _bin(np.nextafter(least, np.float32(0))) < index or index == 0


def test_operating_points_lie_on_the_curves_of_scikit_learn() -> None:
    generator = np.random.default_rng(5)
    truth = generator.random((200, 200)) < 0.2
    probability = np.clip(0.3 * truth + 0.7 * generator.random((200, 200)), 0, 1)
    probability = (np.rint(probability * 65535) / 65535).astype(np.float32)
    fov = np.ones_like(truth)
    points = operating_points(Histogram().accumulate(probability, truth, fov), most=64)
    assert 32 <= len(points) <= 64
    rates, hits, _ = roc_curve(truth.ravel(), probability.ravel(), drop_intermediate=False)
    exact = {(round(x, 9), round(y, 9)) for x, y in zip(rates, hits, strict=True)}
    assert all((round(x, 9), round(y, 9)) in exact for x, y, _ in points)
    precision = [truth[probability >= t].mean() for t in np.unique(probability)]
    assert all(np.isclose(precision, p, atol=1e-12).any() for *_, p in points)
    assert points[-1].tolist() == pytest.approx([1, 1, truth.mean()])
    assert np.abs(np.diff(points, axis=0)).max() < 0.1


def test_one_class_alone_has_no_operating_points() -> None:
    truth, fov = np.ones((4, 4), bool), np.ones((4, 4), bool)
    assert len(operating_points(Histogram().accumulate(np.ones((4, 4)), truth, fov))) == 0
