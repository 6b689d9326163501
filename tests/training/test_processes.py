"""Two processes learn what one learns from the double batch."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from support.drawn import make_synthetic, settings
from support.runs import carry_on, free_port, one_of_several, start
from venule.models.checkpoint import read_weights

RATE = 0.1
TIMEOUT_S = 300


def one_step(data: Path, *, batch_size: int, accumulate: int = 1) -> dict[str, Any]:
    """A run of one step of plain gradient descent; batch norm keeps its statistics."""
    return settings(
        data,
        schedule={
            "epochs": 1,
            "batch_size": batch_size,
            "accumulate": accumulate,
            "freeze_batch_norm": True,
        },
        optimizer={"kind": "sgd", "momentum": 0.0, "learning_rate": RATE},
    )


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_take_the_step_of_one_with_the_double_batch(
    accumulate: int, tmp_path: Path
) -> None:
    data = make_synthetic(tmp_path / "data", train=4, val=1)
    size = 4 // 2 // accumulate
    port = free_port()
    together = [
        start(
            one_of_several,
            one_step(data, batch_size=size, accumulate=accumulate),
            tmp_path / "two",
            rank,
            2,
            port,
        )
        for rank in range(2)
    ]
    alone = start(carry_on, one_step(data, batch_size=4), tmp_path / "one")
    for process in (*together, alone):
        process.join(TIMEOUT_S)
        assert process.exitcode == 0

    (ours,) = (tmp_path / "two").iterdir()  # one run, though two processes
    (reference,) = (tmp_path / "one").iterdir()
    two, _ = read_weights(ours / "weights/last.safetensors")
    one, _ = read_weights(reference / "weights/last.safetensors")
    before = fresh(one)
    gradient = torch.cat([((before[name] - one[name]) / RATE).flatten() for name in one])
    other = torch.cat([((before[name] - two[name]) / RATE).flatten() for name in one])
    assert float((other - gradient).norm() / gradient.norm()) < 1e-5
    largest = float(gradient.abs().max())
    assert largest > 0.1
    assert float((other - gradient).abs().max()) < 1e-5 * max(1, largest)

    losses = []
    for run in (ours, reference):
        (row,) = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        losses.append(row["train_loss"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def fresh(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights before the step, built as a run of seed 0 builds them."""
    from support.drawn import NETWORK
    from venule.data.loader import derive_seed
    from venule.models.zoo import model_config

    torch.manual_seed(derive_seed(0))
    state: dict[str, torch.Tensor] = (
        model_config(NETWORK["model"], NETWORK["options"]).build().state_dict()
    )
    assert set(state) == set(weights)
    return state
