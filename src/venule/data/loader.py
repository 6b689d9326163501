"""Training samples: crops or squared photographs, drawn by (seed, epoch, index) alone."""

import hashlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as v2f

from venule.data.augment import AugmentationConfig, Sample, chain, geometric, photometric
from venule.data.record import Expert, Record
from venule.data.sample import load_sample
from venule.errors import DatasetError
from venule.image.arrays import RGB
from venule.image.preprocess import (
    Preprocessing,
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


class TrainingSet(Dataset[Sample]):
    """Augmented, normalised samples of annotated photographs, kept in memory at working size.

    An item is asked for by (epoch, index); index runs over photographs x `crops_per_image`.
    It holds `pixels` (3, h, w) float32, `truth` and `fov` (1, h, w) float32.
    """

    def __init__(
        self,
        records: Sequence[Record],
        preprocessing: Preprocessing,
        augmentation: AugmentationConfig,
        *,
        crop_px: int | None,
        crops_per_image: int = 1,
        expert: Expert = "first",
        seed: int = 0,
    ) -> None:
        self.photographs = [_load(record, preprocessing, expert) for record in records]
        self.move = chain(geometric(augmentation))
        self.light = chain(photometric(augmentation))
        self.margin = augmentation.margin
        self.crop_px = crop_px
        self.crops_per_image = crops_per_image
        self.seed = seed

    def __len__(self) -> int:
        return len(self.photographs) * self.crops_per_image

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        photograph = self.photographs[index % len(self.photographs)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.seed, epoch, index))
            sample = self.draw(photograph)
        return _normalized(sample, photograph["mean"], photograph["std"])

    def draw(self, photograph: Sample) -> Sample:
        """One augmented crop, or the whole photograph, before normalisation."""
        sample = {key: photograph[key] for key in ("image", "truth", "fov")}
        if self.crop_px is None:
            return self.light(self.move(sample))
        sample = _random_crop(sample, math.ceil(self.crop_px * self.margin))
        sample = self.move(sample)
        return self.light(
            {key: v2f.center_crop(value, [self.crop_px] * 2) for key, value in sample.items()}
        )


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
    """A loader whose batches do not depend on the number of workers."""
    return DataLoader(samples, batch_sampler=batches, num_workers=workers)


def _load(record: Record, preprocessing: Preprocessing, expert: Expert) -> Sample:
    sample = load_sample(record, expert=expert)
    if sample.vessels is None:
        raise DatasetError(f"{record.image}: has no annotation of the {expert} expert to train on")
    shape = working_shape(sample.vessels.shape, sample.fov, preprocessing)
    image = scale_image(sample.image, shape)
    fov = scale_mask(sample.fov, shape)
    truth = scale_soft(sample.vessels, shape)
    mean, std = statistics(image, fov, preprocessing)
    return {
        "image": tv_tensors.Image(_planes(image)),
        "truth": tv_tensors.Image(torch.from_numpy(truth)[None]),
        "fov": tv_tensors.Mask(torch.from_numpy(fov.astype(np.uint8))[None]),
        "mean": torch.from_numpy(mean)[:, None, None],
        "std": torch.from_numpy(std)[:, None, None],
    }


def _planes(image: RGB) -> Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1).contiguous()


def _random_crop(sample: Sample, side: int) -> Sample:
    """A square around a random point of the photograph, its outside dark and out of the FOV.

    The crop's centre is drawn so that at most a quarter of the side lies outside, which shows
    the network the field of view's edge as often as the rest.
    """
    height, width = sample["fov"].shape[-2:]
    slack = side // 4
    top = _draw_start(height, side, slack)
    left = _draw_start(width, side, slack)
    return {key: v2f.crop(value, top, left, side, side) for key, value in sample.items()}


def _draw_start(length: int, side: int, slack: int) -> int:
    low, high = -slack, length - side + slack
    if high < low:
        return (length - side) // 2
    return int(torch.randint(low, high + 1, ()))


def _normalized(sample: Sample, mean: Tensor, std: Tensor) -> Sample:
    fov = sample["fov"].as_subclass(Tensor).float()
    image = sample["image"].as_subclass(Tensor)
    return {
        "pixels": ((image - mean) / std) * fov,
        "truth": sample["truth"].as_subclass(Tensor),
        "fov": fov,
    }
