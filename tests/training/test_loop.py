"""The loop on a toy task whose scores are written down in advance."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.utils.data import Dataset

from support.runs import silent
from venule.data.loader import EpochBatches, derive_seed, training_loader
from venule.errors import ConfigError
from venule.training.config import OptimizerConfig, ScheduleConfig, SchedulerConfig
from venule.training.loop import Batch, Loop, _fast_bf16, freeze_batch_norm, make_accelerator
from venule.training.run import STATE, Row, Run

Scores = Sequence[Mapping[str, float]]


class Points(Dataset[dict[str, Tensor]]):
    """Items of three random numbers and what they sum to, by (epoch, index)."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(derive_seed(*key))
        x = torch.randn(3, 4, 4, generator=generator)
        return {"x": x, "y": x.sum()}


class ToyTask:
    """Fits a line; its validation scores come from a list, one entry a validation."""

    best: Mapping[str, Literal["min", "max"]] = {"loss": "min", "dice": "max"}
    validates = True

    def __init__(self, scores: Scores = ()) -> None:
        self.scores = scores
        self.saved: list[tuple[str, int]] = []
        self.validated: list[dict[str, Tensor]] = []

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        error: Tensor = model(batch["x"]).mean((1, 2, 3)) - batch["y"]
        return error.square().mean()

    def validate(self, model: nn.Module, *, epoch: int) -> dict[str, float]:
        assert not model.training
        self.validated.append({k: v.clone() for k, v in model.state_dict().items()})
        number = len(self.validated) - 1
        return dict(self.scores[number]) if self.scores else {"loss": 1.0, "dice": 0.5}

    def snapshot(self, model: nn.Module, *, epoch: int, scores: Row) -> "ToySnapshot":
        return ToySnapshot(epoch, self.saved)


@dataclass(frozen=True)
class ToySnapshot:
    epoch: int
    saved: list[tuple[str, int]]

    def write(self, run: Run, names: Sequence[str]) -> None:
        self.saved.extend((name, self.epoch) for name in names)


def network(*, dropout: float = 0.0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(dropout), nn.Conv2d(4, 1, 1)
        )


def make_loop(
    folder: Path,
    task: ToyTask | None = None,
    *,
    model: nn.Module | None = None,
    length: int = 4,
    run: Run | None = None,
    optimizer: Mapping[str, Any] | None = None,
    scheduler: Mapping[str, Any] | None = None,
    **schedule: Any,
) -> Loop:
    values = {"epochs": 1, "batch_size": 2, "precision": "fp32", "device": "cpu", **schedule}
    config = ScheduleConfig.model_validate(values)
    batches = EpochBatches(length, config.batch_size, seed=config.seed)
    moves = {"kind": "sgd", "momentum": 0.0, "learning_rate": 0.01, **(optimizer or {})}
    return Loop(
        task or ToyTask(),
        model or network(),
        training_loader(Points(length), batches),  # type: ignore[arg-type]
        batches,
        run or Run.create(folder, "toy"),
        accelerator=make_accelerator(config),
        schedule=config,
        optimizer=OptimizerConfig.model_validate(moves),
        scheduler=SchedulerConfig.model_validate(scheduler or {}),
        settings={"schedule": config.model_dump(mode="json")},
    )


def weights(loop: Loop) -> Tensor:
    return torch.cat([p.detach().flatten() for p in loop.evaluated.parameters()])


def test_accumulating_twice_one_is_a_batch_of_two(tmp_path: Path) -> None:
    whole = make_loop(tmp_path, freeze_batch_norm=True, batch_size=2)
    halves = make_loop(tmp_path, freeze_batch_norm=True, batch_size=1, accumulate=2)
    before = weights(whole)
    rows = [loop.fit(silent)[0] for loop in (whole, halves)]
    torch.testing.assert_close(weights(halves), weights(whole), rtol=0, atol=1e-6)
    assert (weights(whole) - before).abs().max() > 1e-3
    assert rows[0]["train_loss"] == pytest.approx(rows[1]["train_loss"], rel=1e-5)


def test_the_last_batches_count_as_much_where_they_are_fewer(tmp_path: Path) -> None:
    # Three batches, two by two: the last stands alone, and its gradient must not be halved.
    short = make_loop(tmp_path, length=3, batch_size=1, accumulate=2, freeze_batch_norm=True)
    short.fit(silent)
    by_hand = network()
    freeze_batch_norm(by_hand.train())
    batches = EpochBatches(3, 1, seed=0)
    batches.epoch = 1
    items = [Points(3)[key] for (key,) in batches]
    for group in (items[:2], items[2:]):
        loss = ToyTask().loss(by_hand, {k: torch.stack([i[k] for i in group]) for k in ("x", "y")})
        parameters = list(by_hand.parameters())
        with torch.no_grad():
            for parameter, slope in zip(
                parameters, torch.autograd.grad(loss, parameters), strict=True
            ):
                parameter.sub_(0.01 * slope)
    expected = torch.cat([p.detach().flatten() for p in by_hand.parameters()])
    torch.testing.assert_close(weights(short), expected, rtol=0, atol=1e-6)


def test_clipping_limits_the_length_of_a_step(tmp_path: Path) -> None:
    def length(clip_norm: float | None) -> float:
        options = {"learning_rate": 1.0, "clip_norm": clip_norm}
        loop = make_loop(tmp_path, batch_size=4, optimizer=options)
        before = weights(loop)
        loop.fit(silent)
        return float((weights(loop) - before).norm())

    assert length(None) > 1
    assert length(0.1) == pytest.approx(0.1, rel=1e-3)


def test_frozen_batch_norm_keeps_its_statistics(tmp_path: Path) -> None:
    def statistics(*, frozen: bool) -> Tensor:
        loop = make_loop(tmp_path, freeze_batch_norm=frozen)
        loop.fit(silent)
        return loop.evaluated.get_buffer("1.running_mean")

    assert not statistics(frozen=True).any()
    assert statistics(frozen=False).all()


def test_early_stopping_stops_and_says_so(tmp_path: Path) -> None:
    dice = (0.1, 0.3, 0.3, 0.2, 0.9)  # equal is not better
    task = ToyTask([{"loss": 1 / epoch, "dice": d} for epoch, d in enumerate(dice, start=1)])
    loop = make_loop(tmp_path, task, epochs=5, early_stopping=2, monitor="dice")
    assert [row["epoch"] for row in loop.fit(silent)] == [1, 2, 3, 4]
    said = json.loads((loop.run.path / "run.json").read_text())
    assert said["stopped"] == "early: val_dice has not improved for 2 validations"
    assert (said["epochs"], said["best"]) == (4, {"loss": 0.25, "dice": 0.3})


def test_early_stopping_counts_from_a_later_epoch_where_told(tmp_path: Path) -> None:
    dice = (0.0, 0.0, 0.0, 0.0, 0.5, 0.4, 0.4, 0.9)
    task = ToyTask([{"loss": 1.0, "dice": d} for d in dice])
    loop = make_loop(tmp_path, task, epochs=8, early_stopping=2, early_stopping_after=3)
    assert len(loop.fit(silent)) == 7  # the 4th is stale; the 5th is better; the 6th and 7th stop


@pytest.mark.parametrize(
    ("watch", "rates"), [("val_loss", [0.01, 0.01, 0.001]), ("mean_loss", [0.01, 0.01, 0.01])]
)
def test_plateaus_are_those_of_the_watched_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: str, rates: list[float]
) -> None:
    training = iter((4.0, 2.0, 1.0))  # with validation: 2.5, 1.75, 1.5
    monkeypatch.setattr(Loop, "_train", lambda *_: next(training))
    task = ToyTask([{"loss": loss, "dice": 0.5} for loss in (1.0, 1.5, 2.0)])
    scheduler = {"kind": "plateau", "patience": 0, "watch": watch}
    loop = make_loop(tmp_path, task, epochs=3, scheduler=scheduler)
    assert [row["learning_rate"] for row in loop.fit(silent)] == pytest.approx(rates)


def test_weights_and_state_are_written_at_every_checkpoint_and_at_the_end(tmp_path: Path) -> None:
    dice = (0.1, 0.3, 0.2, 0.2, 0.4)
    task = ToyTask([{"loss": 1.0, "dice": d} for d in dice])
    written: list[list[tuple[str, int]]] = []
    loop = make_loop(tmp_path, task, epochs=5, checkpoint_every=3)
    state = loop.run.path / STATE

    def after(kind: str, values: Mapping[str, float]) -> None:
        if kind == "epoch":
            written.append(task.saved[:])
            assert state.exists() == (values["epoch"] >= 3)

    loop.fit(after)
    assert written[:2] == [[], []]
    assert dict(written[2]) == {"best_loss": 1, "best_dice": 2, "last": 3}
    assert written[3] == written[2]
    assert written[4][len(written[3]) :] == [("last", 5), ("best_dice", 5)]


def test_a_run_that_goes_to_its_end_says_so(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, epochs=2)
    loop.fit(silent)
    said = json.loads((loop.run.path / "run.json").read_text())
    assert (said["stopped"], said["epochs"]) == ("after the last epoch", 2)


def test_the_best_weights_of_each_score_are_those_of_its_best_epoch(tmp_path: Path) -> None:
    losses, dice = (0.5, 0.6, 0.4, 0.4), (0.2, 0.7, math.nan, 0.3)
    task = ToyTask([{"loss": a, "dice": b} for a, b in zip(losses, dice, strict=True)])
    make_loop(tmp_path, task, epochs=4).fit(silent)
    assert dict(task.saved) == {"best_loss": 3, "best_dice": 2, "last": 4}
    assert [name for name, epoch in task.saved if epoch == 1] == ["best_loss", "best_dice", "last"]


def test_epochs_without_validation_have_no_scores_but_the_last_always_has(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, epochs=5, validate_every=2)
    rows = loop.fit(silent)
    assert [row["epoch"] for row in rows if "val_dice" in row] == [2, 4, 5]


def test_a_nan_loss_is_a_clear_error(tmp_path: Path) -> None:
    class Diverging(ToyTask):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            return super().loss(model, batch) * math.nan

    with pytest.raises(ConfigError, match="the loss is nan in epoch 1; lower"):
        make_loop(tmp_path, Diverging()).fit(silent)


def test_the_averaged_weights_are_the_ones_validated(tmp_path: Path) -> None:
    task = ToyTask()
    loop = make_loop(tmp_path, task, length=8, ema_decay=0.9)
    loop.fit(silent)
    assert loop.average is not None
    trained = loop.accelerator.unwrap_model(loop.model).state_dict()
    averaged = loop.average.module.state_dict()
    (validated,) = task.validated
    assert torch.equal(validated["0.weight"], averaged["0.weight"])
    assert not torch.equal(validated["0.weight"], trained["0.weight"])


@pytest.mark.parametrize(
    "kind", ["constant", "plateau", "multistep", "cosine", "one_cycle", "poly"]
)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_run_carried_on_is_the_run_itself_dropout_included(
    kind: str, optimizer: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "epochs": 4,
        "early_stopping": 9,
        "ema_decay": 0.5,
        "scheduler": {"kind": kind, "milestones": [2], "patience": 0},
        "optimizer": {"kind": optimizer, "learning_rate": 1e-3, "momentum": 0.5},
    }
    whole = make_loop(tmp_path, model=network(dropout=0.5), **settings)
    whole.fit(silent)

    class Stopped(BaseException):
        pass

    def stop(kind: str, values: Mapping[str, float]) -> None:
        if (kind, values["epoch"]) == ("step", 3):
            raise Stopped

    broken = make_loop(tmp_path, model=network(dropout=0.5), **settings)
    with pytest.raises(Stopped):
        broken.fit(stop)
    torch.manual_seed(99)  # what else happened must not matter
    carried_on = make_loop(tmp_path, model=network(dropout=0.5), run=broken.run, **settings)
    carried_on.resume()
    assert len(carried_on.rows) == 2
    carried_on.fit(silent)

    assert torch.equal(weights(carried_on), weights(whole))
    assert carried_on.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"]
    for ours, theirs in zip(carried_on.rows, whole.rows, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_a_run_killed_between_checkpoints_goes_back_to_the_last_one(tmp_path: Path) -> None:
    def begin(run: Run | None = None) -> tuple[Loop, ToyTask]:
        task = ToyTask([{"loss": 1.0, "dice": 0.1 * epoch} for epoch in range(1, 6)])
        return make_loop(tmp_path, task, run=run, epochs=5, checkpoint_every=2), task

    class Stopped(BaseException):
        pass

    def stop(kind: str, values: Mapping[str, float]) -> None:
        if (kind, values["epoch"]) == ("step", 4):
            raise Stopped

    whole, _ = begin()
    whole.fit(silent)
    broken, task = begin()
    with pytest.raises(Stopped):
        broken.fit(stop)
    assert dict(task.saved) == {"best_loss": 1, "best_dice": 2, "last": 2}
    carried_on, _ = begin(broken.run)
    carried_on.resume()
    assert len(carried_on.rows) == 2
    carried_on.fit(silent)
    assert torch.equal(weights(carried_on), weights(whole))


def test_logs_are_cut_back_to_the_state_that_a_run_resumes_from(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, epochs=2)
    loop.fit(silent)
    loop.run.write_rows([*loop.rows, {"epoch": 3, "train_loss": 9.0}])
    again = make_loop(tmp_path, run=loop.run, epochs=2)
    again.resume()
    assert len((loop.run.path / "metrics.csv").read_text().splitlines()) == 3
    assert len((loop.run.path / "metrics.jsonl").read_text().splitlines()) == 2


def test_steps_and_epochs_are_reported(tmp_path: Path) -> None:
    told: list[tuple[str, Mapping[str, float]]] = []
    make_loop(tmp_path, epochs=1).fit(lambda kind, values: told.append((kind, values)))
    assert [kind for kind, _ in told] == ["step", "step", "epoch"]
    assert told[1][1] == {"epoch": 1, "step": 2, "steps": 2}
    assert told[2][1]["val_dice"] == 0.5


@pytest.mark.parametrize(
    ("avx512", "amx", "slow", "precision"),
    [
        (True, False, False, "bf16"),
        (False, True, False, "bf16"),
        (True, False, True, "no"),
        (False, False, False, "no"),
    ],
)
def test_bf16_is_chosen_only_where_the_processor_gains_by_it(
    avx512: bool, amx: bool, slow: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venule.training.loop.slow_bf16", lambda: slow)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    accelerator = make_accelerator(ScheduleConfig(device="cpu"))
    assert accelerator.mixed_precision == precision


def test_bf16_is_not_chosen_where_a_gpu_only_emulates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    # Of compute capability 7.5, such as a T4.
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation
    )
    assert not _fast_bf16(cpu=False)


def test_a_second_run_in_one_process_is_on_its_own_device() -> None:
    make_accelerator(ScheduleConfig(device="cpu"))
    PartialState._shared_state["device"] = torch.device("meta")  # as if the first were elsewhere
    assert make_accelerator(ScheduleConfig(device="cpu")).device == torch.device("cpu")


def test_two_precisions_in_one_process_do_not_mix() -> None:
    for precision, name in (("bf16", "bf16"), ("fp32", "no"), ("bf16", "bf16")):
        config = ScheduleConfig.model_validate({"device": "cpu", "precision": precision})
        assert make_accelerator(config).mixed_precision == name


def test_what_this_machine_cannot_do_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        make_accelerator(ScheduleConfig(device="cpu", precision="fp16"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"schedule\.device = cuda is not available here"):
        make_accelerator(ScheduleConfig(device="cuda"))


def test_without_validation_only_the_last_weights_are_saved(tmp_path: Path) -> None:
    task = ToyTask()
    task.validates = False
    rows = make_loop(tmp_path, task, epochs=3, early_stopping=1).fit(silent)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert task.validated == []
    assert task.saved == [("last", 1), ("last", 2), ("last", 3)]


def test_where_something_is_validated_the_last_weights_are_validated_ones(tmp_path: Path) -> None:
    task = ToyTask()
    loop = make_loop(tmp_path, task, epochs=8, validate_every=4, checkpoint_every=3)
    loop.fit(silent)
    assert [epoch for name, epoch in task.saved if name == "last"] == [4, 8]


def test_scores_that_are_undefined_are_no_json_and_are_left_out(tmp_path: Path) -> None:
    loop = make_loop(tmp_path, ToyTask([{"loss": 1.0, "dice": math.nan}]))
    loop.fit(silent)
    text = (loop.run.path / "metrics.jsonl").read_text()
    assert "NaN" not in text
    assert json.loads(text).keys() >= {"epoch", "val_loss"}
    assert "nan" in (loop.run.path / "metrics.csv").read_text()


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_layers_compute_in_the_precision_that_is_asked_for(
    tmp_path: Path, precision: str, kind: torch.dtype
) -> None:
    model, seen = network(), set()
    model.get_submodule("0").register_forward_hook(lambda *given: seen.add(given[2].dtype))
    make_loop(tmp_path, model=model, precision=precision).fit(silent)
    assert kind in seen
    assert seen <= {kind, torch.float32}  # what is validated is in fp32


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_images_come_in_the_layout_of_the_weights(tmp_path: Path, precision: str) -> None:
    layouts: list[bool] = []

    class Noting(ToyTask):
        def loss(self, model: nn.Module, batch: Batch) -> Tensor:
            layouts.append(batch["x"].is_contiguous(memory_format=torch.channels_last))
            return super().loss(model, batch)

    loop = make_loop(tmp_path, Noting(), precision=precision)
    loop.fit(silent)
    kernel = loop.evaluated.get_parameter("0.weight")
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert layouts == [True, True]
