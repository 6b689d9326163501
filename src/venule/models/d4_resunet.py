"""A D4-equivariant version of the half-resolution residual U-Net.

Group convolutions over D4, the rotations by quarter turns and the reflections (Cohen & Welling
2016, arXiv 1602.07576, sections 4 to 6): a rotated or mirrored photograph gives the rotated or
mirrored map, without test-time augmentation. A *field* is one learnt feature in all eight
orientations, that is eight channels; channel `g * fields + f` is field f in orientation g. A kernel
is stored once and expanded to all orientations when used, so that the network computes as an
ordinary one with eight times as many channels; ONNX Runtime and OpenVINO do this once, when they
load the file. The equivariance is exact, up to rounding, if the photograph's sides are multiples of
the coarsest level's cell; others are padded on the right and below.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from venule.models.base import SegmentationModel, require_levels

ORIENTATIONS = 8


@dataclass(frozen=True)
class D4ResUNetConfig:
    """`fields`: fields of each level, the first at half resolution; 8 channels each.

    `blocks` and `decoder_blocks`: residual blocks of each encoder and decoder level.
    """

    fields: Sequence[int] = (8, 12, 16, 24)
    blocks: Sequence[int] = (1, 1, 1, 1)
    decoder_blocks: Sequence[int] = (1, 1, 1)
    classes: int = 1

    def __post_init__(self) -> None:
        require_levels(self, "fields")

    def build(self) -> "D4ResUNet":
        """The network with fresh weights."""
        return D4ResUNet(self)


def act(g: int, x: Tensor) -> Tensor:
    """Apply symmetry g of 0..7 to `x` (..., s, s): mirror if g >= 4, then rotate g % 4 quarters."""
    mirrored = x.flip(-1) if g >= 4 else x
    return mirrored.rot90(g % 4, (-2, -1))


@cache
def relative() -> tuple[tuple[int, ...], ...]:
    """The table of g^-1 h: row g, column h."""
    grid = torch.arange(9).reshape(3, 3)  # distinguishes all symmetries
    orbit = [act(g, grid).flatten().tolist() for g in range(ORIENTATIONS)]
    return tuple(
        tuple(
            next(k for k in range(ORIENTATIONS) if _same(act(g, act(k, grid)), orbit[h]))
            for h in range(ORIENTATIONS)
        )
        for g in range(ORIENTATIONS)
    )


def _same(x: Tensor, values: list[int]) -> bool:
    return x.flatten().tolist() == values


class TiedConv2d(nn.Module):
    """Base of convolutions whose kernels are one learnt kernel under every symmetry.

    `weight` is (outside, inside, n), with the n values shared by one output and one input; `order`
    is the index among them of each value of the expanded kernels.
    """

    order: Tensor

    def __init__(self, outside: int, inside: int, order: Tensor, *, fan_out: int) -> None:
        super().__init__()
        self.register_buffer("order", order.flatten(), persistent=False)
        values = int(order.max()) + 1
        self.weight = nn.Parameter(torch.empty(outside, inside, values))
        nn.init.normal_(self.weight, std=math.sqrt(2 / fan_out))  # He et al. 2015, eq. 10

    def written_out(self) -> Tensor:
        """The expanded kernels, (outside, inside, len(order))."""
        return self.weight.index_select(2, self.order)


class Lift(TiedConv2d):
    """6 x 6 convolution of stride 2 from pixels to fields, as a 3 x 3 one on cells of 2 x 2 pixels.

    Orientation g uses the kernel transformed by g (Cohen & Welling, eq. 10).
    """

    def __init__(self, inside: int, fields: int) -> None:
        # 36 values as (row in cell, column in cell, cell row, cell column), as pixel_unshuffle.
        moved = torch.stack([act(g, torch.arange(36).reshape(6, 6)) for g in range(ORIENTATIONS)])
        order = moved.reshape(ORIENTATIONS, 3, 2, 3, 2).permute(0, 2, 4, 1, 3)
        super().__init__(fields, inside, order, fan_out=ORIENTATIONS * fields * 9)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inside, 2h, 2w) to (N, 8 fields, h, w)."""
        fields, inside = self.weight.shape[:2]
        kernel = self.written_out().reshape(fields, inside, ORIENTATIONS, 36)
        kernel = kernel.permute(2, 0, 1, 3).reshape(ORIENTATIONS * fields, inside * 4, 3, 3)
        return F.conv2d(F.pixel_unshuffle(x, 2), kernel, padding=1)


class GroupConv2d(TiedConv2d):
    """Convolution from fields to fields, with odd kernel size and stride 1.

    Orientation g of the output applies kernel g^-1 h, transformed by g, to orientation h of the
    input (Cohen & Welling, eq. 11).
    """

    def __init__(self, inside: int, outside: int, side: int) -> None:
        values = torch.arange(ORIENTATIONS * side**2).reshape(ORIENTATIONS, side, side)
        order = torch.stack(
            [act(g, values[list(row)]) for g, row in enumerate(relative())]  # (g, h, side, side)
        )
        super().__init__(outside, inside, order, fan_out=ORIENTATIONS * outside * side**2)
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8 inside, h, w) to (N, 8 outside, h, w)."""
        outside, inside = self.weight.shape[:2]
        kernel = self.written_out().reshape(outside, inside, ORIENTATIONS, ORIENTATIONS, -1)
        kernel = kernel.permute(2, 0, 3, 1, 4).reshape(
            ORIENTATIONS * outside, ORIENTATIONS * inside, self.side, self.side
        )
        return F.conv2d(x, kernel, padding=self.side // 2)


class Project(TiedConv2d):
    """6 x 6 transposed convolution of stride 2 from fields to class planes, as 3 x 3 on cells.

    Every orientation contributes by its transformed kernel; the sum is without orientation.
    """

    def __init__(self, fields: int, classes: int) -> None:
        moved = torch.stack([act(g, torch.arange(36).reshape(6, 6)) for g in range(ORIENTATIONS)])
        # The previous cell (0) uses the last rows of the kernel, the next cell (2) the first.
        cells = moved.reshape(ORIENTATIONS, 3, 2, 3, 2).flip(1, 3)
        order = cells.permute(0, 2, 4, 1, 3)
        super().__init__(classes, fields, order, fan_out=4 * classes * 9)
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8 fields, h, w) to (N, classes, 2h, 2w)."""
        classes, fields = self.weight.shape[:2]
        kernel = self.written_out().reshape(classes, fields, ORIENTATIONS, 4, 9)
        kernel = kernel.permute(0, 3, 2, 1, 4).reshape(classes * 4, ORIENTATIONS * fields, 3, 3)
        bias = self.bias.repeat_interleave(4)
        return F.pixel_shuffle(F.conv2d(x, kernel, bias, padding=1), 2)


class FieldNorm(nn.BatchNorm2d):
    """Batch normalisation with one mean, variance, scale and shift per field."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8 fields, h, w) to the same shape."""
        assert self.running_mean is not None
        assert self.running_var is not None
        if not self.training:
            return _normalise(
                x, self.running_mean, self.running_var, self.weight, self.bias, self.eps
            )
        normal: Tensor
        normal, mean, var = _Normalised.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            assert self.momentum is not None
            assert self.num_batches_tracked is not None
            count = x.numel() // self.num_features
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * (count / (count - 1)), self.momentum)
            self.num_batches_tracked.add_(1)
        return normal


def _normalise(
    x: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor, eps: float
) -> Tensor:
    """Normalise `x` by each field's statistics and parameters, in all orientations."""
    mean, var, weight, bias = (value.repeat(ORIENTATIONS) for value in (mean, var, weight, bias))
    return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps)


class _Normalised(torch.autograd.Function):
    """Normalisation by the batch statistics of each field: (values, mean, biased variance).

    torch's batch norm over an eighth of the channels takes twice the time, as its kernels vectorise
    over channels; this one pools the statistics of all channels.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Any:
        """Ioffe & Szegedy 2015 (arXiv 1502.03167), algorithm 1, over 8 orientations."""
        # Parameters in fp32 keep the statistics of bf16 inputs in fp32.
        scale, shift = weight.repeat(ORIENTATIONS), bias.repeat(ORIENTATIONS)
        _, means, rates = torch.native_batch_norm(x, scale, shift, None, None, True, 0.0, eps)
        means, variances = (v.reshape(ORIENTATIONS, -1) for v in (means, rates**-2 - eps))
        mean = means.mean(0)
        var = (variances + (means - mean) ** 2).mean(0).clamp(min=0)
        ctx.save_for_backward(x, weight, mean, var)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, var)
        return _normalise(x, mean, var, weight, bias, eps), mean, var

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> Any:
        """Ibid., section 3: the gradient at fixed statistics, less that through the statistics."""
        x, weight, mean, var = ctx.saved_tensors
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient,
            x,
            *(value.repeat(ORIENTATIONS) for value in (weight, mean, var)),
            None,
            None,
            False,
            ctx.eps,
            [True, True, True],
        )
        of_weight, of_bias = (v.reshape(ORIENTATIONS, -1).sum(0) for v in (of_weight, of_bias))
        share = -weight * (var + ctx.eps).rsqrt() / (x.numel() // len(weight))
        of_x += _normalise(x, mean, var, share * of_weight, share * of_bias, ctx.eps)
        return of_x, of_weight, of_bias, None


class GroupBlock(nn.Module):
    """Two 3 x 3 group convolutions with batch norm, and an identity shortcut."""

    def __init__(self, fields: int) -> None:
        super().__init__()
        self.conv1 = GroupConv2d(fields, fields, 3)
        self.bn1 = FieldNorm(fields)
        self.conv2 = GroupConv2d(fields, fields, 3)
        self.bn2 = FieldNorm(fields)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 8 fields, h, w) to the same shape."""
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + x)


def _stage(fields: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(GroupBlock(fields) for _ in range(blocks)))


class D4ResUNet(SegmentationModel):
    """The network of `D4ResUNetConfig`; its input is padded to whole cells of its coarsest level.

    It differs from `ResUNet` in layers that are not equivariant: average pooling before a
    convolution replaces one of stride 2.
    """

    def __init__(self, config: D4ResUNetConfig) -> None:
        super().__init__()
        fields = tuple(config.fields)
        self.cell = 2 ** len(fields)
        self.stem = nn.Sequential(Lift(3, fields[0]), FieldNorm(fields[0]), nn.ReLU())
        self.encoder = nn.ModuleList(
            _stage(count, blocks) for count, blocks in zip(fields, config.blocks, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.AvgPool2d(2), GroupConv2d(fine, coarse, 3), FieldNorm(coarse), nn.ReLU()
            )
            for fine, coarse in pairwise(fields)
        )
        # 1 x 1 before upsampling: the same sum at a quarter of the cost.
        self.up = nn.ModuleList(GroupConv2d(coarse, fine, 1) for fine, coarse in pairwise(fields))
        self.skip = nn.ModuleList(GroupConv2d(count, count, 1) for count in fields[:-1])
        self.norm = nn.ModuleList(FieldNorm(count) for count in fields[:-1])
        self.decoder = nn.ModuleList(
            _stage(count, blocks)
            for count, blocks in zip(fields[:-1], config.decoder_blocks, strict=True)
        )
        self.head = Project(fields[0], config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) float32 to logits (N, C, H, W)."""
        height, width = x.shape[2:]
        x = self.stem(F.pad(x, (0, -width % self.cell, 0, -height % self.cell)))
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
        logits: Tensor = self.head(x)
        return logits[:, :, :height, :width]
