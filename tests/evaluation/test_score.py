import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from venule.evaluation.score import Scorer
from venule.image.arrays import FloatMap, Mask
from venule.metrics.metric import METRICS, Scored, labels


def drawn(seed: int) -> tuple[FloatMap, Mask, Mask]:
    rng = np.random.default_rng(seed)
    truth = rng.random((40, 50)) < 0.2
    probability = np.clip(0.3 * rng.normal(size=truth.shape) + 0.5 * truth, 0, 1)
    fov = np.ones(truth.shape, bool)
    fov[:5] = False
    return probability.astype(np.float32), truth, fov


def test_scores_of_one_image_are_those_of_scikit_learn_inside_the_field_of_view() -> None:
    probability, truth, fov = drawn(0)
    scores = Scorer(binary=False).score(Scored(probability, truth, fov, threshold=0.4))
    p, t = probability[fov], truth[fov]
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(t, p), abs=1e-4)
    assert scores["average_precision"] == pytest.approx(average_precision_score(t, p), abs=1e-4)
    assert scores["dice"] == pytest.approx(f1_score(t, p >= np.float32(0.4)))


def test_pooled_scores_are_those_of_all_pixels_together() -> None:
    scorer, images = Scorer(binary=False), [drawn(seed) for seed in range(3)]
    for probability, truth, fov in images:
        scorer.score(Scored(probability, truth, fov, threshold=0.4))
    p = np.concatenate([probability[fov] for probability, _, fov in images])
    t = np.concatenate([truth[fov] for _, truth, fov in images])
    pooled = scorer.pooled()
    assert pooled["roc_auc"] == pytest.approx(roc_auc_score(t, p), abs=1e-4)
    assert pooled["dice"] == pytest.approx(f1_score(t, p >= np.float32(0.4)))
    assert 0 < pooled["ece"] < 1


def test_a_mask_has_no_score_of_probabilities() -> None:
    scorer = Scorer(binary=True)
    _, truth, fov = drawn(0)
    scores = scorer.score(Scored(truth.astype(np.float32), truth, fov, threshold=0.5))
    assert not {*[m.name for m in METRICS if m.needs_probability]} & {*scores, *scorer.pooled()}
    assert scores["dice"] == scores["cldice"] == 1.0


def test_every_score_has_a_label() -> None:
    scorer = Scorer(binary=False)
    scores = scorer.score(Scored(*drawn(0), threshold=0.5))
    assert {*scores, *scorer.pooled()} == {*labels()}


def test_a_probability_equal_to_the_threshold_is_vessel() -> None:
    half = np.full((30, 30), 0.5, np.float32)
    everything = np.ones((30, 30), bool)
    scored = Scored(half, everything, everything, threshold=0.5)
    assert Scorer(binary=False).score(scored)["dice"] == 1.0


def test_the_bins_of_calibration_hold_every_pixel_and_make_the_ece() -> None:
    scorer = Scorer(binary=False)
    probability, truth, fov = drawn(0)
    scorer.score(Scored(probability, truth, fov, threshold=0.5))
    bins = [row for row in scorer.calibration() if row.pixels]
    assert sum(row.pixels for row in bins) == fov.sum()
    gaps = [row.pixels * abs(row.mean_probability - row.vessel_share) for row in bins]
    assert sum(gaps) / fov.sum() == pytest.approx(scorer.pooled()["ece"])
    assert all(row.low <= row.mean_probability <= row.high for row in bins)


def test_a_mask_has_no_calibration_but_recall_by_width() -> None:
    scorer = Scorer(binary=True)
    _, truth, fov = drawn(0)
    scorer.score(Scored(truth.astype(np.float32), truth, fov, threshold=0.5))
    assert scorer.calibration() == ()
    recalls = [row.pooled for row in scorer.recall_by_width() if row.pixels]
    assert recalls
    assert set(recalls) == {1.0}
