"""A metric is one line of one list: tables, pooled scores, logs and selection follow it."""

import numpy as np
import pytest

from venule.evaluation.score import Scorer
from venule.image.arrays import Mask
from venule.metrics import metric
from venule.metrics.metric import METRICS, Metric, Pixels, Scored, labels, selecting_metrics
from venule.vessels.skeleton import centerline


def test_names_and_labels_are_unique() -> None:
    assert len({one.name for one in METRICS}) == len({one.label for one in METRICS}) == len(METRICS)


def test_weights_are_selected_by_iou_dice_and_auc() -> None:
    assert selecting_metrics() == ("iou", "dice", "auc")


def test_a_metric_that_is_added_is_scored_pooled_logged_and_selects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def youden(pixels: Pixels) -> float:
        c = pixels.counts
        return c.tp / (c.tp + c.fn) + c.tn / (c.tn + c.fp) - 1

    added = Metric(
        name="youden", label="Youden's J", of_pixels=youden, validation="youden", selects=True
    )
    monkeypatch.setattr(metric, "METRICS", (*METRICS, added))
    monkeypatch.setattr("venule.evaluation.score.METRICS", metric.METRICS)
    truth = np.array([[True, True, False, False]])
    probability = np.array([[0.9, 0.1, 0.1, 0.1]], np.float32)
    scorer = Scorer(binary=False)
    scores = scorer.score(Scored(probability, truth, np.ones_like(truth), threshold=0.5))
    assert scores["youden"] == scorer.pooled()["youden"] == 0.5  # 1/2 + 1 - 1
    assert labels()["youden"] == "Youden's J"
    assert "youden" in selecting_metrics()


def test_each_derived_quantity_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(mask: Mask) -> Mask:
        calls.append(mask)
        return centerline(mask)

    monkeypatch.setattr(metric, "centerline", counted)
    rng = np.random.default_rng(0)
    truth = rng.random((40, 40)) < 0.2
    image = Scored(
        rng.random((40, 40)).astype(np.float32), truth, np.ones_like(truth), threshold=0.5
    )
    for one in METRICS:
        if not one.only_pooled:
            one.image_score(image)
    assert len(calls) == 1
