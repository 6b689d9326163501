from pathlib import Path

import numpy as np
import pytest

from support.networks import write_network
from venule.bench.candidate import Entry, entries, open_candidate
from venule.errors import UsageError, WeightsError
from venule.image.preprocess import Preprocessing
from venule.image.tiles import Tiling
from venule.models.record import ModelRecord


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return write_network(tmp_path / "ours.onnx", ModelRecord(name="ours", model="tiny"))


def test_runtimes_come_one_after_the_other_and_peers_have_no_pytorch(ours: Path) -> None:
    peer = Path("peer.onnx")
    listed = entries([str(ours)], [peer], runtimes=["onnx", "torch", "openvino"])
    assert listed == [
        Entry(str(ours), "onnx"),
        Entry("peer.onnx", "onnx", peer=True),
        Entry(str(ours), "torch"),
        Entry(str(ours), "openvino"),
        Entry("peer.onnx", "openvino", peer=True),
    ]


def test_without_a_choice_the_base_installs_runtime_comes_first(ours: Path) -> None:
    assert entries([str(ours)])[0] == Entry(str(ours), "onnx")


def test_safetensors_run_in_pytorch_only(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.touch()
    assert entries([str(file)]) == [Entry(str(file), "torch")]
    assert entries([str(file)], runtimes=["torch"]) == [Entry(str(file), "torch")]
    with pytest.raises(UsageError, match="nothing to time"):
        entries([str(file)], runtimes=["onnx"])


def test_an_unknown_runtime_is_refused(ours: Path) -> None:
    with pytest.raises(UsageError, match="auto, onnx, openvino"):
        entries([str(ours)], runtimes=["tensorrt"])


def test_a_model_is_given_what_it_would_see_of_the_photograph(tmp_path: Path) -> None:
    record = ModelRecord(
        name="ours",
        model="tiny",
        preprocessing=Preprocessing(normalize="fixed", mean=(0, 0, 0), std=(1, 1, 1)),
        tiling=Tiling(tile_px=96, overlap_px=32),
    )
    candidate = open_candidate(
        Entry(str(write_network(tmp_path / "a.onnx", record)), "onnx"), threads=1
    )
    image = np.full((160, 80, 3), 51, np.uint8)
    seen = candidate.inputs(image)
    assert [pixels.shape for pixels in seen] == [(1, 3, 96, 96)] * 2
    assert np.allclose(seen[0], 51 / 255)


def test_a_peer_is_given_its_own_size_or_sides_of_whole_32s(tmp_path: Path) -> None:
    image = np.zeros((40, 70, 3), np.uint8)
    for sides, expected in ((("h", "w"), (64, 96)), ((48, 56), (48, 56))):
        file = write_network(tmp_path / "peer.onnx", shape=(1, 3, *sides))
        peer = open_candidate(Entry(str(file), "onnx", peer=True), threads=1)
        (pixels,) = peer.inputs(image)
        assert pixels.shape == (1, 3, *expected)
        assert peer.run(pixels).shape == (1, 1, *expected)


def test_a_peer_that_takes_no_colour_picture_is_refused(tmp_path: Path) -> None:
    file = write_network(tmp_path / "grey.onnx", shape=(1, 1, "h", "w"))
    with pytest.raises(WeightsError, match=r"grey\.onnx: .*\(N, 3, H, W\)"):
        open_candidate(Entry(str(file), "onnx", peer=True), threads=1)
