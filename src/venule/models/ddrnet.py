"""DDRNet, the deep dual-resolution network (Hong et al. 2021, arXiv:2101.06085)."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from venule.errors import ConfigError
from venule.models.base import (
    PooledBatchNorm2d,
    SegmentationModel,
    initialise,
    require_bool,
    require_positive,
    resize,
)

# Strides of the stem's two convolutions and of stage 2; their product is the output stride.
DOWNSAMPLING: dict[int, tuple[int, int, int]] = {
    8: (2, 2, 2),  # the paper
    4: (2, 2, 1),
    2: (2, 1, 1),
    1: (1, 1, 1),  # full resolution, as first used for DRIVE
}


@dataclass(frozen=True, kw_only=True)
class DDRNetConfig:
    """Shape of a DDRNet.

    Attributes:
        width: channels of the stem.
        head_width: channels inside the segmentation head.
        depths: residual blocks of stages 1 to 4 (in stages 3 and 4, of each branch).
        context_width: channels of each scale of the DAPPM.
        stride: output stride of the high-resolution branch, 8, 4, 2 or 1.
        auxiliary: whether an auxiliary head on stage 3 enters the training loss.
        classes: number of output maps.

    Raises:
        ConfigError: an unsupported stride, or a number below 1.
    """

    width: int = 32
    head_width: int = 64
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    context_width: int = 128
    stride: Literal[1, 2, 4, 8] = 8
    auxiliary: bool = True
    classes: int = 1

    def __post_init__(self) -> None:
        if self.stride not in DOWNSAMPLING:
            raise ConfigError(f"stride = {self.stride}: use one of 1, 2, 4, 8")
        for name in ("width", "head_width", "context_width", "classes"):
            require_positive(name, getattr(self, name))
        require_bool("auxiliary", self.auxiliary)
        if len(self.depths) != 4:
            raise ConfigError(f"depths = {list(self.depths)}: give four, of stages 1 to 4")
        for depth in self.depths:
            require_positive("depths", depth)

    def build(self) -> "DDRNet":
        return DDRNet(self)

    def build_classifier(self, classes: int) -> "DDRNetClassifier":
        """The same backbone with a classification head, for pretraining."""
        return DDRNetClassifier(self, classes)


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    relu: bool = True,
    bias: bool = False,
) -> nn.Sequential:
    """Convolution, batch norm and, by default, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=bias),
        PooledBatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (the paper's residual basic block, RB).

    With `last`, the ReLU after the sum is left to the caller: the branches exchange features before
    it.
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, *, stride: int = 1, last: bool = False) -> None:
        super().__init__()
        self.conv1 = conv_norm(inputs, width, 3, stride=stride)
        self.conv2 = conv_norm(width, width, 3, relu=False)
        self.shortcut = shortcut(inputs, width, stride)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x)) + self.shortcut(x)
        return y if self.last else F.relu(y)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and expanding 1 x 1 convolutions and a shortcut (RBB); no ReLU after the sum."""

    expansion = 2

    def __init__(self, inputs: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv_norm(inputs, width, 1)
        self.conv2 = conv_norm(width, width, 3, stride=stride)
        self.conv3 = conv_norm(width, width * self.expansion, 1, relu=False)
        self.shortcut = shortcut(inputs, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv3(self.conv2(self.conv1(x))) + self.shortcut(x)
        return y


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The identity, or a strided 1 x 1 projection if the shape changes."""
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return conv_norm(inputs, outputs, 1, stride=stride, relu=False)


def stage(inputs: int, width: int, depth: int, *, stride: int = 1) -> nn.Sequential:
    """`depth` basic blocks; the first one has the stride, the last one no final ReLU."""
    return nn.Sequential(
        *(
            BasicBlock(
                inputs if i == 0 else width,
                width,
                stride=stride if i == 0 else 1,
                last=i > 0 and i == depth - 1,
            )
            for i in range(depth)
        )
    )


class NormConv(nn.Module):
    """Batch norm, ReLU, convolution: the order inside the DAPPM and the heads."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__()
        self.norm = PooledBatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.relu(self.norm(x)))
        return y


class DAPPM(nn.Module):
    """Deep aggregation pyramid pooling (section 3.3, figure 5): five scales, fused in turn.

    The last scale is pooled to one value per channel, where batch norm falls back on the running
    statistics at batch size 1 (`PooledBatchNorm2d`).

    forward: (N, inputs, h, w) -> (N, outputs, h, w).
    """

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.scale0 = NormConv(inputs, width)
        self.pools = nn.ModuleList(
            [*(nn.AvgPool2d(2 * s + 1, s, s) for s in (2, 4, 8)), nn.AdaptiveAvgPool2d(1)]
        )
        self.scales = nn.ModuleList(NormConv(inputs, width) for _ in self.pools)
        self.processes = nn.ModuleList(NormConv(width, width, 3) for _ in self.pools)
        self.compression = NormConv(width * 5, outputs)
        self.shortcut = NormConv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        context = [self.scale0(x)]
        for pool, scale, process in zip(self.pools, self.scales, self.processes, strict=True):
            context.append(process(resize(scale(pool(x)), size) + context[-1]))
        y: Tensor = self.compression(torch.cat(context, dim=1)) + self.shortcut(x)
        return y


class SegmentationHead(nn.Module):
    """Batch norm, ReLU, 3 x 3 convolution, batch norm, ReLU, 1 x 1 convolution to the classes."""

    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv1 = NormConv(inputs, width, 3)
        self.norm = PooledBatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(F.relu(self.norm(self.conv1(x))))
        return y


class DualResolutionBackbone(nn.Module):
    """Stem and stages 1 to 5 of both branches, with the two bilateral fusions (figure 4).

    forward: (N, 3, H, W) -> (low, high, stage3_high): the low-resolution branch at 8 x the output
    stride with 16 x `width` channels, the high-resolution branch at the output stride with 4 x
    `width`, and stage 3's high-resolution features with 2 x `width`, for the auxiliary head.
    """

    def __init__(self, config: DDRNetConfig) -> None:
        super().__init__()
        w = config.width
        first, second, third = DOWNSAMPLING[config.stride]
        n1, n2, n3, n4 = config.depths
        self.stem = nn.Sequential(
            conv_norm(3, w, 3, stride=first, bias=True),
            conv_norm(w, w, 3, stride=second, bias=True),
        )
        self.stage1 = stage(w, w, n1)
        self.stage2 = stage(w, 2 * w, n2, stride=third)
        self.stage3_low = stage(2 * w, 4 * w, n3, stride=2)
        self.stage3_high = stage(2 * w, 2 * w, n3)
        self.stage4_low = stage(4 * w, 8 * w, n4, stride=2)
        self.stage4_high = stage(2 * w, 2 * w, n4)
        self.stage5_low = Bottleneck(8 * w, 8 * w, stride=2)
        self.stage5_high = Bottleneck(2 * w, 2 * w)
        self.compression3 = conv_norm(4 * w, 2 * w, 1, relu=False)
        self.compression4 = conv_norm(8 * w, 2 * w, 1, relu=False)
        self.down3 = conv_norm(2 * w, 4 * w, 3, stride=2, relu=False)
        self.down4 = nn.Sequential(
            conv_norm(2 * w, 4 * w, 3, stride=2), conv_norm(4 * w, 8 * w, 3, stride=2, relu=False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        shared = F.relu(self.stage2(F.relu(self.stage1(self.stem(x)))))
        size = shared.shape[-2:]

        low, high = self.stage3_low(shared), self.stage3_high(shared)
        low, high = (
            low + self.down3(F.relu(high)),
            high + resize(self.compression3(F.relu(low)), size),
        )
        stage3_high = high

        low, high = self.stage4_low(F.relu(low)), self.stage4_high(F.relu(high))
        low, high = (
            low + self.down4(F.relu(high)),
            high + resize(self.compression4(F.relu(low)), size),
        )
        return self.stage5_low(F.relu(low)), self.stage5_high(F.relu(high)), stage3_high


class DDRNet(SegmentationModel):
    """Deep dual-resolution network for segmentation.

    forward: (N, 3, H, W) float32 -> (N, C, H, W) logits, for any H and W.
    """

    def __init__(self, config: DDRNetConfig) -> None:
        super().__init__()
        w = config.width
        self.backbone = DualResolutionBackbone(config)
        self.dappm = DAPPM(16 * w, config.context_width, 4 * w)
        self.head = SegmentationHead(4 * w, config.head_width, config.classes)
        self.auxiliary_head = (
            SegmentationHead(2 * w, config.head_width, config.classes) if config.auxiliary else None
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        low, high, _ = self.backbone(x)
        return resize(self._fuse(low, high), x.shape[-2:])

    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        low, high, stage3_high = self.backbone(x)
        main = resize(self._fuse(low, high), x.shape[-2:])
        if self.auxiliary_head is None:
            return (main,)
        return main, resize(self.auxiliary_head(stage3_high), x.shape[-2:])

    def _fuse(self, low: Tensor, high: Tensor) -> Tensor:
        logits: Tensor = self.head(high + resize(self.dappm(low), high.shape[-2:]))
        return logits


class DDRNetClassifier(nn.Module):
    """The backbone as a classifier: the high-resolution branch joins the low one, then pooling.

    forward: (N, 3, H, W) float32 -> (N, classes) logits.
    """

    def __init__(self, config: DDRNetConfig, classes: int) -> None:
        super().__init__()
        w = config.width
        self.backbone = DualResolutionBackbone(config)
        self.down5 = nn.Sequential(
            conv_norm(4 * w, 8 * w, 3, stride=2),
            conv_norm(8 * w, 8 * w, 3, stride=2),
            conv_norm(8 * w, 16 * w, 3, stride=2, relu=False),
        )
        self.linear = nn.Linear(16 * w, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        low, high, _ = self.backbone(x)
        features = F.relu(low + self.down5(F.relu(high)))
        logits: Tensor = self.linear(features.mean(dim=(2, 3)))
        return logits
