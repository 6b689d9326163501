"""Optimisers, the course of every learning rate in closed form, the moving average by hand."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from venule.training.config import OptimizerConfig, SchedulerConfig
from venule.training.optim import Schedule, average_weights, build_optimizer, compress

EPOCHS, STEPS, RATE = 5, 4, 0.1
TOTAL = EPOCHS * STEPS


def course(losses: list[float | None] | None = None, **settings: Any) -> list[float]:
    """The learning rate of every step of a training."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATE)
    config = SchedulerConfig.model_validate(settings)
    schedule = Schedule(optimizer, config, epochs=EPOCHS, steps_per_epoch=STEPS)
    rates = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            schedule.step()
        schedule.epoch(losses[epoch] if losses else 1.0)
    return rates


def by_epoch(rates: list[float]) -> list[float]:
    """The rates of epochs in which it stays the same, which it must."""
    for start in range(0, TOTAL, STEPS):
        assert len(set(rates[start : start + STEPS])) == 1
    return rates[::STEPS]


def test_constant_stays() -> None:
    assert course(kind="constant") == [RATE] * TOTAL


def test_multistep_falls_at_its_epochs() -> None:
    rates = by_epoch(course(kind="multistep", milestones=(1, 3), factor=0.5))
    assert rates == pytest.approx([0.1, 0.05, 0.05, 0.025, 0.025])


def test_plateau_falls_after_more_than_patience_epochs_without_a_better_loss() -> None:
    losses: list[float | None] = [1.0, 1.0, 1.0, 1.0, 0.5]
    rates = by_epoch(course(losses, kind="plateau", patience=1, factor=0.5))
    # Epochs 2 and 3 are no better than 1: two bad ones, more than a patience of one.
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05])


@pytest.mark.parametrize("patience", [3, 2])  # 5 of 10 epochs: 3 and 2 become 2 and 1
def test_a_compressed_plateau_waits_for_a_share_of_its_patience(patience: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATE)
    config = SchedulerConfig(kind="plateau", patience=patience, factor=0.5)
    schedule = Schedule(
        optimizer, config, epochs=EPOCHS, steps_per_epoch=STEPS, published_epochs=10
    )
    rates = []
    for _ in range(5):
        schedule.epoch(1.0)
        rates.append(float(optimizer.param_groups[0]["lr"]))
    # The first loss is the best; one bad epoch more than the patience halves the rate.
    waits = {3: [0.1, 0.1, 0.1, 0.05, 0.05], 2: [0.1, 0.1, 0.05, 0.05, 0.025]}
    assert rates == pytest.approx(waits[patience])


def test_compressed_milestones_are_the_same_share_of_the_epochs() -> None:
    config = SchedulerConfig(kind="multistep", milestones=(1, 50, 80), patience=0)
    assert compress(config, 0.1).milestones == (1, 5, 8)
    assert compress(config, 0.1).patience == 0


def test_more_epochs_than_published_stretch_nothing() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATE)
    config = SchedulerConfig(kind="plateau", patience=7)
    schedule = Schedule(optimizer, config, epochs=EPOCHS, steps_per_epoch=STEPS, published_epochs=2)
    assert schedule.scheduler.state_dict()["patience"] == 7


def test_plateau_waits_for_epochs_that_were_validated() -> None:
    losses: list[float | None] = [1.0, None, None, None, 1.0]
    rates = by_epoch(course(losses, kind="plateau", patience=0, factor=0.5))
    assert rates == [RATE] * EPOCHS


def test_cosine_falls_by_a_half_wave() -> None:
    expected = [RATE * (1 + math.cos(math.pi * step / TOTAL)) / 2 for step in range(TOTAL)]
    assert course(kind="cosine") == pytest.approx(expected)


def test_poly_falls_by_a_power_of_what_is_left() -> None:
    expected = [RATE * (1 - step / TOTAL) ** 0.7 for step in range(TOTAL)]
    assert course(kind="poly", power=0.7) == pytest.approx(expected)


def test_one_cycle_with_its_top_at_the_first_step_only_falls() -> None:
    rates = course(kind="one_cycle", warmup=1 / (TOTAL + 1))
    assert rates[0] == pytest.approx(RATE / 25)  # torch begins there whatever follows
    assert rates[1] > 0.9 * RATE
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_one_cycle_rises_to_the_rate_and_falls_to_almost_nothing() -> None:
    rates = course(kind="one_cycle", warmup=0.25)
    # torch counts its phases from 0, so the top lies at warmup * total steps - 1.
    top = 0.25 * (TOTAL + 1) - 1

    def anneal(start: float, end: float, share: float) -> float:
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    low, last = RATE / 25, RATE / 25 / 1e4
    expected = [
        anneal(low, RATE, step / top)
        if step <= top
        else anneal(RATE, last, (step - top) / (TOTAL - top))
        for step in range(TOTAL)
    ]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"kind": "adam", "betas": (0.8, 0.9)}, torch.optim.Adam),
        ({"kind": "adamw", "betas": (0.8, 0.9)}, torch.optim.AdamW),
        ({"kind": "sgd", "momentum": 0.7}, torch.optim.SGD),
    ],
)
def test_every_optimiser_has_the_settings_it_was_given(
    settings: dict[str, Any], kind: type[torch.optim.Optimizer]
) -> None:
    config = OptimizerConfig.model_validate(
        {**settings, "learning_rate": 0.3, "weight_decay": 0.01}
    )
    optimizer = build_optimizer([nn.Parameter(torch.zeros(1))], config)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    given = {key: group[key] for key in settings if key != "kind"}
    assert given == {key: value for key, value in settings.items() if key != "kind"}
    assert (group["lr"], group["weight_decay"]) == (0.3, 0.01)


def test_sgd_moves_by_rate_times_gradient() -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = build_optimizer([weight], OptimizerConfig(kind="sgd", learning_rate=0.1))
    weight.grad = torch.tensor([3.0])
    optimizer.step()
    assert float(weight.detach()) == pytest.approx(2.0 - 0.1 * 3)


def test_the_moving_average_by_hand() -> None:
    model = nn.BatchNorm1d(1)
    average = average_weights(model, 0.25)

    def values() -> list[float]:
        state = average.module.state_dict()
        return [float(state[name]) for name in ("weight", "running_mean", "num_batches_tracked")]

    expected, shares = None, []
    for step, value in enumerate((1.0, 3.0, -2.0, 5.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.get_buffer("running_mean").fill_(10 * value)
            model.get_buffer("num_batches_tracked").fill_(step + 1)
        average.update_parameters(model)
        # The first is copied; then the decay is min(0.25, (1 + n) / (10 + n)) after n updates.
        decay = min(0.25, (1 + step) / (10 + step))
        shares.append(decay)
        expected = value if expected is None else decay * expected + (1 - decay) * value
        assert values() == pytest.approx([expected, 10 * expected, step + 1])
    assert shares == pytest.approx([0.1, 2 / 11, 0.25, 0.25])


def test_the_average_early_in_a_run_forgets_its_start() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = average_weights(model, 0.999)
    for value in [100.0] + [1.0] * 30:
        with torch.no_grad():
            model.weight.fill_(value)
        average.update_parameters(model)
    (averaged,) = average.module.parameters()
    assert float(averaged.detach()) == pytest.approx(1.0, abs=0.01)
