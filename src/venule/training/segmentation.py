"""Vessel segmentation: the loop's task, validated by the same code path that users run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from venule.data.catalog import open_dataset
from venule.data.loader import Part, TrainingSet
from venule.data.maps import find_maps
from venule.data.protocols import Selection, select
from venule.data.sample import Sample, load_annotated, load_sample
from venule.data.truth import VESSEL
from venule.errors import ConfigError, DatasetError
from venule.files.atomic import write_same
from venule.image.io import pixel_hash, write_png
from venule.inference.segment import Segmenter
from venule.inference.torch_runner import torch_run
from venule.metrics.metric import selecting_metrics
from venule.models.base import SegmentationModel
from venule.models.checkpoint import weights_bytes
from venule.models.record import ClassRecord, ModelRecord, SeenImages
from venule.training.config import SourceConfig, TrainConfig
from venule.training.loop import Batch, copy_weights
from venule.training.losses import Loss, build_loss, one_against_rest, total_loss
from venule.training.run import Row, Run
from venule.training.seen import TEACHERS, read_seen, together
from venule.training.validation import Validation, truth_of
from venule.viz.overlay import errors


@dataclass(frozen=True)
class SegmentationSnapshot:
    """A copy of a network's weights, and its predictions for the validation images."""

    state: Mapping[str, Tensor]
    record: ModelRecord
    found: Sequence[NDArray[np.bool_]]
    val: Sequence[Sample]

    def write(self, run: Run, names: Sequence[str]) -> None:
        """Write weights/NAME.safetensors for each name; draw the errors of the best by Dice."""
        paths = [run.weights / f"{name}.safetensors" for name in names]
        write_same(paths, weights_bytes(self.state, self.record))
        if "best_dice" in names:
            names = _distinct([sample.id for sample in self.val])
            for name, sample, found in zip(names, self.val, self.found, strict=True):
                _draw_errors(run, name, sample, found)


def _distinct(ids: Sequence[str]) -> list[str]:
    """The ids, numbered where one occurs again: two data sets may share one."""
    return [
        id if (number := ids[:place].count(id) + 1) == 1 else f"{id}-{number}"
        for place, id in enumerate(ids)
    ]


def _draw_errors(run: Run, id: str, sample: Sample, found: NDArray[np.bool_]) -> None:
    """Draw the errors of a prediction, (K, H, W), in a photograph, one image per class."""
    truth = truth_of(sample)
    for name, mask in zip(truth.classes, found, strict=True):
        of_class = "" if len(truth.classes) == 1 else f"_{name}"
        picture = errors(mask, truth.plane(name), sample.fov & truth.counts(name))
        write_png(run.overlays / f"{id}{of_class}_errors.png", picture)


@dataclass(frozen=True)
class Chosen:
    """The images of one configured source, and their soft pseudo-labels if it names some.

    `taught_by` are the images that the teacher networks have seen.
    """

    source: SourceConfig
    selection: Selection
    maps: Mapping[str, Path] | None
    taught_by: tuple[SeenImages, ...] = ()

    def classes(self) -> set[tuple[str, ...]]:
        """The sets of classes that the annotations of the images have."""
        if self.maps is not None:
            return {(VESSEL,)}
        found = (case.annotation(self.source.expert) for case in self.selection.cases)
        return {annotation.codec.classes for annotation in found if annotation is not None}

    def labels(self) -> Iterator[tuple[str, Path]]:
        """The target of each image: its id and the file."""
        for case in self.selection.cases:
            path = self.maps[case.id] if self.maps else case.truth(self.source.expert)
            if path is not None:
                yield case.id, path


def choose(config: TrainConfig, part: Literal["train", "val"]) -> tuple[Chosen, ...]:
    """The images for training or validation given by a configuration.

    Raises:
        ConfigError: there are none for training.
        DatasetError, UsageError: a data set, protocol, split or map is missing.
    """
    sources = config.data.sources(part)
    if part == "train" and not sources:
        raise ConfigError("data.train = []: name at least one split to train on")
    return tuple(_choose(source) for source in sources)


def _choose(source: SourceConfig) -> Chosen:
    labelled = source.maps is None
    dataset = open_dataset(source.dataset)
    selection = select(
        dataset, source.protocol, source.split, labelled=labelled, expert=source.expert
    )
    if source.maps is None:
        return Chosen(source, selection, None)
    folder = Path(source.maps)
    maps = find_maps(folder, selection)
    if not (folder / TEACHERS).is_file():
        raise DatasetError(
            f"{folder}: has no {TEACHERS}, which lists the images that the maps' networks had "
            'seen; write it as docs/training.md says, {"seen": []} if they had seen no photograph '
            "of any data set"
        )
    return Chosen(source, selection, maps, read_seen(folder / TEACHERS))


def training_set(config: TrainConfig, train: Sequence[Chosen]) -> TrainingSet:
    """The training samples of a run with this configuration."""
    parts = [
        Part(
            cases=chosen.selection.cases,
            expert=chosen.source.expert,
            crops_per_image=chosen.source.crops_per_image or config.input.crops_per_image,
            maps=chosen.maps,
        )
        for chosen in train
    ]
    return TrainingSet(
        parts,
        config.input.preprocessing(),
        config.augmentation,
        crop_px=config.input.crop_px,
        seed=config.schedule.seed,
    )


def classes_of(*parts: Sequence[Chosen]) -> tuple[str, ...]:
    """The classes by which all chosen images are annotated.

    Raises:
        ConfigError: the images differ in their classes.
    """
    found = {classes for part in parts for chosen in part for classes in chosen.classes()}
    if len(found) > 1:
        names = " and ".join(", ".join(classes) for classes in sorted(found))
        raise ConfigError(
            f"data: images are annotated by {names}; name sources of the same classes"
        )
    return next(iter(found), (VESSEL,))


class TrainingHeads(nn.Module):
    """A network whose call returns the logits of all heads; the module wrapped for DDP."""

    def __init__(self, network: SegmentationModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) pixels to logits (N, C, H, W), the main head's first."""
        return self.network.training_logits(x)


class SegmentationTask:
    """Segmentation by one configuration, into the classes of its annotations.

    Validation processes whole photographs as `Segmenter.segment` does and scores them at native
    size inside the field of view, at threshold 0.5; the threshold saved for a class is the one of
    largest pooled Dice on the validation images, before components are reconnected or dropped.

    Raises:
        ConfigError: the annotations have different classes, or one where the loss is between
            classes, or an image is in both sets.
        DatasetError: a validation image has no annotation by the requested expert.
    """

    def __init__(self, config: TrainConfig, train: Sequence[Chosen], val: Sequence[Chosen]) -> None:
        if "classes" in config.network.options:
            raise ConfigError("network.options.classes: follows from the annotations; leave it out")
        classes = classes_of(train, val)
        if config.loss.exclusive_weight and len(classes) == 1:
            raise ConfigError(
                f"loss.exclusive_weight = {config.loss.exclusive_weight:g}: weights a loss between "
                f"classes, and the annotations have only one, {classes[0]}; leave it out"
            )
        self.config = config
        self.best: Mapping[str, Literal["min", "max"]] = {
            "loss": "min",
            **dict.fromkeys(selecting_metrics(), "max"),
        }
        self.loss_function: Loss = build_loss(config.loss)
        loaded = [
            [
                load_annotated(case, expert=chosen.source.expert)[0]
                for case in chosen.selection.cases
            ]
            for chosen in val
        ]
        self.val = [sample for samples in loaded for sample in samples]
        trained = [_seen(chosen.selection, "trained", None) for chosen in train]
        taught = [images for chosen in train for images in chosen.taught_by]
        self.selecting = [
            _seen(chosen.selection, "selected", samples)
            for chosen, samples in zip(val, loaded, strict=True)
        ]
        known = [*trained, *(images for images in taught if images.role == "trained")]
        _require_disjoint(known, self.selecting)
        self.record = ModelRecord(
            name=config.name,
            model=config.network.model,
            options=config.network.options,
            classes=tuple(
                ClassRecord(
                    name=name,
                    threshold=config.output.threshold,
                    threshold_source=config.output.threshold_source,
                    calibration=config.output.calibration,
                    components=config.output.components,
                )
                for name in classes
            ),
            activation=config.output.activation,
            preprocessing=config.preprocessing(),
            tiling=config.input.tiling,
            seen=together(trained, taught, self.selecting),
            licence=config.licence,
            package_version=version("venule"),
        )
        self.thresholds = dict.fromkeys(classes, config.output.threshold)
        self.threshold_source = config.output.threshold_source
        self.chosen_on = " and ".join(f"{c.selection.dataset} {c.selection.split}" for c in val)
        # From the last validation, (K, H, W) for each validation image.
        self.found: Sequence[NDArray[np.bool_]] = ()

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean over images of the configured loss, auxiliary heads included."""
        heads = model(batch["pixels"])
        if self.record.activation == "softmax":
            heads = tuple(one_against_rest(head.float()) for head in heads)
        return total_loss(
            heads,
            batch["truth"],
            batch.get("valid", batch["fov"]),
            loss=self.loss_function,
            auxiliary_weight=self.config.loss.auxiliary_weight,
        ).mean()

    @property
    def validates(self) -> bool:
        """True if there are validation images."""
        return bool(self.val)

    def validate(self, model: nn.Module, *, epoch: int) -> dict[str, float]:
        """Loss, pixel accuracy, mIoU, IoU, Dice and ROC AUC: means over the validation images.

        With several classes, means over those. Scores undefined for an image, such as the AUC
        without a vessel, are left out.
        """
        network = _network(model)
        device = next(network.parameters()).device
        segmenter = Segmenter(self.record, torch_run(network, device))
        validation = Validation(segmenter, self.loss_function)
        try:
            for sample in self.val:
                validation.add(sample)
        except ConfigError as error:
            raise ConfigError(f"epoch {epoch}: {error}") from None
        found = validation.thresholds()
        self.thresholds = {  # nan: no pixel of that class at all
            name: 0.5 if math.isnan(value) else value for name, value in found.items()
        }
        self.threshold_source = f"largest pooled Dice on {self.chosen_on}"
        self.found = validation.found
        return validation.means()

    def snapshot(self, model: nn.Module, *, epoch: int, scores: Row) -> SegmentationSnapshot:
        """A copy of the weights with their record: threshold, scores, images seen."""
        classes = tuple(
            one.model_copy(
                update={
                    "threshold": self.thresholds[one.name],
                    "threshold_source": self.threshold_source,
                }
            )
            for one in self.record.classes
        )
        defined = {key: score for key, score in scores.items() if not math.isnan(score)}
        record = self.record.model_copy(
            update={"classes": classes, "epoch": epoch, "validation": defined}
        )
        return SegmentationSnapshot(
            copy_weights(_network(model)), record, found=self.found, val=self.val
        )


def _network(model: nn.Module) -> SegmentationModel:
    network = model.network if isinstance(model, TrainingHeads) else model
    assert isinstance(network, SegmentationModel)
    return network


def _require_disjoint(trained: Sequence[SeenImages], selecting: Sequence[SeenImages]) -> None:
    """Raise ConfigError if any photograph, by its pixels, is in both training and validation."""
    learnt = {pixels for images in trained for pixels in images.images.values()}
    shared = sorted(
        id for images in selecting for id, pixels in images.images.items() if pixels in learnt
    )
    if shared:
        raise ConfigError(
            f"data.train and data.val share images ({', '.join(shared)}); name disjoint splits"
        )


def _seen(
    selection: Selection, role: Literal["trained", "selected"], samples: Sequence[Sample] | None
) -> SeenImages:
    loaded = samples or [load_sample(case) for case in selection.cases]
    return SeenImages(
        dataset=selection.dataset,
        protocol=selection.protocol,
        split=selection.split,
        role=role,
        images={sample.id: pixel_hash(sample.image) for sample in loaded},
    )
