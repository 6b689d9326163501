"""A run that was killed again and again ends as if it had never been."""

import csv
import json
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.drawn import make_synthetic, settings
from support.runs import carry_on, silent, start
from venule.errors import ConfigError, DatasetError
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.train import resume, train

RUNS: dict[str, dict[str, Any]] = {
    "one cycle with averaged weights": {
        "schedule": {"epochs": 5, "ema_decay": 0.9, "checkpoint_every": 2},
        "scheduler": {"kind": "one_cycle"},
        "optimizer": {"clip_norm": 1.0},
    },
    "plateau with early stopping": {
        "input": {"crop_px": None, "resize_px": 80},
        "schedule": {
            "epochs": 10,
            "accumulate": 2,
            "batch_size": 1,
            "validate_every": 2,
            "early_stopping": 2,
            "monitor": "loss",
        },
        "scheduler": {"kind": "plateau", "patience": 0, "factor": 0.5},
        "optimizer": {"kind": "sgd", "learning_rate": 0.5},
    },
}

TIMEOUT_S = 300


def wait(event: Callable[[], bool], process: ForkServerProcess) -> None:
    """Return when `event` is true or the process has ended."""
    deadline = time.monotonic() + TIMEOUT_S
    while not event() and process.is_alive():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.001)


def kill(process: ForkServerProcess) -> bool:
    """End the process as the kernel does; False if it had ended by itself, without error."""
    assert process.pid is not None
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def stamp(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def run_to_the_end(values: dict[str, Any], root: Path) -> Path:
    process = start(carry_on, values, root)
    process.join(TIMEOUT_S)
    assert process.exitcode == 0
    (begun,) = root.glob("*/config.toml")
    return begun.parent


def run_with_kills(values: dict[str, Any], root: Path, *, seconds: float) -> Path:
    """A run killed before its first state, at new weights, at new states and at random moments."""
    generator = random.Random(1)
    process = start(carry_on, values, root, True)
    wait(lambda: any(root.glob("*/config.toml")), process)
    assert kill(process)
    (begun,) = root.glob("*/config.toml")
    run = begun.parent
    assert not (run / "state.pt").exists()

    kills = 0
    for moment in ("weights/last.safetensors", "state.pt", None, "weights/last.safetensors", None):
        process = start(carry_on, values, root)
        if moment is None:
            process.join(generator.uniform(0.3, 0.9) * seconds)
        else:
            file = run / moment
            before = stamp(file)
            wait(lambda file=file, before=before: stamp(file) != before, process)  # type: ignore[misc]
            time.sleep(generator.uniform(0, 0.01))
        kills += kill(process)
    assert kills >= 2
    return run_to_the_end(values, root)


def log(run: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv without the one column that no run repeats."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row.pop("seconds")) >= 0
    return rows


def contents(run: Path, pattern: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.glob(pattern))}


@pytest.mark.parametrize("kind", RUNS)
def test_a_killed_and_resumed_run_ends_bit_identical(kind: str, tmp_path: Path) -> None:
    values = settings(make_synthetic(tmp_path / "data"), **RUNS[kind])
    started = time.monotonic()
    whole = run_to_the_end(values, tmp_path / "whole")
    seconds = time.monotonic() - started
    killed = run_with_kills(values, tmp_path / "killed", seconds=seconds)

    weights = contents(whole, "weights/*")
    assert {"last.safetensors", "best_dice.safetensors"} <= set(weights)
    assert contents(killed, "weights/*") == weights
    assert contents(killed, "overlays/*") == contents(whole, "overlays/*")
    for name in ("run.json", "config.toml", "data.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()

    rows = log(whole)
    assert log(killed) == rows
    epochs = [int(row["epoch"]) for row in rows]
    assert epochs == list(range(1, len(rows) + 1))
    lines = (killed / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == epochs
    assert events(killed) == epochs
    assert not list(killed.rglob(".*.tmp"))


def events(run: Path) -> list[int]:
    """The epochs of which TensorBoard would draw the training loss."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    return [event.step for event in accumulator.Scalars("train_loss")]


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    values = settings(make_synthetic(tmp_path / "data", train=2, val=1), schedule={"epochs": 1})
    run = run_to_the_end(values, tmp_path / "runs")
    before = contents(run, "weights/*") | contents(run, "*.*")
    assert run_to_the_end(values, tmp_path / "runs") == run
    after = contents(run, "weights/*") | contents(run, "*.*")
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} <= {"curves.png"}


def test_a_run_does_not_go_on_by_another_configuration(tmp_path: Path) -> None:
    values = settings(make_synthetic(tmp_path / "data"), schedule={"epochs": 1})
    run = train(parse_config(values, TrainConfig, source="test"), root=tmp_path, report=silent).path
    text = (run / "config.toml").read_text()
    before = (run / "metrics.csv").read_bytes()
    changed = text.replace("epochs = 1", "epochs = 3").replace("rotate_deg = 30", "rotate_deg = 90")
    (run / "config.toml").write_text(changed)
    with pytest.raises(
        ConfigError, match=r"trained with \(augmentation.rotate_deg, schedule.epochs\); restore it"
    ):
        resume(run, report=silent)
    assert (run / "metrics.csv").read_bytes() == before
    (run / "config.toml").write_text(text.replace("stride = 8", "stride = 8\nauxiliary = true"))
    with pytest.raises(ConfigError, match=r"trained with \(network.options\)"):
        resume(run, report=silent)
    (run / "config.toml").write_text(text)
    resume(run, report=silent)


def test_a_run_does_not_go_on_with_other_annotations(tmp_path: Path) -> None:
    data = make_synthetic(tmp_path / "data")
    values = settings(data, schedule={"epochs": 1})
    run = train(parse_config(values, TrainConfig, source="test"), root=tmp_path, report=silent).path
    label = data.parent / "labels" / "00.png"
    with Image.open(label) as opened:
        opened.transpose(Image.Transpose.ROTATE_180).save(label)
    with pytest.raises(DatasetError, match="annotations are no longer those that it began with"):
        resume(run, report=silent)
