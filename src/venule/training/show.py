"""Visual check of the training data: augmented samples with their truth."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from venule.data.loader import TrainingSet
from venule.image.arrays import RGB
from venule.training.config import TrainConfig
from venule.training.segmentation import choose, training_set
from venule.viz.overlay import overlay

EPOCHS = (1, 2)

HEADINGS = tuple(text for epoch in EPOCHS for text in (f"epoch {epoch}", "with its truth"))
"""Headings of the columns of `sample_rows`."""


def sample_rows(config: TrainConfig, *, samples: int) -> Iterator[tuple[str, Sequence[RGB]]]:
    """Yield each sample's label and images, (h, w, 3) uint8: sample and truth in two epochs.

    They are the exact samples that a run of this configuration trains on, before normalisation;
    with several data sets, those of the first.

    Raises:
        ConfigError, DatasetError, UsageError: there are no training images.
    """
    chosen = choose(config, "train")[0]
    cases = chosen.selection.cases[:samples]
    first = replace(chosen, selection=replace(chosen.selection, cases=cases))
    drawn = training_set(config, [first])
    for index in range(min(samples, len(drawn))):
        label = f"{first.selection.dataset} {cases[index % len(cases)].id}"
        crop = f", crop {index // len(cases) + 1}" if config.input.crop_px else ""
        yield label + crop, [p for epoch in EPOCHS for p in _pictures(drawn, epoch, index)]


def _pictures(drawn: TrainingSet, epoch: int, index: int) -> tuple[RGB, RGB]:
    sample, _ = drawn.drawn((epoch, index))
    light = sample["image"].as_subclass(Tensor) * sample["fov"].as_subclass(Tensor)
    image = _array((light.clamp(0, 1) * 255).round().permute(1, 2, 0)).astype(np.uint8)
    truth = _array(sample["truth"].amax(0) * sample["fov"][0]) >= 0.5  # of any class
    return image, overlay(image, truth, opacity=0.0)


def _array(values: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(values.as_subclass(Tensor).to(torch.float32).numpy())
