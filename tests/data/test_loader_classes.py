"""Training samples of several classes: their planes, gaps in what is annotated, and light."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision import tv_tensors

from support.trees import save
from venule.data.augment import AugmentationConfig, Labels, Sample, photometric
from venule.data.catalog import open_dataset
from venule.data.loader import Part, TrainingSet
from venule.errors import DatasetError
from venule.image.artery_vein import color_types
from venule.image.preprocess import Preprocessing
from venule.synth.fundus import synthesize_fundus


def make_types(root: Path, *, uncertain: bool) -> Path:
    """Two synthetic photographs with arteries and veins; in the second some are uncertain."""
    for number in range(2):
        eye, name = synthesize_fundus(number, size_px=80), f"{number}.png"
        colors = color_types(eye.artery, eye.vein)
        if uncertain and number:
            colors[:40][colors[:40].any(axis=2)] = 255
            colors[40:44, 20:60] = (255, 0, 0)
        save(root / "images" / name, eye.image)
        save(root / "labels" / name, eye.vessels)
        save(root / "av" / name, colors)
    return root


@pytest.mark.parametrize("uncertain", [False, True])
def test_arteries_and_veins_are_two_planes_that_move_with_the_photograph(
    uncertain: bool, tmp_path: Path
) -> None:
    cases = open_dataset(str(make_types(tmp_path / "eyes", uncertain=uncertain))).cases
    config = AugmentationConfig(
        rotate_deg=180, horizontal_flip_p=0.5, hue=0.3, gamma=1.0, noise_p=1.0, crop_in_fov=True
    )
    samples = TrainingSet([Part(cases, expert="av")], Preprocessing(), config, crop_px=64)
    assert samples.classes == ("artery", "vein")
    drawn = [samples[1, index] for index in range(2)]
    for sample in drawn:
        assert sample["truth"].shape == (2, 64, 64)
        assert ("valid" in sample) is uncertain
        assert 0 <= sample["truth"].min() < sample["truth"].max() <= 1
    if uncertain:
        assert drawn[0]["valid"].shape == drawn[1]["valid"].shape == (1, 64, 64)
        assert torch.equal(drawn[0]["valid"], drawn[0]["fov"])  # no gaps, but as many planes
        assert drawn[1]["valid"].sum() < drawn[1]["fov"].sum()


def test_annotations_of_different_classes_do_not_train_together(tmp_path: Path) -> None:
    cases = open_dataset(str(make_types(tmp_path / "eyes", uncertain=False))).cases
    parts = [Part(cases, expert="av"), Part(cases)]
    with pytest.raises(DatasetError, match=r"annotated by vessel, but other .* by artery, vein"):
        TrainingSet(parts, Preprocessing(), AugmentationConfig(), crop_px=64)


def test_three_classes_are_not_taken_for_a_photograph() -> None:
    truth = torch.rand(3, 64, 64)
    sample: Sample = {
        "image": tv_tensors.Image(torch.rand(3, 64, 64)),
        "truth": Labels(truth),
        "fov": tv_tensors.Mask(torch.ones(1, 64, 64, dtype=torch.uint8)),
    }
    config = AugmentationConfig(hue=0.3, saturation=0.5, gamma=1.0, noise_p=1.0, jpeg_p=1.0)
    changed = nn.Sequential(*photometric(config))(sample)
    assert torch.equal(changed["truth"].as_subclass(Tensor), truth)
    assert not torch.equal(changed["image"], sample["image"])
