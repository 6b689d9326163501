"""A network of two classes, arteries and veins: trained, exported, predicted, scored."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.drawn import settings
from support.trees import save
from venule.cli.main import main
from venule.image.artery_vein import color_types
from venule.inference.load import load
from venule.synth.fundus import synthesize_fundus
from venule.training.run import to_toml

Command = Callable[..., str]

NETWORK = {
    "model": "resunet",
    "options": {"widths": [12, 16], "blocks": [1, 1], "decoder_blocks": [1]},
}


@pytest.fixture
def venule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `venule ARGUMENTS...`; its stdout, if it ends with exit code 0."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["venule", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as done:
            code = done.code
        captured = capsys.readouterr()
        assert not code, captured.err
        return captured.out

    return run


def make_eyes(root: Path, seeds: range, size_px: int = 96) -> Path:
    for seed in seeds:
        eye, name = synthesize_fundus(seed, size_px=size_px), f"{seed:02d}.png"
        save(root / "images" / name, eye.image)
        save(root / "labels" / name, eye.vessels)
        save(root / "fov" / name, eye.fov)
        save(root / "av" / name, color_types(eye.artery, eye.vein))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_arteries_and_veins_from_training_to_score(
    activation: str, venule: Command, tmp_path: Path
) -> None:
    train, val = make_eyes(tmp_path / "train", range(4)), make_eyes(tmp_path / "val", range(4, 6))
    one = {"split": "all", "protocol": "all", "expert": "av"}
    config = settings(
        train,
        data={"train": [{"dataset": str(train), **one}], "val": [{"dataset": str(val), **one}]},
        network=NETWORK,
        optimizer={"learning_rate": 5e-3},
        loss={"kind": "bce_dice", "exclusive_weight": 0.5},
        schedule={"epochs": 12},
        output={"activation": activation},
    )
    file = tmp_path / "tiny.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    run = Path(venule("train", file, "-o", tmp_path / "runs").strip())
    record = load(run, checkpoint="dice").record
    assert record.class_names == ("artery", "vein")
    assert record.activation == activation
    assert all(one.threshold_source.startswith("largest pooled Dice") for one in record.classes)
    assert {"dice_artery", "dice_vein"} <= set(record.validation)
    assert (run / "overlays/04_artery_errors.png").is_file()

    onnx = tmp_path / "types.onnx"
    venule("export", run, "-o", onnx)
    assert load(onnx, runtime="onnx").record == record

    out, saved = tmp_path / "out", ("--save", "mask,av")
    venule("predict", val / "images", "-o", out, "--model", onnx, "--runtime", "onnx", *saved)
    colors = np.asarray(Image.open(out / "04_av.png"))
    mask = np.asarray(Image.open(out / "04_mask.png")) > 0
    assert np.array_equal(colors.any(axis=2), mask)
    known = {(0, 0, 0), (255, 0, 0), (0, 0, 255), (0, 255, 0)}
    assert set(map(tuple, colors.reshape(-1, 3).tolist())) <= known
    prediction = load(onnx, runtime="onnx").segment(val / "images/04.png")
    assert np.array_equal(
        colors[..., 0] > 0, prediction.maps["artery"].mask & ~prediction.maps["vein"].mask
    )

    scores = tmp_path / "scores.json"
    venule(
        *(
            "evaluate",
            onnx,
            "--data",
            val,
            "--split",
            "all",
            "--task",
            "av",
            "--vessels",
            "self",
            "--json",
            scores,
        )
    )
    (result,) = json.loads(scores.read_text())["results"]
    eye = synthesize_fundus(4, size_px=96)
    found = prediction.maps["artery"].mask & eye.fov
    by_hand = 2 * (found & eye.artery).sum() / (found.sum() + (eye.artery & eye.fov).sum())
    assert result["images"][0]["scores"]["dice_artery"] == pytest.approx(by_hand, abs=1e-4)


def test_training_on_two_classes_twice_gives_the_same_bytes(
    venule: Command, tmp_path: Path
) -> None:
    data = make_eyes(tmp_path / "eyes", range(3))
    one = {"dataset": str(data), "split": "all", "protocol": "all", "expert": "av"}
    config = settings(data, data={"train": [one], "val": []}, network=NETWORK)
    file = tmp_path / "tiny.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    whole = Path(venule("train", file, "-o", tmp_path / "whole", "--epochs", 2).strip())
    again = Path(venule("train", file, "-o", tmp_path / "again", "--epochs", 2).strip())
    same = [(run / "weights/last.safetensors").read_bytes() for run in (whole, again)]
    assert same[0] == same[1]
