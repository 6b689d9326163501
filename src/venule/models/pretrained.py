"""Pretrained weights to start a training from, with a load report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from venule.errors import WeightsError
from venule.files.hashes import file_sha256
from venule.models.checkpoint import read_onnx, read_tensors
from venule.models.deeplabv3 import DeepLabV3
from venule.models.record import METADATA, ModelRecord, SeenImages, parse_record

DOWNLOADS = ("imagenet", "coco")
"""Names of torchvision's weights for DeepLabV3: for its backbone, or for the whole network."""

CLASSIFIER = "venule-pretrained"
"""The key in the header of a classifier's weights; its record also names `seen` images."""

Shape = tuple[int, ...]

_COUNTER = ".num_batches_tracked"
"""Training counters of batch norms, which an ONNX file lacks, without consequence."""


@dataclass(frozen=True)
class LoadReport:
    """Load report: tensors loaded from a source into a network, and those of either that were not.

    `sha256` is that of the source's file, empty for a download. `mismatched` maps a name to the two
    shapes, the source's first. `seen` are the images that the source was trained or selected on
    according to its record: weights trained from it have seen them too.
    """

    source: str
    sha256: str
    loaded: tuple[str, ...]
    mismatched: dict[str, tuple[Shape, Shape]]
    unexpected: tuple[str, ...]
    missing: tuple[str, ...]
    seen: tuple[SeenImages, ...] = ()

    def summary(self) -> dict[str, Any]:
        """Counts and names, ready for JSON."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "loaded": list(self.loaded),
            "mismatched": {name: list(shapes) for name, shapes in self.mismatched.items()},
            "unexpected": list(self.unexpected),
            "missing": list(self.missing),
            "seen": [seen.model_dump() for seen in self.seen],
        }

    def line(self) -> str:
        """One line of text: the number of tensors loaded, and the network's parts that were not."""
        missing = [*self.mismatched, *self.missing]
        total = len(self.loaded) + len(missing)
        text = f"{self.source}: {len(self.loaded)} of the network's {total} tensors loaded"
        if missing:
            text += f"; missing: {', '.join(_parts(missing))}"
        if self.mismatched:
            text += f" ({len(self.mismatched)} for their shape)"
        return text + (f"; {len(self.unexpected)} unexpected" if self.unexpected else "")


@dataclass(frozen=True)
class Source:
    """Weights to start from, with the network and the seen images according to their file.

    `tensors` is None for torchvision's, which are downloaded when the network is known.
    """

    name: str
    sha256: str = ""
    tensors: Mapping[str, Tensor] | None = None
    record: ModelRecord | None = None
    seen: tuple[SeenImages, ...] = ()


def read_source(name: str) -> Source:
    """Read the weights in a file, or name torchvision's.

    Args:
        name: a .safetensors file (of venule, or by `venule convert`), an .onnx file by `venule
            export`, or for DeepLabV3 "imagenet" or "coco" (torchvision's).

    Raises:
        WeightsError: unreadable file.
    """
    if name in DOWNLOADS:
        return Source(name)
    read = read_onnx if name.lower().endswith(".onnx") else read_tensors
    tensors, metadata = read(Path(name))
    record = parse_record(metadata, Path(name)) if METADATA in metadata else None
    seen = _seen(name, metadata) if record is None else record.seen
    return Source(name, file_sha256(Path(name)), tensors, record, seen)


def load_pretrained(network: nn.Module, source: Source) -> LoadReport:
    """Copy tensors that match by name and shape into `network`, in place.

    Raises:
        WeightsError: the download failed, or no tensor matches, or fewer match than do not.
    """
    name, tensors = source.name, source.tensors
    if tensors is None:
        tensors = _download(network, name)
    report = compare(network, tensors, source=name)
    if not report.loaded:
        raise WeightsError(
            f"{name}: none of its {len(tensors)} tensors fits the network; `venule convert` "
            "renames those of the original DDRNet and of torchvision"
        )
    if len(report.mismatched) > len(report.loaded):
        first, (theirs, ours) = next(iter(report.mismatched.items()))
        known = source.record
        shape = "" if known is None else f"; that network has options = {known.options}"
        raise WeightsError(
            f"{name}: {len(report.mismatched)} of its tensors have another shape than the "
            f"network's (such as {first}: {theirs}, not {ours}) and only {len(report.loaded)} the "
            f"same{shape}"
        )
    network.load_state_dict({name: tensors[name] for name in report.loaded}, strict=False)
    return replace(report, sha256=source.sha256, seen=source.seen)


def compare(network: nn.Module, tensors: Mapping[str, Tensor], *, source: str) -> LoadReport:
    """Match `tensors` with `network` by name and shape, without changing it."""
    own: dict[str, Tensor] = network.state_dict()
    shared = [name for name in own if name in tensors]
    report = [name for name in shared if tensors[name].shape == own[name].shape]
    return LoadReport(
        source=source,
        sha256="",
        loaded=tuple(report),
        mismatched={
            name: (tuple(tensors[name].shape), tuple(own[name].shape))
            for name in shared
            if tensors[name].shape != own[name].shape
        },
        unexpected=tuple(name for name in tensors if name not in own),
        missing=tuple(n for n in own if n not in tensors and not n.endswith(_COUNTER)),
    )


def _parts(names: list[str]) -> list[str]:
    """The parts of a network that `names` belong to, such as head or network.classifier."""
    heads = [name.split(".") for name in names]
    return list(dict.fromkeys(".".join(h[:2] if h[0] == "network" else h[:1]) for h in heads))


def _seen(source: str, metadata: Mapping[str, str]) -> tuple[SeenImages, ...]:
    """The photographs that a classifier has seen, according to its header."""
    try:
        account = json.loads(metadata.get(CLASSIFIER, "{}"))
        return tuple(SeenImages.model_validate(images) for images in account.get("seen", ()))
    except (ValueError, AttributeError, TypeError):
        raise WeightsError(f"{source}: its record of what it was trained on is damaged") from None


def _download(network: nn.Module, source: str) -> dict[str, Tensor]:
    """Download torchvision's weights, or take them from torch's cache, under our names.

    "imagenet" is version 1 of the ResNet weights, from which torchvision's own DeepLabV3 started.
    """
    from torchvision.models import ResNet50_Weights, ResNet101_Weights
    from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights as Segmentation50
    from torchvision.models.segmentation import DeepLabV3_ResNet101_Weights as Segmentation101

    if not isinstance(network, DeepLabV3):
        raise WeightsError(
            f"network.pretrained = {source!r} is torchvision's, for DeepLabV3 only; DDRNet starts "
            "from `venule pretrain`, or from a published checkpoint by `venule convert`"
        )
    weights = {
        ("imagenet", "resnet50"): ResNet50_Weights.IMAGENET1K_V1,
        ("imagenet", "resnet101"): ResNet101_Weights.IMAGENET1K_V1,
        ("coco", "resnet50"): Segmentation50.COCO_WITH_VOC_LABELS_V1,
        ("coco", "resnet101"): Segmentation101.COCO_WITH_VOC_LABELS_V1,
    }[source, network.backbone]
    try:
        state = torch.hub.load_state_dict_from_url(
            weights.url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{source}: {weights.url} cannot be downloaded ({reason}); fetch it elsewhere, run "
            "`venule convert FILE.pth -o FILE.safetensors` and set network.pretrained to that file"
        ) from None
    prefix = "network.backbone." if source == "imagenet" else "network."
    return {prefix + name: tensor for name, tensor in state.items()}
