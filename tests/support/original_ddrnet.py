"""DDRNet-23-slim under the parameter names of its authors' code, written from the paper's figures.

Independent of our network: another tree of modules, assembled by name. It segments at the paper's
stride of 8, for sides that divide by 64.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, bias: bool = False
) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


def up(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear")


class Named(nn.Module):
    """Parts under names that are no Python names."""

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)

    def run(self, name: str, x: Tensor) -> Tensor:
        y: Tensor = self._modules[name](x)  # type: ignore[misc]
        return y


class Residual(Named):
    """conv1, bn1, conv2, ... and downsample; ReLU between the convolutions, none at the end."""

    def __init__(self, inputs: int, convs: list[nn.Conv2d]) -> None:
        parts: dict[str, nn.Module] = {}
        for i, layer in enumerate(convs, start=1):
            parts |= {f"conv{i}": layer, f"bn{i}": nn.BatchNorm2d(layer.out_channels)}
        stride = max(layer.stride[0] for layer in convs)
        outputs = convs[-1].out_channels
        if stride > 1 or inputs != outputs:
            projection = conv(inputs, outputs, 1, stride)
            parts["downsample"] = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        super().__init__(parts)
        self.count = len(convs)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i in range(1, self.count + 1):
            y = self.run(f"bn{i}", self.run(f"conv{i}", y))
            y = y if i == self.count else y.relu()
        return y + (self.run("downsample", x) if "downsample" in self._modules else x)


def basic(inputs: int, outputs: int, stride: int = 1) -> Residual:
    return Residual(inputs, [conv(inputs, outputs, 3, stride), conv(outputs, outputs)])


def neck(inputs: int, width: int, stride: int = 1) -> nn.Sequential:
    convs = [conv(inputs, width, 1), conv(width, width, 3, stride), conv(width, 2 * width, 1)]
    return nn.Sequential(Residual(inputs, convs))


class Layer(nn.Sequential):
    """Two basic blocks with a ReLU between them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(basic(inputs, outputs, stride), basic(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self[1](self[0](x).relu())
        return y


def norm_first(inputs: int, outputs: int, kernel: int = 1, *before: nn.Module) -> nn.Sequential:
    return nn.Sequential(*before, nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, outputs, kernel))


class Pyramid(Named):
    """The DAPPM."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        pools: list[nn.Module] = [nn.AvgPool2d(k, k // 2, k // 2) for k in (5, 9, 17)]
        pools.append(nn.AdaptiveAvgPool2d(1))
        super().__init__(
            {"scale0": norm_first(inputs, width)}
            | {f"scale{i}": norm_first(inputs, width, 1, p) for i, p in enumerate(pools, start=1)}
            | {f"process{i}": norm_first(width, width, 3) for i in range(1, 5)}
            | {
                "compression": norm_first(5 * width, outputs),
                "shortcut": norm_first(inputs, outputs),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        scales = [self.run("scale0", x)]
        for i in range(1, 5):
            scales.append(self.run(f"process{i}", up(self.run(f"scale{i}", x), x) + scales[-1]))
        return self.run("compression", torch.cat(scales, 1)) + self.run("shortcut", x)


class Head(Named):
    def __init__(self, inputs: int, width: int, classes: int) -> None:
        norms = {"bn1": nn.BatchNorm2d(inputs), "bn2": nn.BatchNorm2d(width)}
        convs = {"conv1": conv(inputs, width), "conv2": conv(width, classes, 1, bias=True)}
        super().__init__({**norms, **convs})

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.run("conv1", self.run("bn1", x).relu())
        return self.run("conv2", self.run("bn2", hidden).relu())


class OriginalDDRNet(Named):
    """forward: (N, 3, H, W) -> (main logits, auxiliary logits), both (N, classes, H / 8, W / 8)."""

    def __init__(self, w: int = 32, context: int = 128, head: int = 64, classes: int = 1) -> None:
        def normed(*layers: nn.Conv2d) -> nn.Sequential:
            parts = [
                part for c in layers for part in (c, nn.BatchNorm2d(c.out_channels), nn.ReLU())
            ]
            return nn.Sequential(*parts[:-1])

        stem = normed(conv(3, w, 3, 2, bias=True), conv(w, w, 3, 2, bias=True))
        super().__init__(
            {
                "conv1": nn.Sequential(*stem, nn.ReLU()),
                "layer1": Layer(w, w),
                "layer2": Layer(w, 2 * w, 2),
                "layer3": Layer(2 * w, 4 * w, 2),
                "layer4": Layer(4 * w, 8 * w, 2),
                "layer5": neck(8 * w, 8 * w, 2),
                "layer3_": Layer(2 * w, 2 * w),
                "layer4_": Layer(2 * w, 2 * w),
                "layer5_": neck(2 * w, 2 * w),
                "compression3": normed(conv(4 * w, 2 * w, 1)),
                "compression4": normed(conv(8 * w, 2 * w, 1)),
                "down3": normed(conv(2 * w, 4 * w, 3, 2)),
                "down4": normed(conv(2 * w, 4 * w, 3, 2), conv(4 * w, 8 * w, 3, 2)),
                "spp": Pyramid(16 * w, context, 4 * w),
                "seghead_extra": Head(2 * w, head, classes),
                "final_layer": Head(4 * w, head, classes),
            }
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        part: dict[str, Callable[[Tensor], Tensor]] = dict(self._modules)  # type: ignore[arg-type]
        shared = part["layer2"](part["layer1"](part["conv1"](x)).relu()).relu()
        low, high = part["layer3"](shared), part["layer3_"](shared)
        fused = high + up(part["compression3"](low.relu()), high)
        low = part["layer4"]((low + part["down3"](high.relu())).relu())
        high = part["layer4_"](fused.relu())
        last = high + up(part["compression4"](low.relu()), high)
        low = part["layer5"]((low + part["down4"](high.relu())).relu())
        context = part["spp"](low)
        high = part["layer5_"](last.relu())
        return part["final_layer"](high + up(context, high)), part["seghead_extra"](fused)
