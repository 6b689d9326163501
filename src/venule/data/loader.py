"""Training samples: crops or squared photographs, drawn by (seed, epoch, index) alone."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors

from venule.data.augment import (
    AugmentationConfig,
    Chain,
    Sample,
    geometric,
    photometric,
    random_crop,
)
from venule.data.maps import is_mask, read_map_of
from venule.data.record import Expert, Record
from venule.data.sample import load_annotated, load_sample
from venule.errors import DatasetError
from venule.image.arrays import RGB, FloatMap, Mask
from venule.image.fov import FieldOfView
from venule.image.preprocess import (
    Preprocessing,
    flatten,
    scale_image,
    scale_mask,
    scale_soft,
    statistics,
    working_shape,
)


def derive_seed(*parts: int) -> int:
    """A 63-bit seed from (seed, epoch, index, ...); near parts give unrelated seeds."""
    digest = hashlib.sha256(",".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Part:
    """Photographs that train together: whose annotation counts, and how often each is drawn.

    `maps` are probabilities, by the image's id, that count instead of an annotation.
    """

    records: Sequence[Record]
    expert: Expert = "first"
    crops_per_image: int = 1
    maps: Mapping[str, Path] | None = None

    def load(self, record: Record) -> tuple[RGB, Mask | FloatMap, Mask]:
        """A photograph, what it is to be taught by, and its field of view.

        Raises:
            DatasetError: no annotation, or a map of another size than the photograph.
        """
        if self.maps is None:
            sample, vessels = load_annotated(record, expert=self.expert)
            return sample.image, vessels, sample.fov
        sample, path = load_sample(record, expert=self.expert), self.maps[record.id]
        return sample.image, read_map_of(sample, path, mask=is_mask(path)), sample.fov


class TrainingSet(Dataset[Sample]):
    """Augmented, normalised samples of annotated photographs, kept in memory at working size.

    An item is asked for by (epoch, index); index runs over each part's photographs, as often as
    its `crops_per_image` says.
    It holds `pixels` (3, h, w) float32, `truth` and `fov` (1, h, w) float32.
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
        self.photographs: list[Sequence[Sample]] = []  # each once per camera
        self.names: list[str] = []
        self.order: list[int] = []  # of the photograph that each index asks for
        smaller = augmentation.smaller_fov_px if crop_px is not None else ()
        share = augmentation.smaller_truth_share
        for part in parts:
            first = len(self.photographs)
            for record in part.records:
                views = _views(*part.load(record), preprocessing, smaller, truth_share=share)
                self.photographs.append(views)
                self.names.append(record.id)
            self.order += [*range(first, len(self.photographs))] * part.crops_per_image
        self.augmentation = augmentation
        self.move = Chain(geometric(augmentation))
        self.light = Chain(photometric(augmentation))
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
        if self.crop_px is None:
            return self.light(self.move(sample))
        return self.light(random_crop(sample, self.crop_px, self.augmentation))


class EpochBatches:
    """Batches of (epoch, index) keys: a permutation of the epoch, shared out among processes.

    Every process gets `batch_size` keys of each global batch; what does not fill one is left out
    of this epoch, unless the set is smaller than a batch: then the batch is as large as equal
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
    """A loader whose batches do not depend on the number of workers, but for rounding.

    Workers have one thread each, and the mean of a photograph's contrast adds up in another order.
    """
    return DataLoader(samples, batch_sampler=batches, num_workers=workers)


def _views(
    image: RGB,
    vessels: Mask | FloatMap,
    fov: Mask,
    preprocessing: Preprocessing,
    smaller_fov_px: Sequence[int],
    *,
    truth_share: float,
) -> Sequence[Sample]:
    """The photograph at working size, and again as each smaller camera would have taken it."""
    size = (fov.shape[0], fov.shape[1])
    field = FieldOfView.of_mask(fov)
    shape = working_shape(size, field, preprocessing)
    views = [_view(image, vessels, fov, shape, preprocessing)]
    for fov_px in smaller_fov_px:
        small = working_shape(size, field, Preprocessing(fov_px=fov_px))
        if small[0] >= size[0]:
            continue  # the photograph is itself smaller than that camera's
        truth = scale_soft(vessels, small) >= truth_share
        smaller = (scale_image(image, small), truth, scale_mask(fov, small))
        views.append(_view(*smaller, shape, preprocessing))
    return views


def _view(
    image: RGB,
    vessels: Mask | FloatMap,
    fov: Mask,
    shape: tuple[int, int],
    preprocessing: Preprocessing,
) -> Sample:
    inside = scale_mask(fov, shape)
    image = flatten(scale_image(image, shape), inside, preprocessing)
    truth = scale_soft(vessels, shape)
    mean, std = statistics(image, inside, preprocessing)
    return {
        # Levels, not floats: many photographs by several cameras must fit into memory.
        "image": torch.from_numpy(image.transpose(2, 0, 1).copy()),
        "truth": tv_tensors.Image(torch.from_numpy(truth)[None]),
        "fov": tv_tensors.Mask(torch.from_numpy(inside.astype(np.uint8))[None]),
        "mean": torch.from_numpy(mean)[:, None, None],
        "std": torch.from_numpy(std)[:, None, None],
    }


def _normalized(sample: Sample, mean: Tensor, std: Tensor) -> Sample:
    fov = sample["fov"].as_subclass(Tensor).float()
    image = sample["image"].as_subclass(Tensor)
    return {
        "pixels": ((image - mean) / std) * fov,
        "truth": sample["truth"].as_subclass(Tensor),
        "fov": fov,
    }
