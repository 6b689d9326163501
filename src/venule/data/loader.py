"""Training samples, crops or squared photographs, determined by (seed, epoch, index) alone."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors

from venule.data.augment import (
    AugmentationConfig,
    Labels,
    Sample,
    geometric,
    narrowed,
    photometric,
    random_crop,
)
from venule.data.case import Case, Expert
from venule.data.maps import is_mask, read_map_of
from venule.data.sample import load_annotated, load_sample
from venule.data.truth import VESSEL, Planes
from venule.errors import DatasetError
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.fov import outlined
from venule.image.illumination import correct_illumination
from venule.image.preprocess import (
    FovScaled,
    Preprocessing,
    scale_image,
    scale_mask,
    scale_soft,
    statistics,
    working_shape,
)


def derive_seed(*parts: int) -> int:
    """A 63-bit seed from (seed, epoch, index, ...); adjacent inputs give unrelated seeds."""
    digest = hashlib.sha256(",".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Part:
    """Photographs of one training source, their annotation, and how often each is drawn.

    `maps` are soft pseudo-labels by image id, used instead of an annotation.
    """

    cases: Sequence[Case]
    expert: Expert = "first"
    crops_per_image: int = 1
    maps: Mapping[str, Path] | None = None

    def load(self, case: Case) -> "Lesson":
        """Load a photograph with its training target.

        Raises:
            DatasetError: no annotation, or a map whose size differs from the photograph's.
        """
        if self.maps is None:
            sample, truth = load_annotated(case, expert=self.expert)
            return Lesson(sample.image, truth.planes, truth.valid, sample.fov, truth.classes)
        sample, path = load_sample(case, expert=self.expert), self.maps[case.id]
        soft = read_map_of(sample, path, mask=is_mask(path))[None]
        return Lesson(sample.image, soft, None, sample.fov, (VESSEL,))


@dataclass(frozen=True, eq=False)
class Lesson:
    """A photograph (H, W, 3) with its training target.

    `truth` is (K, H, W), bool or float32 in 0..1, a plane per class. `valid` (1 or K, H, W) bool
    is where it counts, None for everywhere; `fov` is (H, W) bool.
    """

    image: RGB
    truth: Planes | FloatMap
    valid: Planes | None
    fov: Mask
    classes: tuple[str, ...]


class TrainingSet(Dataset[Sample]):
    """Augmented, normalised samples of annotated photographs, kept in memory at working size.

    Items are indexed by (epoch, index), where index runs over each part's photographs as often as
    its `crops_per_image`. An item holds `pixels` (3, h, w), `truth` (K, h, w) and `fov` (1, h, w),
    float32, and, if an annotation has gaps, `valid` (1 or K, h, w), where in the field of view the
    truth counts. `pixels` are 0 outside the field of view, or outside a narrower one
    (`narrower_fov_px`).

    Raises:
        DatasetError: an image without an annotation, or annotations of different classes.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        preprocessing: Preprocessing,
        augmentation: AugmentationConfig,
        *,
        crop_px: int | None,
        seed: int = 0,
    ) -> None:
        self.photographs: list[Sequence[Sample]] = []  # once per simulated camera
        self.names: list[str] = []
        self.order: list[int] = []  # index of the photograph of each item
        self.classes: tuple[str, ...] = ()
        smaller = augmentation.low_resolution_fov_px if crop_px is not None else ()
        share = augmentation.low_resolution_truth_share
        for part in parts:
            first = len(self.photographs)
            for case in part.cases:
                lesson = part.load(case)
                self.classes = _same_classes(self.classes, lesson.classes, case)
                views = _views(lesson, preprocessing, smaller, truth_share=share)
                self.photographs.append(views)
                self.names.append(case.id)
            self.order += [*range(first, len(self.photographs))] * part.crops_per_image
        _complete([view for views in self.photographs for view in views])
        self.augmentation = augmentation
        self.move = nn.Sequential(*geometric(augmentation))
        self.light = nn.Sequential(*photometric(augmentation))
        self.crop_px = crop_px
        self.seed = seed

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        sample, photograph = self.drawn(key)
        return _normalized(sample, photograph["mean"], photograph["std"])

    def drawn(self, key: tuple[int, int]) -> tuple[Sample, Sample]:
        """The augmented sample of (epoch, index) before normalisation, and its photograph."""
        epoch, index = key
        views = self.photographs[self.order[index]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.seed, epoch, index))
            camera = int(torch.randint(len(views), ())) if len(views) > 1 else 0
            return self.draw(views[camera]), views[camera]

    def draw(self, photograph: Sample) -> Sample:
        """One augmented crop, or the whole photograph, before normalisation."""
        levels = photograph["image"].as_subclass(Tensor)
        sample = {
            "image": tv_tensors.Image(levels.float() / 255),
            "truth": photograph["truth"],
            "fov": photograph["fov"],
        }
        if "valid" in photograph:
            sample["valid"] = photograph["valid"]
        if self.crop_px is None:
            moved = self.move(sample)
        else:
            moved = random_crop(sample, self.crop_px, self.augmentation)
        if self.augmentation.narrower_fov_px:
            moved["shown"] = narrowed(moved["fov"], self.augmentation.narrower_fov_px)
        lit: Sample = self.light(moved)
        return lit


class EpochBatches:
    """Batches of (epoch, index) keys: a permutation for each epoch, divided among processes.

    Every process gets `batch_size` keys of each global batch. An incomplete last batch is dropped
    for the epoch, unless the set is smaller than a batch: then the batch is as large as equal
    shares allow.

    Raises:
        DatasetError: fewer keys than processes.
    """

    def __init__(
        self, length: int, batch_size: int, *, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.processes = rank, processes
        self.epoch = 0
        if length < processes:
            raise DatasetError(
                f"{length} training samples for {processes} processes; start fewer processes or "
                "raise input.crops_per_image"
            )

    def __len__(self) -> int:
        return max(1, self.length // (self.batch_size * self.processes))

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        generator = torch.Generator().manual_seed(derive_seed(self.seed, self.epoch))
        order = torch.randperm(self.length, generator=generator).tolist()
        whole = min(self.batch_size, self.length // self.processes) * self.processes
        for start in range(0, len(self) * whole, whole):
            mine = order[start : start + whole][self.rank :: self.processes]
            yield [(self.epoch, index) for index in mine]


def training_loader(
    samples: TrainingSet, batches: EpochBatches, *, workers: int = 0
) -> DataLoader[Sample]:
    """A data loader whose batches are independent of the number of workers, except for rounding.

    Workers are single-threaded, so the mean of a photograph's contrast is summed in another order.
    """
    return DataLoader(samples, batch_sampler=batches, num_workers=workers)


def _same_classes(before: tuple[str, ...], now: tuple[str, ...], case: Case) -> tuple[str, ...]:
    if before and before != now:
        raise DatasetError(
            f"{case.image}: is annotated by {', '.join(now)}, but other training images by "
            f"{', '.join(before)}; train on annotations of the same classes"
        )
    return now


def _complete(views: Sequence[Sample]) -> None:
    """Give all views the same number of validity planes, if any annotation has gaps."""
    planes = max((len(view["valid"]) for view in views if "valid" in view), default=0)
    for view in views if planes else ():
        whole = torch.ones(1, *view["fov"].shape[1:], dtype=torch.uint8)
        valid = view.get("valid", whole).as_subclass(Tensor)
        view["valid"] = tv_tensors.Mask(valid.expand(planes, -1, -1))


def _views(
    lesson: Lesson,
    preprocessing: Preprocessing,
    low_resolution_fov_px: Sequence[int],
    *,
    truth_share: float,
) -> Sequence[Sample]:
    """The photograph at working size, and again as each smaller camera would have taken it."""
    fov = lesson.fov
    size = (fov.shape[0], fov.shape[1])
    shape = working_shape(size, outlined(fov), preprocessing)
    views = [_view(lesson, shape, preprocessing)]
    for fov_px in low_resolution_fov_px:
        scaled = Preprocessing(scaling=FovScaled(diameter_px=fov_px))
        small = working_shape(size, outlined(fov), scaled)
        if small[0] >= size[0]:
            continue  # the photograph itself has lower resolution
        smaller = replace(
            lesson,
            image=scale_image(lesson.image, small),
            truth=_scaled(lesson.truth, small) >= truth_share,
            valid=_scaled_masks(lesson.valid, small),
            fov=scale_mask(fov, small),
        )
        views.append(_view(smaller, shape, preprocessing))
    return views


def _scaled(planes: Planes | FloatMap, shape: tuple[int, int]) -> FloatMap:
    if len(planes) == 1:
        return scale_soft(planes[0], shape)[None]  # avoids a copy for the usual single class
    return np.stack([scale_soft(plane, shape) for plane in planes])


def _scaled_masks(masks: Planes | None, shape: tuple[int, int]) -> Planes | None:
    return None if masks is None else np.stack([scale_mask(mask, shape) for mask in masks])


def _view(lesson: Lesson, shape: tuple[int, int], preprocessing: Preprocessing) -> Sample:
    inside = scale_mask(lesson.fov, shape)
    image = scale_image(lesson.image, shape)
    if preprocessing.illumination is not None:
        image = correct_illumination(image, inside, preprocessing.illumination)
    valid = _scaled_masks(lesson.valid, shape)
    mean, std = statistics(image, inside, preprocessing)
    view = {
        # Stored as uint8, not float: many photographs by several cameras must fit into memory.
        "image": torch.from_numpy(image.transpose(2, 0, 1).copy()),
        "truth": Labels(torch.from_numpy(_scaled(lesson.truth, shape))),
        "fov": tv_tensors.Mask(torch.from_numpy(inside.astype(np.uint8))[None]),
        "mean": torch.from_numpy(mean)[:, None, None],
        "std": torch.from_numpy(std)[:, None, None],
    }
    if valid is not None:
        view["valid"] = tv_tensors.Mask(torch.from_numpy(valid.astype(np.uint8)))
    return view


def _normalized(sample: Sample, mean: Tensor, std: Tensor) -> Sample:
    fov = sample["fov"].as_subclass(Tensor).float()
    shown = sample.get("shown", sample["fov"]).as_subclass(Tensor).float()
    image = sample["image"].as_subclass(Tensor)
    normalized = {
        "pixels": ((image - mean) / std) * shown,
        "truth": sample["truth"].as_subclass(Tensor),
        "fov": fov,
    }
    if "valid" in sample:
        normalized["valid"] = sample["valid"].as_subclass(Tensor) * fov
    return normalized
