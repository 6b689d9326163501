"""Trainings that start from other weights: by file, by run, by ONNX, and what those have seen."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from support.drawn import make_synthetic, settings
from support.runs import silent
from venule.errors import WeightsError
from venule.export.onnx import export_onnx
from venule.models.checkpoint import load_model, read_weights
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config, read_config
from venule.training.run import Run
from venule.training.train import pretrained_source, resume, train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_synthetic(tmp_path_factory.mktemp("synthetic"))


@pytest.fixture(scope="module")
def first(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = parse_config(settings(data), TrainConfig, source="test")
    return train(config, root=tmp_path_factory.mktemp("first"), report=silent)


def second(data: Path, source: Path, **schedule: object) -> TrainConfig:
    network = {**settings(data)["network"], "pretrained": str(source)}
    changes = {"name": "second", "network": network, "schedule": schedule}
    return parse_config(settings(data, **changes), TrainConfig, source="test")


def account(run: Run) -> dict[str, list[str]]:
    read: dict[str, list[str]] = json.loads((run.path / "pretrained.json").read_text())
    return read


def test_a_training_starts_from_a_runs_folder_and_reports_it(
    data: Path, first: Run, tmp_path: Path
) -> None:
    reports: dict[str, Mapping[str, float]] = {}

    def keep(kind: str, values: Mapping[str, float]) -> None:
        reports[kind] = values

    run = train(second(data, first.path), root=tmp_path, report=keep)
    own = load_model(first.weights / "best_dice.safetensors")[0].state_dict()
    assert account(run)["loaded"] == list(own)
    assert account(run)["missing"] == account(run)["unexpected"] == []
    assert reports["pretrained"] == {"loaded": len(own), "mismatched": 0, "missing": 0}


def test_without_options_the_network_has_the_shape_of_its_weights(
    data: Path, first: Run, tmp_path: Path
) -> None:
    network = {"model": settings(data)["network"]["model"], "pretrained": str(first.path)}
    values = settings(data) | {"network": network, "name": "second"}
    run = train(parse_config(values, TrainConfig, source="test"), root=tmp_path, report=silent)
    written = read_config(run.path / "config.toml", (), TrainConfig)
    assert written.network.options == settings(data)["network"]["options"]
    assert account(run)["missing"] == []
    assert not account(run)["mismatched"]


def test_what_the_first_weights_have_seen_the_second_have_seen_too(
    data: Path, first: Run, tmp_path: Path
) -> None:
    other = make_synthetic(tmp_path / "other", size_px=72)
    run = train(second(other, first.path), root=tmp_path / "runs", report=silent)
    _, before = read_weights(first.weights / "last.safetensors")
    _, after = read_weights(run.weights / "last.safetensors")
    assert [seen.role for seen in before.seen] == ["trained", "selected"]
    assert len(after.seen) == 4
    assert after.seen[2:] == before.seen


def test_a_resumed_run_does_not_need_the_first_weights_any_more(
    data: Path, first: Run, tmp_path: Path
) -> None:
    source = tmp_path / "first.safetensors"
    source.write_bytes((first.weights / "last.safetensors").read_bytes())

    class KilledError(Exception):
        pass

    def kill(kind: str, values: Mapping[str, float]) -> None:
        if kind == "step" and values["epoch"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train(second(data, source, epochs=2), root=tmp_path / "runs", report=kill)
    whole = train(second(data, source, epochs=2), root=tmp_path / "whole", report=silent)
    source.unlink()
    run = resume(tmp_path / "runs" / "second", report=silent)
    last = "last.safetensors"
    assert (run.weights / last).read_bytes() == (whole.weights / last).read_bytes()


@pytest.mark.slow
def test_a_training_starts_from_exported_onnx(data: Path, first: Run, tmp_path: Path) -> None:
    source = first.weights / "last.safetensors"
    export_onnx(source, tmp_path / "first.onnx")
    run = train(second(data, tmp_path / "first.onnx"), root=tmp_path, report=silent)
    missing = account(run)["missing"]
    # What only training uses is not exported; counters of batches are not told of.
    assert all("auxiliary" in name for name in missing)
    untold = load_model(source)[0].state_dict().keys() - {*account(run)["loaded"], *missing}
    assert {name.rpartition(".")[2] for name in untold} == {"num_batches_tracked"}


def test_missing_weights_stop_before_a_folder_is_made(data: Path, tmp_path: Path) -> None:
    config = second(data, tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="no such weights file"):
        train(config, root=tmp_path / "runs", report=silent)
    assert not (tmp_path / "runs").exists()


def test_a_checkpoint_of_pytorch_is_to_be_converted_first(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="venule convert"):
        pretrained_source(str(tmp_path / "x.pth"))


def test_shipped_names_and_downloads_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pretrained_source("imagenet") == "imagenet"
    assert pretrained_source("coco") == "coco"
    monkeypatch.setattr(
        "venule.inference.load.shipped_weights", lambda: {"general": Path("general.onnx")}
    )
    assert pretrained_source("general") == "general.onnx"
