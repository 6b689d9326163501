"""Classification of photographs: the loop's task for pretraining a backbone."""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from venule.data.classes import ClassTree, Labelled
from venule.data.loader import derive_seed
from venule.errors import ConfigError
from venule.files.atomic import write_same
from venule.image.photograph import read_photograph
from venule.models.pretrained import CLASSIFIER
from venule.models.record import SeenImages
from venule.training.config import ClassPhotographsConfig, PretrainConfig
from venule.training.loop import Batch, copy_weights
from venule.training.run import Row, Run

Item = dict[str, Tensor]


class ClassPhotographs(Dataset[Item]):
    """Labelled photographs, read and randomly augmented on access by (epoch, index).

    An item holds `pixels` (3, crop_px, crop_px) float32, normalised, and `label`, int64.
    """

    def __init__(
        self, items: Sequence[Labelled], transform: v2.Transform, *, seed: int = 0
    ) -> None:
        self.items, self.transform, self.seed = items, transform, seed

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: tuple[int, int]) -> Item:
        epoch, index = key
        path, label = self.items[index]
        with warnings.catch_warnings():
            # A class tree may hold greyscale photographs; only vessel segmentation needs colour.
            image = torch.from_numpy(read_photograph(path).pixels.copy()).permute(2, 0, 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.seed, epoch, index))
            pixels: Tensor = self.transform(image)
        return {"pixels": pixels, "label": torch.tensor(label)}


def training_transform(config: ClassPhotographsConfig) -> v2.Transform:
    """A random crop of the photograph, with random reflection and colour jitter; normalised."""
    area = (config.least_area, config.most_area)
    return v2.Compose(
        [
            v2.RandomResizedCrop(config.crop_px, area, antialias=True),
            v2.RandomHorizontalFlip(config.horizontal_flip_p),
            v2.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue),
            *_normalization(config),
        ]
    )


def validation_transform(config: ClassPhotographsConfig) -> v2.Transform:
    """A centre crop of the photograph, normalised.

    Its side is 7/8 of the shorter side, as usual for ImageNet, but no more than training uses.
    """
    share = min(7 / 8, math.sqrt(config.most_area))
    return v2.Compose(
        [
            v2.Resize(math.ceil(config.crop_px / share), antialias=True),
            v2.CenterCrop(config.crop_px),
            *_normalization(config),
        ]
    )


def _normalization(config: ClassPhotographsConfig) -> list[v2.Transform]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(config.mean, config.std)]


@dataclass(frozen=True)
class ClassifierSnapshot:
    """A copy of a classifier's weights, and the header of their file."""

    state: dict[str, Tensor]
    account: str

    def write(self, run: Run, names: Sequence[str]) -> None:
        """Write weights/NAME.safetensors for each name."""
        paths = [run.weights / f"{name}.safetensors" for name in names]
        write_same(paths, save(self.state, metadata={CLASSIFIER: self.account}))


class ClassificationTask:
    """Classification of whole photographs by one configuration.

    The weights are saved as safetensors under the classifier's names, from which
    `network.pretrained` takes `backbone.*`; the header records the training data, and `seen` the
    photographs of known data sets among them.
    """

    best: Mapping[str, Literal["min", "max"]] = {"loss": "min", "accuracy": "max"}

    def __init__(
        self, config: PretrainConfig, tree: ClassTree, seen: Sequence[SeenImages] = ()
    ) -> None:
        self.config, self.tree, self.seen = config, tree, seen
        size, count = config.schedule.batch_size, len(tree.val)
        # The same photographs in the same order in every epoch: their epoch is 0.
        batches = [[(0, i) for i in range(j, min(j + size, count))] for j in range(0, count, size)]
        self.val: DataLoader[Item] = DataLoader(
            ClassPhotographs(tree.val, validation_transform(config.data)),
            batch_sampler=batches,
            num_workers=config.schedule.workers,
        )

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean cross-entropy of a batch, labels smoothed as configured."""
        logits: Tensor = model(batch["pixels"])
        return F.cross_entropy(
            logits.float(), batch["label"], label_smoothing=self.config.label_smoothing
        )

    validates = True

    def validate(self, model: nn.Module, *, epoch: int) -> dict[str, float]:
        """Cross-entropy without label smoothing, and top-1 accuracy."""
        device = next(model.parameters()).device
        loss, right = 0.0, 0
        with torch.inference_mode():
            for batch in self.val:
                logits: Tensor = model(batch["pixels"].to(device)).float().cpu()
                loss += float(F.cross_entropy(logits, batch["label"], reduction="sum"))
                right += int((logits.argmax(dim=1) == batch["label"]).sum())
        if not math.isfinite(loss):
            raise ConfigError(
                f"the validation loss is {loss} in epoch {epoch}; lower optimizer.learning_rate or "
                "set optimizer.clip_norm"
            )
        return {"loss": loss / len(self.tree.val), "accuracy": right / len(self.tree.val)}

    def snapshot(self, model: nn.Module, *, epoch: int, scores: Row) -> ClassifierSnapshot:
        """A copy of the classifier's weights, with a record of the training data."""
        account = {
            "name": self.config.name,
            "model": self.config.network.model,
            "options": self.config.network.options,
            "classes": self.tree.classes,
            "photographs": len(self.tree.train),
            "photographs_sha256": self.tree.digest(),
            "seen": [images.model_dump() for images in self.seen],
            "mean": self.config.data.mean,
            "std": self.config.data.std,
            "epoch": epoch,
            "validation": scores,
            "licence": self.config.licence,
            "package_version": version("venule"),
        }
        return ClassifierSnapshot(copy_weights(model), json.dumps(account))
