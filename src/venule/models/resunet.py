"""A residual U-Net at half resolution: wide layers, no full-resolution feature maps.

Pixel-unshuffle at the input turns four pixels into channels (Shi et al. 2016, arXiv 1609.05158, eq.
4, reversed), and pixel-shuffle at the output turns channels into four pixels. Between them is a
U-Net (Ronneberger et al. 2015, arXiv 1505.04597) of residual blocks (He et al. 2016, arXiv
1512.03385, fig. 5 left) without global pooling, so that its receptive field is bounded and tiles
are nearly exact (at an overlap of 384 px; `image.tiles`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from venule.models.base import (
    PooledBatchNorm2d,
    SegmentationModel,
    initialise,
    require_levels,
)


@dataclass(frozen=True)
class ResUNetConfig:
    """`widths`: channels of each level, the first at half the photograph's resolution.

    `blocks` and `decoder_blocks`: residual blocks of each encoder and decoder level.
    """

    widths: Sequence[int] = (64, 96, 128, 192)
    blocks: Sequence[int] = (1, 1, 1, 1)
    decoder_blocks: Sequence[int] = (1, 1, 1)
    classes: int = 1

    def __post_init__(self) -> None:
        require_levels(self, "widths")

    def build(self) -> "ResUNet":
        """The network with fresh weights."""
        return ResUNet(self)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, and an identity shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = PooledBatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = PooledBatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) to the same shape."""
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + x)


def _conv(inside: int, outside: int, side: int, *, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inside, outside, side, stride, padding=side // 2, bias=False)
    return nn.Sequential(conv, PooledBatchNorm2d(outside), nn.ReLU())


def _stage(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))


class ResUNet(SegmentationModel):
    """The network of `ResUNetConfig`; its input is padded to whole cells of its coarsest level."""

    def __init__(self, config: ResUNetConfig) -> None:
        super().__init__()
        widths = tuple(config.widths)
        self.cell = 2 ** len(widths)
        self.stem = _conv(12, widths[0], 3)
        self.encoder = nn.ModuleList(
            _stage(width, blocks) for width, blocks in zip(widths, config.blocks, strict=True)
        )
        self.down = nn.ModuleList(
            _conv(fine, coarse, 3, stride=2) for fine, coarse in pairwise(widths)
        )
        # 1 x 1 before upsampling: the same sum at a quarter of the cost.
        self.up = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1, bias=False) for fine, coarse in pairwise(widths)
        )
        self.skip = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for width in widths[:-1])
        self.norm = nn.ModuleList(PooledBatchNorm2d(width) for width in widths[:-1])
        self.decoder = nn.ModuleList(
            _stage(width, blocks)
            for width, blocks in zip(widths[:-1], config.decoder_blocks, strict=True)
        )
        self.head = nn.Conv2d(widths[0], 4 * config.classes, 3, padding=1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) float32 to logits (N, C, H, W)."""
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % self.cell, 0, -height % self.cell))
        x = self.stem(F.pixel_unshuffle(x, 2))
        skips: list[Tensor] = []
        for stage, down in zip(self.encoder, self.down, strict=False):
            x = stage(x)
            skips.append(x)
            x = down(x)
        x = self.encoder[-1](x)
        for level in reversed(range(len(skips))):
            coarse = F.interpolate(
                self.up[level](x), scale_factor=2, mode="bilinear", align_corners=False
            )
            x = F.relu(self.norm[level](self.skip[level](skips[level]) + coarse))
            x = self.decoder[level](x)
        return F.pixel_shuffle(self.head(x), 2)[:, :, :height, :width]
