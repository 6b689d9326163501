"""Optimisers, learning-rate schedules and the moving average of the weights, from torch."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, lr_scheduler
from torch.optim.swa_utils import AveragedModel

from venule.training.config import OptimizerConfig, SchedulerConfig


def build_optimizer(parameters: Iterable[nn.Parameter], config: OptimizerConfig) -> Optimizer:
    """The configured optimiser."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.kind == "sgd":
        return SGD(parameters, lr=rate, momentum=config.momentum, weight_decay=decay)
    if config.kind == "adam":
        return Adam(parameters, lr=rate, betas=config.betas, weight_decay=decay)
    return AdamW(parameters, lr=rate, betas=config.betas, weight_decay=decay)


class Schedule:
    """A learning-rate schedule, updated by `step` after a step or by `epoch` after an epoch."""

    def __init__(
        self,
        optimizer: Optimizer,
        config: SchedulerConfig,
        *,
        epochs: int,
        steps_per_epoch: int,
        published_epochs: int | None = None,
    ) -> None:
        if published_epochs is not None and epochs < published_epochs:
            config = compress(config, epochs / published_epochs)
        self.by_epoch = config.kind in ("plateau", "multistep")
        self.scheduler = _scheduler(optimizer, config, total_steps=epochs * steps_per_epoch)

    def step(self) -> None:
        """Update after an optimiser step."""
        if not self.by_epoch:
            self.scheduler.step()

    def epoch(self, validation_loss: float | None) -> None:
        """Update after an epoch; the plateau schedule ignores epochs without validation."""
        if isinstance(self.scheduler, lr_scheduler.ReduceLROnPlateau):
            if validation_loss is not None:
                self.scheduler.step(validation_loss)
        elif self.by_epoch:
            self.scheduler.step()


def compress(config: SchedulerConfig, share: float) -> SchedulerConfig:
    """The schedule scaled to a `share` of its epochs: patience and milestones shrink, at least 1.

    A patience of 0 stays. Schedules that update per step are compressed by having fewer steps.
    """
    patience = max(1, round(config.patience * share)) if config.patience else 0
    milestones = tuple(max(1, round(epoch * share)) for epoch in config.milestones)
    return config.model_copy(update={"patience": patience, "milestones": milestones})


def _scheduler(
    optimizer: Optimizer, config: SchedulerConfig, *, total_steps: int
) -> lr_scheduler.LRScheduler:
    match config.kind:
        case "plateau":
            return lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=config.factor, patience=config.patience
            )
        case "multistep":
            return lr_scheduler.MultiStepLR(optimizer, list(config.milestones), config.factor)
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, total_steps)
        case "one_cycle":
            rates = [float(group["lr"]) for group in optimizer.param_groups]
            # One step more than there are: the last call only sets a rate that is never used.
            count, warmup = total_steps + 1, config.warmup
            if warmup * count == 1:  # torch divides by the steps before the peak: 0
                warmup *= 1 + 1e-6
            return lr_scheduler.OneCycleLR(
                optimizer, rates, count, pct_start=warmup, cycle_momentum=False
            )
        case "poly":
            return lr_scheduler.PolynomialLR(optimizer, total_steps, config.power)
        case "constant":
            return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def average_weights(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and buffers, in fp32.

    The decay warms up as min(decay, (1 + n) / (10 + n)), so that early weights are soon forgotten.
    """

    def update(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        n = float(count)
        share = 1 - min(decay, (1 + n) / (10 + n))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value.to(average.dtype), share)
            else:
                average.copy_(value)

    with torch.no_grad():
        return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
