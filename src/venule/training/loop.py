"""The training loop, readable from top to bottom; the objective is a `Task`."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal, Protocol

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader

from venule.data.loader import EpochBatches, derive_seed
from venule.errors import ConfigError
from venule.system.computer import slow_bf16
from venule.training.config import OptimizerConfig, ScheduleConfig, SchedulerConfig
from venule.training.cost import Meter
from venule.training.optim import Schedule, average_weights, build_optimizer
from venule.training.run import Row, Run

LOG = logging.getLogger(__name__)

Batch = Mapping[str, Tensor]
Report = Callable[[str, Mapping[str, float]], None]
"""Called with "pretrained", "step" or "epoch" and the current values; shows progress."""


class Snapshot(Protocol):
    """Weights as they were after an epoch, unaffected by further training."""

    def write(self, run: Run, names: Sequence[str]) -> None:
        """Write them with their record to the run's folder, under each of `names`."""


class Task(Protocol):
    """The interface that the loop needs of classification, segmentation, ..."""

    best: Mapping[str, Literal["min", "max"]]
    """The validation scores whose best weights are kept, and which direction is better."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean loss of a batch; `model` may be wrapped for several processes."""

    @property
    def validates(self) -> bool:
        """False if nothing is validated: the last weights are then the result."""

    def validate(self, model: nn.Module, *, epoch: int) -> dict[str, float]:
        """Scores by name, `loss` among them."""

    def snapshot(self, model: nn.Module, *, epoch: int, scores: Row) -> Snapshot:
        """A copy of the weights with their record, as last validated."""


def make_accelerator(schedule: ScheduleConfig) -> Accelerator:
    """Create an Accelerator for the configured device and precision.

    "auto" is bf16 where it is faster than fp32, else fp32.

    Raises:
        ConfigError: the device is not available, or does not support the precision.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(schedule.device, True):
        raise ConfigError(
            f"schedule.device = {schedule.device} is not available here; use auto or cpu"
        )
    cpu = schedule.device == "cpu" or (schedule.device == "auto" and not any(there.values()))
    precision = schedule.precision
    if precision == "auto":
        precision = "bf16" if _fast_bf16(cpu) else "fp32"
    if precision == "fp16" and cpu:
        raise ConfigError("schedule.precision = fp16 needs a GPU; use bf16 or fp32 on a CPU")
    # Accelerate keeps device and precision for the whole process; a second run may need others.
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    AcceleratorState._reset_state(reset_partial_state=not distributed)
    return Accelerator(
        cpu=cpu,
        mixed_precision="no" if precision == "fp32" else precision,
        step_scheduler_with_optimizer=False,
    )


def _fast_bf16(cpu: bool) -> bool:
    # Elsewhere torch emulates bf16, slower than fp32.
    if cpu:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return native and not slow_bf16()
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


class Loop:
    """The state of a run between epochs, and the steps that advance it."""

    def __init__(
        self,
        task: Task,
        model: nn.Module,
        loader: DataLoader[Any],
        batches: EpochBatches,
        run: Run,
        *,
        accelerator: Accelerator,
        schedule: ScheduleConfig,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        settings: Mapping[str, Any],
    ) -> None:
        """Set up training; `settings` are all settings of the run, which must not change."""
        self.settings = settings
        self.task, self.run, self.accelerator, self.config = task, run, accelerator, schedule
        self.loader, self.batches = loader, batches
        self.clip_norm, self.watch = optimizer.clip_norm, scheduler.watch
        fast = accelerator.device.type == "cpu" or accelerator.mixed_precision == "bf16"
        self.layout = torch.channels_last if fast else torch.contiguous_format
        model = model.to(memory_format=self.layout)
        inner = build_optimizer(model.parameters(), optimizer)
        self.model, self.optimizer = accelerator.prepare(model, inner)
        self.schedule = Schedule(
            inner,
            scheduler,
            epochs=schedule.epochs,
            published_epochs=schedule.published_epochs,
            steps_per_epoch=math.ceil(len(batches) / schedule.accumulate),
        )
        bare = accelerator.unwrap_model(self.model)
        self.average = average_weights(bare, schedule.ema_decay) if schedule.ema_decay else None
        self.rows: list[Row] = []
        self.best: dict[str, float] = {}
        self.stale = 0
        self.held: dict[str, Snapshot] = {}  # by name, to be written with the next state

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and saved: the moving average, if there is one."""
        if self.average is not None:
            return self.average.module
        bare: nn.Module = self.accelerator.unwrap_model(self.model)
        return bare

    def fit(self, report: Report) -> list[Row]:
        """Train to the last epoch or until early stopping; return the log."""
        if self.accelerator.is_main_process:
            events, meter = self.run.tensorboard(self.rows), Meter(self.run.path)
        while (stopped := self._stopped()) is None:
            row = self._epoch(len(self.rows) + 1, report)
            self.rows.append(row)
            if self.accelerator.is_main_process:
                if self._is_checkpoint():
                    self._write_checkpoint()
                self.run.write_rows(self.rows)
                meter.write()
                events.add(row)
                report("epoch", row)
            self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            events.close()
            LOG.info("%s: stopped %s", self.run.path, stopped)
            summary = {"stopped": stopped, "epochs": len(self.rows), "best": self.best}
            self.run.write_json("run.json", summary)
        return self.rows

    def resume(self) -> None:
        """Resume from the state in the run's folder; its logs are truncated to that epoch.

        Raises:
            ConfigError: the settings differ from those of the completed epochs.
            WeightsError: the state is damaged, or missing though the run was finished.
        """
        if self.accelerator.is_main_process:
            self.run.clear_unfinished()
        state = self.run.load_state()
        if state is None:
            self.run.require_unfinished()
            return
        if changed := list(_changed(state["settings"], self.settings)):
            raise ConfigError(
                f"{self.run.path}: its configuration is no longer the one that it was trained with "
                f"({', '.join(changed)}); restore it, or begin a new run"
            )
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.scheduler.load_state_dict(state["scheduler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.rows, self.best, self.stale = state["rows"], state["best"], state["stale"]
        if self.accelerator.is_main_process:
            self.run.write_rows(self.rows)

    def _epoch(self, epoch: int, report: Report) -> Row:
        started = time.monotonic()
        rate = float(self.optimizer.param_groups[0]["lr"])
        loss = self._train(epoch, report)
        row: Row = {"epoch": epoch, "learning_rate": rate, "train_loss": loss}
        scores: dict[str, float] = {}
        last = epoch == self.config.epochs
        if self.task.validates and (last or epoch % self.config.validate_every == 0):
            scores = self._validate(epoch)
            row |= {f"val_{name}": value for name, value in scores.items()}
        watched = scores.get("loss")
        if watched is not None and self.watch == "mean_loss":
            watched = (watched + loss) / 2
        self.schedule.epoch(watched)
        return row | {"seconds": round(time.monotonic() - started, 3)}

    def _train(self, epoch: int, report: Report) -> float:
        self.model.train()
        if self.config.freeze_batch_norm:
            freeze_batch_norm(self.model)
        self.batches.epoch = epoch
        losses: list[Tensor] = []
        steps, accumulate = len(self.batches), self.config.accumulate
        for step, batch in enumerate(self.loader, start=1):
            # Dropout is seeded here, so that a resumed run drops the same units.
            torch.manual_seed(derive_seed(self.config.seed, epoch, step, self.batches.rank))
            complete = step % accumulate == 0 or step == steps
            # The last group of an epoch may have fewer batches; their mean counts as much.
            group = min(accumulate, steps - (step - 1) // accumulate * accumulate)
            losses.append(self._step(batch, group=group, complete=complete))
            if self.accelerator.is_main_process:
                report("step", {"epoch": epoch, "step": step, "steps": steps})
        mean = self.accelerator.reduce(torch.stack(losses).mean(), reduction="mean")
        if not math.isfinite(mean):
            raise ConfigError(
                f"the loss is {float(mean)} in epoch {epoch}; lower optimizer.learning_rate or set "
                "optimizer.clip_norm"
            )
        return float(mean)

    def _step(self, batch: Batch, *, group: int, complete: bool) -> Tensor:
        """Accumulate the gradients of one of `group` batches; update the weights after the last."""
        together = nullcontext() if complete else self.accelerator.no_sync(self.model)
        with together:
            batch = {key: self._on_device(value) for key, value in batch.items()}
            loss = self.task.loss(self.model, batch)
            self.accelerator.backward(loss / group)
        if complete:
            if self.clip_norm is not None:
                self.accelerator.clip_grad_norm_(self.model.parameters(), self.clip_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.schedule.step()
            if self.average is not None:
                self.average.update_parameters(self.accelerator.unwrap_model(self.model))
        return loss.detach()

    def _on_device(self, value: Tensor) -> Tensor:
        """The tensor on the training device; images and planes in the weights' memory layout.

        A network whose weights are not stored as kernels takes the layout of its input.
        """
        if value.ndim != 4:
            return value.to(self.accelerator.device)
        return value.to(self.accelerator.device, memory_format=self.layout)

    def _validate(self, epoch: int) -> dict[str, float]:
        """Scores from the main process, the same in all; improved weights are held."""
        scores: dict[str, float] = {}
        if self.accelerator.is_main_process:
            model = self.evaluated.eval()
            scores = self.task.validate(model, epoch=epoch)
        scores = broadcast_object_list([scores])[0]
        improved = [name for name in self.task.best if self._improves(name, scores[name])]
        early = epoch <= self.config.early_stopping_after
        self.stale = 0 if early or self.config.monitor in improved else self.stale + 1
        for name in improved:
            self.best[name] = scores[name]
        if self.accelerator.is_main_process:
            snapshot = self.task.snapshot(model, epoch=epoch, scores=scores)
            self.held |= {f"best_{name}": snapshot for name in improved} | {"last": snapshot}
        return scores

    def _improves(self, name: str, value: float) -> bool:
        if name not in self.best:
            return not math.isnan(value)
        best = self.best[name]
        return value < best if self.task.best[name] == "min" else value > best

    def _stopped(self) -> str | None:
        """The reason why training ends after this epoch; None if it continues."""
        patience = self.config.early_stopping
        if len(self.rows) >= self.config.epochs:
            return "after the last epoch"
        if patience is not None and self.stale >= patience:
            return f"early: val_{self.config.monitor} has not improved for {patience} validations"
        return None

    def _is_checkpoint(self) -> bool:
        """Return whether to write weights and state after this epoch; always after the last."""
        return len(self.rows) % self.config.checkpoint_every == 0 or self._stopped() is not None

    def _write_checkpoint(self) -> None:
        """Write held weights, then the state: a run killed in between rewrites the same weights.

        Weights that are best by several scores are written once. Without validation, the last
        weights are those of this epoch.
        """
        if not self.task.validates:
            epoch = len(self.rows)
            self.held["last"] = self.task.snapshot(self.evaluated.eval(), epoch=epoch, scores={})
        names: dict[int, list[str]] = {}
        for name, snapshot in self.held.items():
            names.setdefault(id(snapshot), []).append(name)
        for several in names.values():
            self.held[several[0]].write(self.run, several)
        self.held.clear()
        self.run.save_state(self._state())

    def _state(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler
        return {
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.schedule.scheduler.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "scaler": scaler.state_dict() if scaler is not None else None,
            "rows": self.rows,
            "best": self.best,
            "stale": self.stale,
            "settings": dict(self.settings),
        }


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The keys of settings that differ; settings introduced since do not count."""
    for key, value in before.items():
        current = now.get(key)
        # The options of a network are free-form: one that is new counts as well.
        if key != "options" and isinstance(value, Mapping) and isinstance(current, Mapping):
            yield from (f"{key}.{inner}" for inner in _changed(value, current))
        elif value != current:
            yield key


def freeze_batch_norm(model: nn.Module) -> None:
    """Use the running statistics of batch normalisation, which are no longer updated."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the state of `model` on the CPU."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
