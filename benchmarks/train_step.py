"""Time of a training step of DeepLabV3, with its own ASPP and with torchvision's.

    python benchmarks/train_step.py [-o FILE.json] [--model NAME] [--size PX] [--runs N]

Both run the same steps interleaved, in bf16 and channels_last, on random pixels in batches of 2;
the ratio is that of the medians. Set OMP_NUM_THREADS to choose the threads. Then both run one step
of each type of convolution: the ASPP's three rates, forwards and backwards.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from venule.models.base import SegmentationModel
from venule.models.deeplabv3 import AtrousConv2d, ImagePool2d
from venule.models.zoo import MODELS

BATCH = 2


def torchvisions(network: SegmentationModel) -> SegmentationModel:
    """The network with torchvision's dilated convolutions and pooling in the ASPP."""
    for module in network.modules():
        if isinstance(module, AtrousConv2d):
            module.__class__ = nn.Conv2d  # type: ignore[assignment]  # as torch has it
        elif isinstance(module, ImagePool2d):
            module.__class__ = nn.AdaptiveAvgPool2d  # type: ignore[assignment]
    return network


def stepper(network: SegmentationModel, size: int) -> Callable[[], None]:
    """One training step: forwards, backwards, Adam."""
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    pixels = torch.randn(BATCH, 3, size, size)
    truth = (torch.rand(BATCH, 1, size, size) > 0.9).float()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            heads = network.training_logits(pixels)
        losses = [F.binary_cross_entropy_with_logits(head.float(), truth) for head in heads]
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step


def convolver(conv: nn.Conv2d, side: int) -> Callable[[], None]:
    """The convolution forwards and backwards over a map of `side` pixels."""
    conv.to(memory_format=torch.channels_last).train()
    maps = torch.randn(BATCH, conv.in_channels, side, side, dtype=torch.bfloat16)
    maps = maps.to(memory_format=torch.channels_last).requires_grad_()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            conv(maps).sum().backward()

    return step


def compare(own: Callable[[], None], other: Callable[[], None], *, runs: int) -> dict[str, float]:
    """Medians in seconds of `runs` rounds after a first one, and the ratio of `other` to `own`."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs + 1):
        for step, taken in zip((own, other), times, strict=True):
            started = time.perf_counter()
            step()
            taken.append(time.perf_counter() - started)
    ours, theirs = (statistics.median(taken[1:]) for taken in times)
    figures = {"venule_s": ours, "torchvision_s": theirs, "ratio": theirs / ours}
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    """Measure steps and convolutions and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--model", default="deeplabv3-resnet50")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    figures: dict[str, object] = {
        "model": options.model,
        "size_px": options.size,
        "batch": BATCH,
        "runs": options.runs,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    own, other = (MODELS[options.model].build() for _ in range(2))
    figures["step"] = compare(
        stepper(own, options.size), stepper(torchvisions(other), options.size), runs=options.runs
    )
    side = options.size // 8
    for rate in (12, 24, 36):
        convs = [
            convolver(kind(2048, 256, 3, padding=rate, dilation=rate, bias=False), side)
            for kind in (AtrousConv2d, nn.Conv2d)
        ]
        figures[f"rate {rate}"] = compare(convs[0], convs[1], runs=options.runs)
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
