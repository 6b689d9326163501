from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import Run

pytest.importorskip("torch")

SMALL = (
    "data.crop_px=64",
    "network.options={width=4}",
    "schedule.epochs=1",
    "schedule.batch_size=2",
    "schedule.precision=fp32",
    "schedule.device=cpu",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("train/a", "train/b", "val/a", "val/b"):
        folder = tmp_path / "tree" / name
        folder.mkdir(parents=True)
        for i in range(2):
            pixels = rng.integers(0, 256, (70, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.jpg")
    return tmp_path / "tree"


def test_a_class_tree_becomes_a_run(venule: Run, tree: Path, tmp_path: Path) -> None:
    done = venule("pretrain", tree, *SMALL, "-o", tmp_path / "runs")
    assert done.code == 0, done.err
    run = Path(done.out.strip())
    assert run == tmp_path / "runs" / "pretrain"
    for name in ("weights/best_accuracy.safetensors", "metrics.csv", "config.toml", "curves.png"):
        assert (run / name).is_file()
    assert "val_accuracy" in done.err
    assert venule("pretrain", "--resume", run).code == 0


def test_settings_can_come_from_a_file(venule: Run, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "slim.toml").write_text("label_smoothing = 2\n")
    done = venule("pretrain", tree, "--config", tmp_path / "slim.toml", "-o", tmp_path / "runs")
    assert done.code == 2
    assert "label_smoothing" in done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a folder"),
        (["missing"], "no such folder"),
        (["missing", "schedule.epoch=3"], "did you mean 'schedule.epochs'"),
        (["missing", "--resume", "run"], "give nothing else"),
        (["--resume", "run"], "not a training run"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str],
    complaint: str,
    venule: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = venule("pretrain", *arguments)
    assert done.code == 2
    assert complaint in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
