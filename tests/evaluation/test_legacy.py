import math

import numpy as np
import pytest

from venule.evaluation.legacy import LegacyScorer
from venule.image.arrays import FloatMap, Mask


def half(vessels: slice, predicted: slice) -> tuple[FloatMap, Mask]:
    """A 512 px frame whose columns `vessels` are the truth and `predicted` the map."""
    truth, probability = np.zeros((512, 512), bool), np.zeros((512, 512), np.float32)
    truth[:, vessels], probability[:, predicted] = True, 1
    return probability, truth


def test_the_aghdamamirs_auc_is_balanced_accuracy_of_the_whole_frame() -> None:
    scorer = LegacyScorer()
    scorer.add(*half(slice(0, 256), slice(0, 128)))  # sensitivity 1/2, specificity 1
    first = scorer.result().aghdamamir
    assert first.sensitivity.mean == 0.5
    assert first.accuracy.mean == 0.75
    assert first.auc_of_thresholded_map.mean == 0.75
    assert first.auc_of_thresholded_map.sd == 0


def test_the_aghdamamirs_figures_are_mean_and_sd_over_images() -> None:
    scorer = LegacyScorer()
    scorer.add(*half(slice(0, 256), slice(0, 256)))
    scorer.add(*half(slice(0, 256), slice(0, 128)))
    sensitivity = scorer.result().aghdamamir.sensitivity
    assert (sensitivity.mean, sensitivity.sd) == (0.75, 0.25)


def test_the_manshi3s_miou_is_averaged_over_batches_of_two() -> None:
    scorer = LegacyScorer()
    exact, nothing = half(slice(0, 256), slice(0, 256)), half(slice(0, 256), slice(0, 0))
    for probability, truth in (exact, nothing, nothing):
        scorer.add(probability, truth)
    # Of halves: batch 1 has TP 1, FN 1, TN 2: IoU 1/2 and 2/3. Batch 2: TP 0, FN 1, TN 1: 0, 1/2.
    second = scorer.result().manshi3
    assert second.miou == pytest.approx(((1 / 2 + 2 / 3) / 2 + (0 + 1 / 2) / 2) / 2)
    assert second.pixel_accuracy == pytest.approx(4 / 6)


def test_photographs_of_any_size_are_squared() -> None:
    scorer = LegacyScorer(side_px=64)
    truth = np.zeros((584, 565), bool)
    truth[:, :100] = True
    scorer.add(truth.astype(np.float32), truth)
    result = scorer.result()
    assert result.manshi3.side_px == 64
    assert result.aghdamamir.accuracy.mean > 0.99


def test_without_an_image_the_figures_are_nan() -> None:
    result = LegacyScorer().result()
    assert math.isnan(result.aghdamamir.accuracy.mean)
    assert math.isnan(result.manshi3.miou)
    assert math.isnan(result.manshi3.pixel_accuracy)
