import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from venule.data.classes import open_class_tree
from venule.errors import ConfigError, DatasetError
from venule.models.checkpoint import read_tensors
from venule.models.ddrnet import DDRNetConfig
from venule.models.pretrained import CLASSIFIER, compare, load_pretrained, read_source
from venule.models.record import SeenImages
from venule.training.classification import (
    ClassificationTask,
    ClassPhotographs,
    training_transform,
    validation_transform,
)
from venule.training.config import ClassPhotographsConfig, PretrainConfig, TrainConfig
from venule.training.config_file import parse_config
from venule.training.pretrain import pretrain, resume
from venule.training.run import Run
from venule.training.train import open_source

TINY = {"width": 4, "head_width": 4, "context_width": 4}
TINY_CONFIG = DDRNetConfig(width=4, head_width=4, context_width=4)


def ignore(kind: str, values: Mapping[str, float]) -> None:
    pass


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six reddish and six bluish photographs, one of them grey."""
    rng = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        folder = tmp_path / "tree" / name
        folder.mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 120, (70, 90, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / f"{i}.png")
    Image.new("L", (80, 70), 90).save(tmp_path / "tree" / "red" / "grey.png")
    return tmp_path / "tree"


def settings(tree: Path, **schedule: object) -> PretrainConfig:
    values = {
        "data": {"folder": str(tree), "crop_px": 64, "val_share": 0.2},
        "network": {"options": TINY},
        "schedule": {"epochs": 2, "batch_size": 4, "precision": "fp32", "device": "cpu"} | schedule,
    }
    return parse_config(values, PretrainConfig, source="test")


@pytest.mark.parametrize("stride", [8, 2, 1])
def test_a_trunk_of_stride_8_enters_networks_of_every_stride(stride: Literal[8, 2, 1]) -> None:
    classifier = replace(TINY_CONFIG, stride=8).build_classifier(2)
    network = replace(TINY_CONFIG, stride=stride).build()
    account = compare(network, classifier.state_dict(), source="classifier")
    backbone = {name for name in network.state_dict() if name.startswith("backbone.")}
    assert set(account.loaded) == backbone
    assert account.mismatched == {}


def test_a_pretrained_trunk_enters_a_ddrnet_completely(tree: Path, tmp_path: Path) -> None:
    run = pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert {"epoch", "train_loss", "val_loss", "val_accuracy"} <= set(rows[0])
    assert 0 <= rows[0]["val_accuracy"] <= 1
    network = TINY_CONFIG.build()
    # The run's folder is enough: its best by accuracy are meant.
    source = open_source(str(run.path))
    assert source is not None
    report = load_pretrained(network, source)
    assert report.seen == ()
    account = report.summary()
    assert account["source"].endswith("best_accuracy.safetensors")
    backbone = [name for name in network.state_dict() if name.startswith("backbone.")]
    assert account["loaded"] == backbone
    assert account["mismatched"] == {}
    fresh = {name.partition(".")[0] for name in account["missing"]}
    assert fresh == {"dappm", "head", "auxiliary_head"}
    unused = {name.partition(".")[0] for name in account["unexpected"]}
    assert unused == {"down5", "linear"}


def test_the_weights_say_what_they_were_trained_on(tree: Path, tmp_path: Path) -> None:
    run = pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)
    _, metadata = read_tensors(run.weights / "last.safetensors")
    account = json.loads(metadata[CLASSIFIER])
    assert account["classes"] == ["blue", "red"]
    assert account["photographs_sha256"] == open_class_tree(tree, val_share=0.2).digest()
    assert account["options"] == TINY


def test_parts_of_photographs_are_remembered_by_all_that_learns_from_them(
    tree: Path, tmp_path: Path
) -> None:
    images = {
        "dataset": "CHASE_DB1",
        "protocol": "parts",
        "split": "train",
        "role": "trained",
        "images": {"01L": "ab"},
    }
    (tree / "patches.json").write_text(json.dumps({"seen": [images]}))
    run = pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)
    seen = (SeenImages.model_validate(images),)
    assert read_source(str(run.weights / "last.safetensors")).seen == seen

    (tree / "patches.json").unlink()
    config = settings(tree, epochs=1)
    network = config.network.model_copy(update={"pretrained": str(run.path)})
    config = config.model_copy(update={"network": network})
    second = pretrain(config, root=tmp_path / "second", report=ignore)
    weights = second.weights / "last.safetensors"
    assert load_pretrained(TINY_CONFIG.build(), read_source(str(weights))).seen == seen


def test_a_damaged_list_of_parts_is_said(tree: Path, tmp_path: Path) -> None:
    for text in ("{", "[]", '{"seen": [{"dataset": 1}]}', '{"seen": 3}'):
        (tree / "patches.json").write_text(text)
        with pytest.raises(DatasetError, match=r"patches.json: not a list of images"):
            pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)


def test_an_interrupted_pretraining_ends_as_an_uninterrupted_one(
    tree: Path, tmp_path: Path
) -> None:
    whole = pretrain(settings(tree), root=tmp_path / "whole", report=ignore)

    class KilledError(Exception):
        pass

    def kill(kind: str, values: Mapping[str, float]) -> None:
        # In the middle of the second epoch, after the first was written.
        if kind == "step" and values["epoch"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        pretrain(settings(tree), root=tmp_path / "killed", report=kill)
    resumed = resume(tmp_path / "killed" / "pretrain", report=ignore)
    for name in ("last", "best_loss", "best_accuracy"):
        file = Path("weights") / f"{name}.safetensors"
        assert (resumed.path / file).read_bytes() == (whole.path / file).read_bytes()

    def rows(run: Run) -> list[dict[str, float]]:
        lines = (run.path / "metrics.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    assert rows(resumed) == rows(whole)
    assert len(rows(whole)) == 2


def test_other_photographs_cannot_carry_on_a_run(tree: Path, tmp_path: Path) -> None:
    run = pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)
    (tree / "red" / "0.png").unlink()
    with pytest.raises(DatasetError, match="begin a new run"):
        resume(run.path, report=ignore)


def test_a_photograph_depends_on_seed_epoch_and_index_only(tree: Path) -> None:
    items = open_class_tree(tree).train
    config = ClassPhotographsConfig(folder=str(tree), crop_px=64)
    first = ClassPhotographs(items, training_transform(config), seed=3)
    torch.manual_seed(99)
    torch.rand(5)
    second = ClassPhotographs(items, training_transform(config), seed=3)
    first[1, 0]
    assert torch.equal(first[2, 1]["pixels"], second[2, 1]["pixels"])
    assert not torch.equal(first[2, 1]["pixels"], first[3, 1]["pixels"])
    assert first[2, 1]["pixels"].shape == (3, 64, 64)


def test_validation_shows_the_middle_and_no_more_of_it_than_training() -> None:
    image = torch.zeros(3, 200, 240, dtype=torch.uint8)
    image[:, 68:132, 88:152] = 255  # the middle 64 of 200 px
    plain = {"folder": "x", "crop_px": 64, "mean": (0, 0, 0), "std": (1, 1, 1)}
    part = validation_transform(ClassPhotographsConfig(**plain, least_area=0.09, most_area=0.09))
    assert part(image).shape == (3, 64, 64)
    assert part(image)[:, 2:-2, 2:-2].min() > 0.9  # 0.3 of the shorter side: the square alone
    usual = validation_transform(ClassPhotographsConfig(**plain))
    white = float(usual(image).mean())
    assert white == pytest.approx((64 / (7 / 8 * 200)) ** 2, rel=0.06)


def test_an_area_range_that_is_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be above most_area"):
        ClassPhotographsConfig(folder="x", least_area=0.5, most_area=0.4)


def test_validation_counts_every_photograph_once(tree: Path) -> None:
    config = settings(tree, batch_size=2)
    classes = open_class_tree(tree, val_share=0.4)
    task = ClassificationTask(config, classes)

    class AlwaysRed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.odds = torch.nn.Parameter(torch.tensor([0.0, np.log(3.0)]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.odds.expand(len(x), 2)

    scores = task.validate(AlwaysRed().eval(), epoch=1)
    # Of 2 blue and 3 red each red one is right, with probability 3/4; blue has 1/4.
    assert [label for _, label in classes.val] == [0, 0, 1, 1, 1]
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["loss"] == pytest.approx((3 * np.log(4 / 3) + 2 * np.log(4)) / 5, rel=1e-5)


def test_label_smoothing_is_in_the_training_loss_only(tree: Path) -> None:
    task = ClassificationTask(settings(tree), open_class_tree(tree, val_share=0.2))
    batch = {"pixels": torch.tensor([[2.0, 0.0]]), "label": torch.tensor([0])}
    loss = float(task.loss(torch.nn.Identity(), batch))
    log_p = [-np.log(1 + np.exp(-2.0)), -2 - np.log(1 + np.exp(-2.0))]
    assert loss == pytest.approx(-(0.95 * log_p[0] + 0.05 * log_p[1]), rel=1e-5)


def test_a_network_without_a_trunk_of_ours_is_refused_before_a_folder_is_made(
    tree: Path, tmp_path: Path
) -> None:
    values = {"data": {"folder": str(tree)}, "network": {"model": "deeplabv3-resnet50"}}
    config = parse_config(values, PretrainConfig, source="test")
    with pytest.raises(ConfigError, match="ddrnet23-slim or ddrnet23"):
        pretrain(config, root=tmp_path / "runs", report=ignore)
    assert not (tmp_path / "runs").exists()


def test_accuracy_is_for_pretraining_and_dice_for_segmentation(tree: Path) -> None:
    assert settings(tree).schedule.monitor == "accuracy"
    with pytest.raises(ConfigError, match=r"schedule\.monitor"):
        settings(tree, monitor="dice")
    values = {"name": "x", "input": {"crop_px": 64}, "schedule": {"monitor": "accuracy"}}
    with pytest.raises(ConfigError, match="use one of loss, iou, dice, auc"):
        parse_config(values, TrainConfig, source="test")


def test_a_pretraining_can_start_from_another(tree: Path, tmp_path: Path) -> None:
    first = pretrain(settings(tree, epochs=1), root=tmp_path / "runs", report=ignore)
    config = settings(tree, epochs=1)
    network = config.network.model_copy(update={"pretrained": str(first.path)})
    still = config.optimizer.model_copy(update={"learning_rate": 1e-12})
    config = config.model_copy(update={"network": network, "optimizer": still})
    second = pretrain(config, root=tmp_path / "runs", report=ignore)
    ours, theirs = (
        read_tensors(run.weights / name)[0]["linear.weight"]
        for run, name in ((second, "last.safetensors"), (first, "best_accuracy.safetensors"))
    )
    torch.testing.assert_close(ours, theirs)
    account = json.loads((second.path / "pretrained.json").read_text())
    assert (account["missing"], account["mismatched"]) == ([], {})


def test_changing_one_setting_leaves_the_other_defaults(tree: Path) -> None:
    values = {"data": {"folder": str(tree)}, "optimizer": {"learning_rate": 0.1}}
    config = parse_config(values, PretrainConfig, source="test")
    assert (config.optimizer.kind, config.optimizer.learning_rate) == ("sgd", 0.1)
