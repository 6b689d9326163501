import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    jaccard_score,
    matthews_corrcoef,
    recall_score,
)

from venule.metrics.counts import (
    Counts,
    accuracy,
    count,
    dice,
    iou,
    mcc,
    miou,
    sensitivity,
    specificity,
)


def test_dice_of_half_overlapping_masks_is_one_half() -> None:
    truth = np.array([[True, True, False, False]])
    predicted = np.array([[False, True, True, False]])
    assert dice(count(predicted, truth, np.ones_like(truth))) == 0.5


def test_pixels_outside_the_field_of_view_do_not_count() -> None:
    truth = np.array([[True, True, False, False]])
    predicted = np.array([[False, True, True, False]])
    fov = np.array([[False, True, False, True]])
    assert count(predicted, truth, fov) == Counts(tp=1, fp=0, fn=0, tn=1)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
@settings(deadline=None)
def test_scores_are_those_of_scikit_learn(pixels: list[tuple[bool, bool]]) -> None:
    # One pixel of each outcome keeps every ratio defined.
    both = np.array([*pixels, (True, True), (True, False), (False, True), (False, False)])
    predicted, truth = both[:, 0], both[:, 1]
    c = count(predicted, truth, np.ones(len(both), bool))
    tn, fp, fn, tp = confusion_matrix(truth, predicted).ravel()
    assert c == Counts(tp=tp, fp=fp, fn=fn, tn=tn)
    assert dice(c) == pytest.approx(f1_score(truth, predicted))
    assert iou(c) == pytest.approx(jaccard_score(truth, predicted))
    assert miou(c) == pytest.approx(jaccard_score(truth, predicted, average="macro"))
    assert accuracy(c) == pytest.approx(accuracy_score(truth, predicted))
    assert sensitivity(c) == pytest.approx(recall_score(truth, predicted))
    assert specificity(c) == pytest.approx(recall_score(truth, predicted, pos_label=False))
    assert mcc(c) == pytest.approx(matthews_corrcoef(truth, predicted))


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3, 4) + Counts(10, 20, 30, 40) == Counts(11, 22, 33, 44)


@pytest.mark.parametrize("score", [dice, iou, miou, sensitivity, mcc])
def test_without_any_vessel_the_vessel_scores_are_nan(score: object) -> None:
    assert callable(score)
    assert math.isnan(score(Counts(tp=0, fp=0, fn=0, tn=9)))


def test_an_empty_field_of_view_has_no_accuracy() -> None:
    assert math.isnan(accuracy(Counts(0, 0, 0, 0)))
    assert math.isnan(specificity(Counts(0, 0, 0, 0)))


def test_mcc_of_large_counts_does_not_overflow() -> None:
    assert mcc(Counts(tp=10**9, fp=0, fn=0, tn=10**9)) == 1.0


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        count(np.ones((2, 2), bool), np.ones((1, 4), bool), np.ones((2, 2), bool))
