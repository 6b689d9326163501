"""From a folder of photographs to scores and a served file, by commands alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.drawn import make_synthetic, settings
from venule.cli.main import main
from venule.image.io import read_probability
from venule.image.photograph import read_photograph
from venule.training.run import to_toml

Command = Callable[..., str]


@pytest.fixture
def venule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `venule ARGUMENTS...`; its stdout, if it ends with exit code 0."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["venule", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as done:
            code = done.code
        captured = capsys.readouterr()
        assert not code, captured.err
        return captured.out

    return run


def test_train_predict_evaluate_export_and_plot(venule: Command, tmp_path: Path) -> None:
    data = make_synthetic(tmp_path / "data", train=4, val=2)
    config = tmp_path / "tiny.toml"
    slow = settings(data, optimizer={"learning_rate": 1e-3})
    config.write_text(to_toml(slow), encoding="utf-8")

    venule("data", "check", data)
    sheet = tmp_path / "samples.png"
    venule("data", "show", "--config", config, "-o", sheet, "augmentation.hue=0.1")
    assert read_photograph(sheet).pixels.shape[1] > 500

    run = Path(venule("train", config, "--epochs", 2, "-o", tmp_path / "runs").strip())
    assert run == tmp_path / "runs/tiny"
    assert len((run / "metrics.csv").read_text().splitlines()) == 3
    assert venule("train", "--resume", run).strip() == str(run)  # there is nothing left to do

    photographs = data.parent / "images"
    options = ("--save", "prob", "--device", "cpu")
    venule("predict", photographs, "-o", tmp_path / "maps", "--model", run, *options)
    probability = read_probability(tmp_path / "maps/00_prob.png")
    assert probability.shape == (80, 80)

    scores = tmp_path / "scores.json"
    venule("evaluate", run, "--data", data, "--split", "val", "--json", scores, "--device", "cpu")
    (result,) = json.loads(scores.read_text())["results"]
    assert {image["id"] for image in result["images"]} == {"04", "05"}
    assert {seen["id"] for seen in result["seen"]} == {"04", "05"}  # they chose the weights

    exported = tmp_path / "tiny.onnx"
    venule("export", run, "-o", exported)
    venule("predict", photographs, "-o", tmp_path / "again", "--model", exported, *options)
    again = read_probability(tmp_path / "again/00_prob.png")
    assert np.abs(again - probability).max() <= 1e-3

    venule("plot", run, "-o", tmp_path / "curves.svg")
    assert (tmp_path / "curves.svg").read_text().startswith("<?xml")
