"""The task of segmentation on a network whose output is planted, so that every score is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from support.drawn import make_synthetic, settings
from venule.data.sample import Sample
from venule.errors import ConfigError
from venule.models.base import SegmentationModel
from venule.models.checkpoint import read_weights
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.run import Run
from venule.training.segmentation import SegmentationTask, TrainingHeads, choose
from venule.training.show import sample_rows
from venule.viz.overlay import errors


class Planted(SegmentationModel):
    """The same logits whatever the pixels."""

    def __init__(self, logits: NDArray[np.float32]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.from_numpy(logits))

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.logits.shape
        padding = (0, x.shape[3] - width, 0, x.shape[2] - height)
        return F.pad(self.logits, padding).expand(x.shape[0], 1, -1, -1)


@pytest.fixture
def task(tmp_path: Path) -> SegmentationTask:
    data = make_synthetic(tmp_path / "data", train=1, val=1)
    config = parse_config(settings(data, loss={"kind": "bce"}), TrainConfig, source="test")
    return SegmentationTask(config, choose(config, "train"), choose(config, "val"))


def planted(sample: Sample) -> tuple[NDArray[np.float32], Planted]:
    """Vessels at 0.7 above and 0.55 below the middle, background at 0.52 and 0.1, and its network.

    At 0.5 the upper background is wrong; at 0.6 the lower vessels are; at 0.535 nothing is.
    """
    assert sample.vessels is not None
    upper = np.arange(sample.fov.shape[0])[:, None] < sample.fov.shape[0] // 2
    vessel, background = np.where(upper, 0.7, 0.55), np.where(upper, 0.52, 0.1)
    probability = np.where(sample.vessels, vessel, background).astype(np.float32)
    logits = np.log(probability / (1 - probability))
    return probability, Planted(np.where(sample.fov, logits, 9).astype(np.float32))


def test_a_loss_between_classes_is_refused_where_there_is_one(tmp_path: Path) -> None:
    data = make_synthetic(tmp_path / "data", train=1, val=1)
    config = parse_config(settings(data, loss={"exclusive_weight": 1}), TrainConfig, source="test")
    with pytest.raises(ConfigError, match=r"loss\.exclusive_weight = 1: .* only one, vessel"):
        SegmentationTask(config, choose(config, "train"), choose(config, "val"))


def test_validation_scores_at_a_half_inside_the_field_of_view(task: SegmentationTask) -> None:
    (sample,) = task.val
    probability, network = planted(sample)
    truth, p = sample.vessels[sample.fov], probability[sample.fov]  # type: ignore[index]
    task.validate(network, epoch=1)
    scores = task.validate(network, epoch=2)  # a best threshold is known by now, and not used
    found, called = int(truth.sum()), int((p >= 0.5).sum())  # every vessel is found
    assert scores["dice"] == pytest.approx(2 * found / (called + found))
    assert scores["iou"] == pytest.approx(found / called)
    assert scores["accuracy"] == pytest.approx(1 - (called - found) / p.size)
    assert scores["auc"] == 1.0
    assert scores["loss"] == pytest.approx(-np.log(np.where(truth, p, 1 - p)).mean(), rel=1e-4)


def test_weights_are_saved_with_the_best_threshold_and_errors_are_drawn_at_a_half(
    task: SegmentationTask, tmp_path: Path
) -> None:
    (sample,) = task.val
    assert sample.vessels is not None
    probability, network = planted(sample)
    run = Run.create(tmp_path, "run")
    scores = task.validate(network, epoch=1)
    task.snapshot(network, epoch=1, scores=scores).write(run, ["best_dice", "last"])
    _, record = read_weights(run.weights / "best_dice.safetensors")
    assert read_weights(run.weights / "last.safetensors")[1] == record
    assert record.threshold == pytest.approx((0.52 + 0.55) / 2, abs=1e-3)
    with Image.open(run.overlays / f"{sample.id}_errors.png") as picture:
        expected = errors(probability >= 0.5, sample.vessels, sample.fov)
        assert np.array_equal(np.asarray(picture), expected)


def test_the_training_loss_does_not_look_outside_the_field_of_view(task: SegmentationTask) -> None:
    truth = torch.zeros(1, 1, 64, 64)
    truth[..., 20:24] = 1
    fov = torch.zeros_like(truth)
    fov[..., 16:48] = 1
    right = (truth - 0.5) * 40
    logits = torch.where(fov > 0, right, -right)[0, 0].numpy()
    batch = {"pixels": torch.zeros(1, 3, 64, 64), "truth": truth, "fov": fov}
    loss = float(task.loss(TrainingHeads(Planted(logits)), batch).detach())
    assert loss == pytest.approx(0, abs=1e-6)


def test_the_threshold_is_chosen_before_components_are_changed(
    tmp_path: Path,
) -> None:
    data = make_synthetic(tmp_path / "data", train=1, val=1)
    after = {"components": {"reconnection_budget": 8.0, "min_component": 0.05}}
    config = parse_config(settings(data, output=after), TrainConfig, source="test")
    task = SegmentationTask(config, choose(config, "train"), choose(config, "val"))
    (sample,) = task.val
    _, network = planted(sample)
    task.validate(network, epoch=1)
    assert task.thresholds["vessel"] == pytest.approx((0.52 + 0.55) / 2, abs=1e-3)


def test_showing_samples_of_nothing_is_refused(tmp_path: Path) -> None:
    data = make_synthetic(tmp_path / "data", train=1, val=1)
    config = parse_config(settings(data, data={"train": []}), TrainConfig, source="test")
    with pytest.raises(ConfigError, match=r"data.train = \[\]: name at least one"):
        next(sample_rows(config, samples=1))
