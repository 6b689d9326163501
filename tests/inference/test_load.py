import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import venule
from support.networks import write_network
from support.runtimes import needs_openvino
from venule.errors import UsageError, WeightsError
from venule.inference import onnx_runner
from venule.inference.load import (
    FASTER_IN_OPENVINO,
    MARKS,
    load,
    require_vessels,
    shipped_weights,
    weights_file,
)
from venule.models.record import ModelRecord
from venule.models.zoo import MODELS
from venule.synth.fundus import synthesize_fundus


def test_every_shipped_weights_file_loads_by_its_name_and_finds_drawn_vessels() -> None:
    assert shipped_weights()
    synthetic = synthesize_fundus(0, size_px=256)
    for name in shipped_weights():
        segmenter = venule.load(name)
        assert segmenter.record.name == name
        assert segmenter.record.licence != "not stated"
        assert segmenter.record.threshold_source != "default"
        prediction = segmenter.segment(synthetic.image, fov=synthetic.fov)
        found, truth = prediction.vessels, synthetic.vessels & synthetic.fov
        dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        assert dice > 0.6


@pytest.mark.parametrize("name", MARKS)
def test_shipped_weights_that_segment_no_vessels_are_not_taken_for_some(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: finds .* and segments no vessels"):
        require_vessels(load(name).record)
    require_vessels(load("general").record)


def test_shipped_weights_record_what_they_have_seen() -> None:
    for name in shipped_weights():
        seen = load(name).record.seen
        assert "trained" in {split.role for split in seen}
        assert all(len(digest) == 64 for split in seen for digest in split.images.values())


def test_the_default_weights_have_never_seen_drive_and_others_say_what_they_are_for() -> None:
    assert next(iter(shipped_weights())) == venule.load().record.name == "general"
    for name in shipped_weights():
        record = load(name).record
        if any(split.dataset == "DRIVE" for split in record.seen):
            assert name != "general"
            assert "research and education only" in record.licence


def test_an_unknown_name_lists_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="general"):
        load(tmp_path / "nothing.onnx")


def test_a_pickle_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(WeightsError, match="venule convert"):
        load(path)


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 4000])
def test_broken_files_are_one_clear_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_shipped_file_is_one_clear_line(tmp_path: Path) -> None:
    whole = next(iter(shipped_weights().values())).read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"cut\.onnx"):
        load(path)


def test_an_onnx_file_without_a_record_is_refused(tmp_path: Path) -> None:
    model = onnx.load(next(iter(shipped_weights().values())))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(WeightsError, match="no venule record"):
        load(tmp_path / "bare.onnx")


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    model = onnx.load(next(iter(shipped_weights().values())))
    (record,) = model.metadata_props
    record.value = json.dumps({**json.loads(record.value), "schema_version": 99})
    onnx.save(model, tmp_path / "future.onnx")
    with pytest.raises(WeightsError, match="record"):
        load(tmp_path / "future.onnx")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a training run"):
        weights_file(tmp_path)


def test_an_unknown_choice_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    for name in ("best_dice", "best_loss", "last"):
        (tmp_path / "weights" / f"{name}.safetensors").touch()
    with pytest.raises(UsageError, match=r"checkpoint 'best': .* has dice, last, loss"):
        weights_file(tmp_path, checkpoint="best")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="--device cpu"):
        load(next(iter(shipped_weights())), device="mps")


def test_two_segmenters_do_not_disturb_each_other() -> None:
    name = next(iter(shipped_weights()))
    first, second = load(name), load(name)
    synthetic = synthesize_fundus(5, size_px=128)
    alone = first.segment(synthetic.image).probability
    second.segment(synthesize_fundus(6, size_px=96).image)
    np.testing.assert_array_equal(first.segment(synthetic.image).probability, alone)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_network(tmp_path / "tiny.onnx", ModelRecord(name="tiny", model="tiny"))


@pytest.mark.parametrize(("device", "description"), [("auto", ""), ("cuda", None)])
def test_a_gpu_that_cannot_be_used_is_not_said_to_compute(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, device: str, description: str | None
) -> None:
    # The package for GPUs lists CUDA wherever it is installed, and computes on the CPU if need be.
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnx_runner.onnxruntime, "get_available_providers", lambda: providers)
    opened = onnx_runner.onnxruntime.InferenceSession

    def session(path: Path, options: object, *, providers: list[str]) -> object:
        assert providers == ["CUDAExecutionProvider"]
        return opened(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnx_runner.onnxruntime, "InferenceSession", session)
    if description is None:
        with pytest.raises(UsageError, match="cannot use it here"):
            load(tiny, device=device, runtime="onnx")
    else:
        assert load(tiny, device=device, runtime="onnx").runtime.endswith(", fp32")


def test_without_pytorch_its_weights_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.safetensors").touch()
    monkeypatch.delitem(sys.modules, "venule.inference.torch_runner", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"needs PyTorch, which is not .*venule\[train\]"):
        load(tmp_path / "a.safetensors")


def test_an_unknown_runtime_or_number_of_threads_is_refused(tiny: Path) -> None:
    with pytest.raises(UsageError, match="auto, onnx, openvino"):
        load(tiny, runtime="tensorrt")
    with pytest.raises(UsageError, match="threads = 0"):
        load(tiny, threads=0)


@pytest.mark.parametrize("runtime", ["onnx", "openvino", "openvino-fp32"])
def test_safetensors_are_left_to_pytorch(tmp_path: Path, runtime: str) -> None:
    (tmp_path / "a.safetensors").touch()
    with pytest.raises(UsageError, match="venule export"):
        load(tmp_path / "a.safetensors", runtime=runtime)


def test_a_runtime_that_is_not_installed_says_what_to_install(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    monkeypatch.setattr("venule.inference.openvino_runner.import_module", missing)
    with pytest.raises(UsageError, match=r"pip install 'venule\[openvino\]'"):
        load(tiny, runtime="openvino")


@needs_openvino
def test_auto_takes_openvino_only_for_networks_that_are_faster_there(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    for model in ("tiny", *FASTER_IN_OPENVINO):
        write_network(path, ModelRecord(name="a", model=model))
        expected = "OpenVINO" if model in FASTER_IN_OPENVINO else "ONNX Runtime"
        assert load(path).runtime.startswith(expected)


def test_networks_said_to_be_faster_in_openvino_exist() -> None:
    assert {*MODELS} >= FASTER_IN_OPENVINO
