import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from support.networks import write_network
from venule.bench.stages import OTHERS, STAGES


@pytest.fixture
def peer(tmp_path: Path) -> Path:
    return write_network(tmp_path / "peer.onnx", shape=(1, 3, 64, 48))


def test_a_model_and_a_peer_are_timed_in_one_run_and_everything_is_written(
    venule: Run, tiny_onnx: Path, peer: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bench.json"
    options = ["--size", "72,80", "--threads", 1, "--repeat", 2, "--runtime", "onnx"]
    ran = venule("bench", tiny_onnx, "--peer", peer, *options, "--json", file)
    assert ran.code == 0, ran.err
    assert "peer" in ran.out
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert (report["threads"], report["repeat"]) == (1, 2)
    ours, other = report["rows"]
    assert (ours["name"], other["name"]) == ("tiny", "peer")
    assert (ours["entry"]["model"], other["entry"]["model"]) == ("tiny.onnx", "peer.onnx")
    assert ours["shapes"] == [[1, 3, 96, 96]]
    assert other["shapes"] == [[1, 3, 64, 48]]
    assert set(ours["file"]) == {*STAGES, *OTHERS, "total"}
    assert other["file"] == {}
    assert ours["ratio"]["median"] == 1
    first, second = (row["rounds"] for row in (ours, other))
    assert len(first) == len(second) == 2
    ratios = sorted(b / a for a, b in zip(first, second, strict=True))
    assert other["ratio"]["median"] == pytest.approx(sum(ratios) / 2)
    assert all(row["fresh"]["seconds"] > 0 for row in report["rows"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "large"], "--size large: give rows and columns"),
        (["--size", "0,10"], "--size 0,10"),
        (["--size", "10,70000"], "--size 10,70000: a photograph has at most"),
        (["--size", "20000,20000"], "and 200 megapixels"),
        (["--peer", "missing.onnx"], "missing.onnx: no such weights file"),
        (["--json", "no/such/folder.json"], "its folder does not exist"),
    ],
)
def test_a_mistake_is_one_line(venule: Run, tiny_onnx: Path, options: list[str], said: str) -> None:
    ran = venule("bench", tiny_onnx, "--runtime", "onnx", *options)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
