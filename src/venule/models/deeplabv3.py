"""DeepLabV3 (Chen et al. 2017, arXiv:1706.05587) with torchvision's ResNet backbones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.segmentation import deeplabv3_resnet50, deeplabv3_resnet101
from torchvision.models.segmentation.deeplabv3 import ASPPConv, ASPPPooling

from venule.errors import ConfigError
from venule.models.base import PooledBatchNorm2d, SegmentationModel, require_bool, require_positive

BUILDERS = {"resnet50": deeplabv3_resnet50, "resnet101": deeplabv3_resnet101}


@dataclass(frozen=True, kw_only=True)
class DeepLabV3Config:
    """Shape of a DeepLabV3: its ResNet, the auxiliary head on stage 3, the output maps."""

    backbone: Literal["resnet50", "resnet101"] = "resnet50"
    auxiliary: bool = True
    classes: int = 1

    def __post_init__(self) -> None:
        if self.backbone not in BUILDERS:
            raise ConfigError(f"backbone = {self.backbone!r}: use one of {', '.join(BUILDERS)}")
        require_bool("auxiliary", self.auxiliary)
        require_positive("classes", self.classes)

    def build(self) -> "DeepLabV3":
        return DeepLabV3(self)


class DeepLabV3(SegmentationModel):
    """torchvision's DeepLabV3 at output stride 8, with its parameter names prefixed by `network.`.

    The ASPP's image pooling leaves one value per channel of each image; its batch norm falls back
    on the running statistics for a batch of one image (`PooledBatchNorm2d`).

    forward: (N, 3, H, W) float32 -> (N, C, H, W) logits, for any H and W.
    """

    def __init__(self, config: DeepLabV3Config) -> None:
        super().__init__()
        self.backbone = config.backbone
        network = BUILDERS[config.backbone](
            weights=None,
            weights_backbone=None,
            num_classes=config.classes,
            aux_loss=config.auxiliary,
        )
        _pool_norms(network)
        _train_fast(network)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)["out"]
        return logits

    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(x)
        return (outputs["out"], outputs["aux"]) if "aux" in outputs else (outputs["out"],)


def _pool_norms(network: nn.Module) -> None:
    """Replace the norm after the ASPP's global pooling by one that accepts batch size 1."""
    for module in network.modules():
        if isinstance(module, nn.Sequential) and any(
            isinstance(child, nn.AdaptiveAvgPool2d) for child in module
        ):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    module._modules[name] = PooledBatchNorm2d(child.num_features)


class AtrousConv2d(nn.Conv2d):
    """A 3 x 3 convolution of large dilation, reordered for training in bf16 on a CPU.

    oneDNN has no bf16 kernel for dilations of about the map's own size, and its fallback takes two
    fifths of a training step. There the nine taps are one 1 x 1 convolution, shifted and added in
    fp32. Otherwise, including validation and exported files, it is torch's own.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, out_channels, h, w)."""
        cpu_bf16 = torch.is_autocast_enabled("cpu") and (
            torch.get_autocast_dtype("cpu") == torch.bfloat16
        )
        if not (self.training and x.device.type == "cpu" and cpu_bf16):
            return super().forward(x)
        taps = self.weight.permute(2, 3, 0, 1).reshape(-1, self.in_channels, 1, 1)
        added: Tensor = _AddTaps.apply(F.conv2d(x, taps), self.dilation[0])
        return added


class _AddTaps(torch.autograd.Function):
    """Sum of nine concatenated maps, (N, 9 C, h, w), each shifted by its tap's offset.

    Slices and copies only, in both directions: autograd's backward of nine slices would fill nine
    maps of zeros.
    """

    @staticmethod
    def forward(ctx: Any, taps: Tensor, dilation: int) -> Tensor:
        ctx.shape, ctx.dtype, ctx.dilation = taps.shape, taps.dtype, dilation
        count, channels, height, width = taps.shape
        total = torch.zeros(
            (count, height, width, channels // 9), dtype=torch.float32, device=taps.device
        ).permute(0, 3, 1, 2)
        parts = torch.split(taps, channels // 9, dim=1)
        for part, (to, source) in zip(parts, _windows(height, width, dilation), strict=True):
            total[to] += part[source]
        return total.to(taps.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        count, channels, height, width = ctx.shape
        taps = torch.zeros(
            (count, height, width, channels), dtype=ctx.dtype, device=gradient.device
        ).permute(0, 3, 1, 2)
        parts = torch.split(taps, channels // 9, dim=1)
        for part, (to, source) in zip(parts, _windows(height, width, ctx.dilation), strict=True):
            part[source] = gradient[to].to(ctx.dtype)
        return taps, None


Window = tuple[slice, slice, slice, slice]


def _windows(height: int, width: int, dilation: int) -> Iterator[tuple[Window, Window]]:
    """Yield the windows of each tap, row by row: in the sum, and in its map."""
    offsets = (-dilation, 0, dilation)
    for down in offsets:
        for right in offsets:
            rows, columns = _span(height, down), _span(width, right)
            everything = slice(None)
            to = (everything, everything, rows[0], columns[0])
            yield to, (everything, everything, rows[1], columns[1])


def _span(length: int, offset: int) -> tuple[slice, slice]:
    """The indices i for which i + offset is also inside, and these i + offset."""
    start, stop = max(0, -offset), min(length, length - offset)
    stop = max(start, stop)
    return slice(start, stop), slice(start + offset, stop + offset)


class ImagePool2d(nn.AdaptiveAvgPool2d):
    """The mean of each channel, (N, C, h, w) to (N, C, 1, 1); in training as a sum.

    A mean's gradient is a full map in contiguous format. Adding it to the ASPP's other gradients,
    which are channels_last, costs a tenth of a training step; a sum's gradient is a view of one
    value.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


def _train_fast(network: nn.Module) -> None:
    """Replace the ASPP's layers by `AtrousConv2d` and `ImagePool2d`, keeping weights."""
    for module in network.modules():
        if isinstance(module, ASPPConv) and isinstance(module[0], nn.Conv2d):
            module[0].__class__ = AtrousConv2d
        elif isinstance(module, ASPPPooling):
            module[0] = ImagePool2d(1)
