import math

import numpy as np
import pytest

from venule.evaluation.intervals import bootstrap, paired_difference


def test_the_interval_of_a_normal_sample_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(5, 2, 200)
    interval = bootstrap(list(values))
    half_width = 1.96 * values.std() / math.sqrt(200)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half_width, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half_width, abs=0.03)


def test_the_same_values_give_the_same_interval() -> None:
    values = [0.1, 0.5, 0.4, 0.9]
    assert bootstrap(values) == bootstrap(values)


def test_a_constant_has_no_width() -> None:
    interval = bootstrap([0.5] * 4)
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)


def test_a_constant_gain_is_certain_however_much_the_images_differ() -> None:
    reference = [0.1, 0.9, 0.5, 0.3]
    interval = paired_difference([value + 0.01 for value in reference], reference)
    assert interval.low == pytest.approx(0.01)
    assert interval.high == pytest.approx(0.01)
    assert bootstrap(reference).high - bootstrap(reference).low > 0.3


def test_undefined_scores_are_left_out_and_counted() -> None:
    assert bootstrap([1.0, math.nan, 3.0]).mean == 2.0
    assert bootstrap([1.0, math.nan, 3.0]).images == 2
    assert paired_difference([1.0, math.nan, 3.0], [math.nan, 1.0, 1.0]).images == 1


def test_one_image_has_no_interval_and_none_has_no_mean() -> None:
    one, none = bootstrap([0.7]), bootstrap([math.nan])
    assert one.mean == 0.7
    assert math.isnan(one.low)
    assert math.isnan(none.mean)
    assert none.images == 0


def test_sequences_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        paired_difference([1.0], [1.0, 2.0])
