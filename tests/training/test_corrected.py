"""A training on masks that somebody corrected."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serve.conftest import wait_for
from serve.corrected import client_on, opened, results, send_stroke
from support.drawn import settings
from support.runs import silent
from venule.batch.corrections import collect_corrections
from venule.data.catalog import open_dataset
from venule.data.protocols import select
from venule.data.sample import load_sample
from venule.image.io import pixel_hash, read_mask
from venule.image.photograph import read_photograph
from venule.models.checkpoint import read_weights
from venule.training.config import TrainConfig
from venule.training.config_file import parse_config
from venule.training.train import train


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data set of two photographs that were corrected in the viewer."""
    out = results(tmp_path)
    client = client_on(out)
    for number in range(2):
        id = opened(client, wait_for, f"eye-{number}")
        part = np.zeros((30, 60), bool)
        part[10:14] = True
        assert send_stroke(client, id, part, left=20, top=20, base=0).status_code == 200
    client.close()
    collect_corrections(out, tmp_path / "data")
    return tmp_path / "data"


def test_two_steps_are_trained_on_corrected_masks(data: Path, tmp_path: Path) -> None:
    cases = select(open_dataset(str(data)), None, "all").cases
    for case in cases:
        sample = load_sample(case)
        corrected = tmp_path / "out" / f"{case.id}_mask.corrected.png"
        assert sample.vessels is not None
        assert np.array_equal(sample.vessels, read_mask(corrected))
    steps: list[Any] = []

    def report(kind: str, values: Any) -> None:
        if kind == "step":
            steps.append(values)
        silent(kind, values)

    source = {"dataset": str(data), "split": "all"}
    config = parse_config(
        settings(
            data,
            data={"train": [source], "val": []},
            input={"crop_px": 64, "crops_per_image": 2},
            schedule={"epochs": 1},
        ),
        TrainConfig,
        source="test",
    )
    path = train(config, root=tmp_path / "runs", report=report).path
    assert len(steps) == 2
    weights, record = read_weights(path / "weights/last.safetensors")
    assert all(np.isfinite(np.asarray(value, np.float64)).all() for value in weights.values())
    (seen,) = record.seen
    photographs = [read_photograph(case.image).pixels for case in cases]
    assert set(seen.images.values()) == {pixel_hash(pixels) for pixels in photographs}
