"""Photographs on a real Ray cluster of two nodes on this computer, one of which dies."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.networks import write_network
from support.segmenters import noise
from venule.batch.predict import ModelChoice, Summary, predict_folder
from venule.batch.process import Outcome
from venule.errors import UsageError
from venule.image.io import write_png
from venule.models.record import ModelRecord

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'venule[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]

COUNT = 24


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = cluster.address
    yield cluster
    del os.environ["RAY_ADDRESS"]
    cluster.shutdown()


@pytest.fixture
def tiny(tmp_path: Path) -> ModelChoice:
    record = ModelRecord(name="tiny", model="tiny")
    return ModelChoice(model=write_network(tmp_path / "tiny.onnx", record), runtime="onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for seed in range(COUNT):
        write_png(tmp_path / "in" / f"eye{seed:02d}.png", noise(160, seed=seed))
    (tmp_path / "in" / "broken.png").write_bytes(b"no photograph")
    return tmp_path / "in"


def _pictures(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.png")}


def _table(out: Path) -> list[dict[str, str]]:
    with (out / "report.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def _inline(folder: Path, out: Path, model: ModelChoice) -> Summary:
    return predict_folder(folder, out, model=model, engine="inline")


def test_a_cluster_that_loses_a_node_gives_every_result_once(
    cluster: Any, folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    whole = _inline(folder, tmp_path / "inline", tiny)
    names: list[str] = []

    def kill_a_node(outcome: Outcome) -> None:
        names.append(outcome.job.name)
        if len(names) == 4:
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    found = predict_folder(
        folder, tmp_path / "ray", model=tiny, engine="ray", workers=2, progress=kill_a_node
    )
    assert (found.written, len(found.failed)) == (whole.written, len(whole.failed)) == (COUNT, 1)
    assert sorted(names) == sorted(set(names))
    assert _pictures(tmp_path / "ray") == _pictures(tmp_path / "inline")
    assert _table(tmp_path / "ray") == _table(tmp_path / "inline")


def test_a_driver_that_is_killed_and_run_again_loses_nothing(
    cluster: Any, folder: Path, tiny: ModelChoice, tmp_path: Path
) -> None:
    _inline(folder, tmp_path / "inline", tiny)
    out = tmp_path / "ray"
    command = [sys.executable, "-m", "venule", "predict", str(folder), "-o", str(out)]
    command += ["--model", str(tiny.model), "--runtime", "onnx", "--engine", "ray"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(_pictures(out)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 3, done.stderr  # the broken photograph
    assert _pictures(out) == _pictures(tmp_path / "inline")
    assert _table(out) == _table(tmp_path / "inline")


def test_without_a_cluster_there_is_one_clear_error(
    folder: Path, tiny: ModelChoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    with pytest.raises(UsageError, match="no cluster answers"):
        predict_folder(folder, tmp_path / "out", model=tiny, engine="ray")
