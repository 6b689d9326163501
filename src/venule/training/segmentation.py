"""Learning vessels: the loop's task for segmentation, validated by the path that users run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from venule.data.catalog import open_dataset
from venule.data.loader import Part, TrainingSet
from venule.data.maps import find_maps
from venule.data.protocols import Selection, select
from venule.data.sample import Sample, load_annotated, load_sample
from venule.errors import ConfigError, DatasetError
from venule.image.arrays import FloatMap, Mask
from venule.image.atomic import write_same
from venule.image.fov import FieldOfView
from venule.image.io import pixel_hash, write_png
from venule.inference.segment import Segmenter
from venule.inference.torch_runner import torch_run
from venule.metrics.counts import (
    Counts,
    accuracy,
    count,
    dice,
    iou,
    mean_of_defined,
    miou,
)
from venule.metrics.curves import Histogram, best_threshold, roc_auc
from venule.models.base import SegmentationModel
from venule.models.checkpoint import weights_bytes
from venule.models.record import ModelRecord, SeenImages
from venule.training.config import SourceConfig, TrainConfig
from venule.training.loop import Batch, copy_weights
from venule.training.losses import Loss, build_loss, total_loss
from venule.training.run import Row, Run
from venule.training.seen import TEACHERS, read_seen, together
from venule.viz.overlay import errors


@dataclass(frozen=True)
class SegmentationSnapshot:
    """A copy of a network's weights, and what it found in each validation image."""

    state: Mapping[str, Tensor]
    record: ModelRecord
    found: Sequence[Mask]
    val: Sequence[Sample]

    def write(self, run: Run, names: Sequence[str]) -> None:
        """Write weights/NAME.safetensors for each name; the best by Dice draws its errors too."""
        paths = [run.weights / f"{name}.safetensors" for name in names]
        write_same(paths, weights_bytes(self.state, self.record))
        if "best_dice" in names:
            for sample, found in zip(self.val, self.found, strict=True):
                picture = errors(found, _truth(sample), sample.fov)
                write_png(run.overlays / f"{sample.id}_errors.png", picture)


@dataclass(frozen=True)
class Chosen:
    """The images of one configured source, and the maps to learn from if it names some.

    `taught_by` are the images that the networks have seen which gave the maps.
    """

    source: SourceConfig
    selection: Selection
    maps: Mapping[str, Path] | None
    taught_by: tuple[SeenImages, ...] = ()

    def labels(self) -> Iterator[tuple[str, Path]]:
        """What is to be learnt of each image, or to be found: its id and the file."""
        for record in self.selection.records:
            path = self.maps[record.id] if self.maps else record.truth(self.source.expert)
            if path is not None:
                yield record.id, path


def choose(config: TrainConfig, part: Literal["train", "val"]) -> tuple[Chosen, ...]:
    """The images that train or validate by a configuration.

    Raises:
        ConfigError: none are to train on.
        DatasetError, UsageError: a data set, protocol or split is not there, or a map is not.
    """
    sources = config.data.sources(part)
    if part == "train" and not sources:
        raise ConfigError("data.train = []: name at least one split to train on")
    return tuple(_choose(source) for source in sources)


def _choose(source: SourceConfig) -> Chosen:
    labelled = source.maps is None
    dataset = open_dataset(source.dataset)
    selection = select(dataset, source.protocol, source.split, labelled=labelled)
    if source.maps is None:
        return Chosen(source, selection, None)
    folder = Path(source.maps)
    maps = find_maps(folder, selection)
    if not (folder / TEACHERS).is_file():
        raise DatasetError(
            f"{folder}: has no {TEACHERS}, which says what the networks that made the maps had "
            'seen; write it as docs/training.md says, {"seen": []} if they had seen no photograph '
            "of any data set"
        )
    return Chosen(source, selection, maps, read_seen(folder / TEACHERS))


def training_set(config: TrainConfig, train: Sequence[Chosen]) -> TrainingSet:
    """The samples that a run of the configuration trains on."""
    parts = [
        Part(
            records=chosen.selection.records,
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


class TrainingHeads(nn.Module):
    """A network whose call gives the logits of all heads; what several processes wrap."""

    def __init__(self, network: SegmentationModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) pixels to logits (N, C, H, W), the main head's first."""
        return self.network.training_logits(x)


class SegmentationTask:
    """Vessel segmentation by one configuration.

    Validation takes whole photographs the way of `Segmenter.segment` and scores them at native
    size inside the field of view, at threshold 0.5; the threshold that is saved with the weights is
    the one of largest pooled Dice on the validation images, before pieces are joined or dropped.

    Raises:
        ConfigError: the network finds other classes than vessels, or an image is in both parts.
        DatasetError: a validation image has no annotation of the expert asked for.
    """

    best: Mapping[str, Literal["min", "max"]] = {
        "loss": "min",
        "iou": "max",
        "dice": "max",
        "auc": "max",
    }

    def __init__(self, config: TrainConfig, train: Sequence[Chosen], val: Sequence[Chosen]) -> None:
        if config.network.options.get("classes", 1) != 1:
            raise ConfigError("network.options.classes: vessels are one class; leave it out")
        self.config = config
        self.loss_function: Loss = build_loss(config.loss)
        loaded = [
            [
                load_annotated(record, expert=chosen.source.expert)[0]
                for record in chosen.selection.records
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
            preprocessing=config.preprocessing(),
            tiling=config.input.tiling,
            postprocessing=config.output.postprocessing,
            seen=together(trained, taught, self.selecting),
            licence=config.licence,
            package_version=version("venule"),
        )
        self.threshold = config.output.threshold
        self.threshold_source = config.output.threshold_source
        self.chosen_on = " and ".join(f"{c.selection.dataset} {c.selection.split}" for c in val)
        self.found: Sequence[Mask] = ()  # by the last validation, one mask a validation image

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean over images of the configured loss, auxiliary heads included."""
        heads = model(batch["pixels"])
        return total_loss(
            heads,
            batch["truth"],
            batch["fov"],
            loss=self.loss_function,
            auxiliary_weight=self.config.loss.auxiliary_weight,
        ).mean()

    @property
    def validates(self) -> bool:
        """Whether there are validation images."""
        return bool(self.val)

    def validate(self, model: nn.Module, *, epoch: int) -> dict[str, float]:
        """Loss, pixel accuracy, mIoU, IoU, Dice and ROC AUC: means over the validation images.

        A score that is undefined in an image, such as the AUC without a vessel, is left out.
        """
        network = _network(model)
        device = next(network.parameters()).device
        segmenter = Segmenter(self.record, torch_run(network, device))
        plain = segmenter.without_pieces()
        scores: list[dict[str, float]] = []
        pooled = Histogram()
        found: list[Mask] = []
        for sample in self.val:
            logits = segmenter.logits(sample.image, FieldOfView.of_mask(sample.fov))[0]
            probability = segmenter.finish(logits, sample.fov)
            if not np.isfinite(probability).all():
                raise ConfigError(
                    f"the network's output is nan in epoch {epoch}; lower optimizer.learning_rate "
                    "or set optimizer.clip_norm"
                )
            histogram = Histogram().accumulate(probability, _truth(sample), sample.fov)
            if plain.record == segmenter.record:
                pooled += histogram
            else:
                before = plain.finish(logits, sample.fov)
                pooled.accumulate(before, _truth(sample), sample.fov)
            scores.append(self._score(probability, sample) | {"auc": roc_auc(histogram)})
            found.append(probability >= 0.5)
        threshold = best_threshold(pooled)
        self.threshold = 0.5 if math.isnan(threshold) else threshold  # nan: no vessel at all
        self.threshold_source = f"largest pooled Dice on {self.chosen_on}"
        self.found = found
        return {name: mean_of_defined([score[name] for score in scores]) for name in scores[0]}

    def snapshot(self, model: nn.Module, *, epoch: int, scores: Row) -> SegmentationSnapshot:
        """A copy of the weights with their record: threshold, scores, what they have seen."""
        record = self.record.model_copy(
            update={
                "threshold": self.threshold,
                "threshold_source": self.threshold_source,
                "epoch": epoch,
                "validation": {
                    key: score for key, score in scores.items() if not math.isnan(score)
                },
            }
        )
        return SegmentationSnapshot(
            copy_weights(_network(model)), record, found=self.found, val=self.val
        )

    def _score(self, probability: FloatMap, sample: Sample) -> dict[str, float]:
        truth, fov = _truth(sample), sample.fov
        counts: Counts = count(probability >= 0.5, truth, fov)
        logits = torch.from_numpy(probability)[None, None].logit(eps=1e-6)
        native = (logits, _plane(truth), _plane(fov))
        return {
            "loss": float(self.loss_function(*native)),
            "accuracy": accuracy(counts),
            "miou": miou(counts),
            "iou": iou(counts),
            "dice": dice(counts),
        }


def _network(model: nn.Module) -> SegmentationModel:
    network = model.network if isinstance(model, TrainingHeads) else model
    assert isinstance(network, SegmentationModel)
    return network


def _truth(sample: Sample) -> Mask:
    assert sample.vessels is not None  # `load_annotated` requires it
    return sample.vessels


def _plane(mask: Mask) -> Tensor:
    return torch.from_numpy(mask.astype(np.float32))[None, None]


def _require_disjoint(trained: Sequence[SeenImages], selecting: Sequence[SeenImages]) -> None:
    """Raise ConfigError if a photograph, by its pixels, both trains and validates."""
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
    loaded = samples or [load_sample(record) for record in selection.records]
    return SeenImages(
        dataset=selection.dataset,
        protocol=selection.protocol,
        split=selection.split,
        role=role,
        images={sample.id: pixel_hash(sample.image) for sample in loaded},
    )
