"""The base class of the networks, and a batch norm that accepts pooled 1 x 1 maps."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from venule.errors import ConfigError


class SegmentationModel(nn.Module):
    """A network from pixels to logits.

    forward: (N, 3, H, W) float32 -> (N, C, H, W) logits, for any H and W from 32 up, in every mode.
    """

    def training_logits(self, x: Tensor) -> tuple[Tensor, ...]:
        """The main head's logits first, then those of auxiliary heads; all (N, C, H, W)."""
        return (self(x),)


class ModelConfig(Protocol):
    """The shape of a network; a frozen dataclass beside the network it builds."""

    def build(self) -> SegmentationModel:
        """The network with fresh weights."""
        ...


class PooledBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that also takes one value per channel.

    Global pooling of one image, or a deep stage for a small one, leaves a single value, which has
    no variance. It is normalised by the running statistics, which are not updated.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        return super().forward(x)


def resize(x: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """`x` (N, C, h, w) at `size`, bilinear with half-pixel centres."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def require_bool(name: str, value: object) -> None:
    """Raise ConfigError unless `value` is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} = {value!r}: use true or false")


def require_positive(name: str, value: object) -> None:
    """Raise ConfigError unless `value` is an integer from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name} = {value!r}: use an integer from 1")


def require_counts(name: str, counts: Sequence[int], length: int) -> None:
    """Raise ConfigError unless `counts` are `length` integers from 0."""
    whole = all(isinstance(count, int) and count >= 0 for count in counts)
    if not whole or len(counts) != length:
        raise ConfigError(f"{name} = {list(counts)}: give {length} integers from 0")


def require_levels(config: Any, widths: str) -> None:
    """Convert the lists of a U-Net's configuration to tuples; ConfigError if inconsistent.

    The field named `widths` and `blocks` have one number per level, `decoder_blocks` has one fewer,
    and `classes` is a number.
    """
    for name in (widths, "blocks", "decoder_blocks"):
        object.__setattr__(config, name, tuple(getattr(config, name)))  # it is frozen
    levels = getattr(config, widths)
    if len(levels) < 2:
        raise ConfigError(f"{widths} = {list(levels)}: give two levels or more")
    for count in levels:
        require_positive(widths, count)
    require_positive("classes", config.classes)
    require_counts("blocks", config.blocks, len(levels))
    require_counts("decoder_blocks", config.decoder_blocks, len(levels) - 1)


def initialise(model: nn.Module) -> None:
    """He initialisation (He et al. 2015, eq. 10, fan out) of convolutions; norms as identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
