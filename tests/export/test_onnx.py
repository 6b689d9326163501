import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from venule.errors import OutputError, WeightsError
from venule.export.onnx import compare, drop_zero_biases, export_onnx
from venule.export.weights import export_safetensors
from venule.image.preprocess import FovScaled, Preprocessing
from venule.inference.load import load, shipped_weights
from venule.models.checkpoint import build_model, load_model, save_weights
from venule.models.record import ClassRecord, ModelRecord
from venule.models.zoo import MODELS
from venule.synth.fundus import synthesize_fundus

TINY: dict[str, Any] = {"width": 8, "context_width": 8, "head_width": 8}


def trained(path: Path, *, model: str = "ddrnet23-slim", options: dict[str, Any]) -> ModelRecord:
    """Weights whose batch norms are no longer at their start, so that folding them would show."""
    record = ModelRecord(
        name="tiny",
        model=model,
        options=options,
        classes=(ClassRecord(threshold=0.37, threshold_source="a test"),),
        preprocessing=Preprocessing(scaling=FovScaled(diameter_px=100)),
    )
    torch.manual_seed(1)
    network = build_model(record)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    save_weights(path, network.state_dict(), record)
    return record


@pytest.mark.parametrize("stride", [8, 4, 2, 1])
def test_a_ddrnet_computes_the_same_in_onnx_runtime_at_any_size(
    tmp_path: Path, stride: int
) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    trained(source, options=TINY | {"stride": stride})
    assert export_onnx(source, target) < 1e-4
    network, _ = load_model(source)
    for shape in ((64, 64), (97, 131), (200, 75)):
        assert compare(target, network, shape=shape) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("model", [name for name in MODELS if "ddrnet" not in name])
def test_every_other_network_computes_the_same_in_onnx_runtime(tmp_path: Path, model: str) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    trained(source, model=model, options={})
    assert export_onnx(source, target) < 1e-4
    network, _ = load_model(source)
    assert compare(target, network, shape=(97, 131)) < 1e-4


def test_the_record_and_every_parameters_name_are_in_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    record = trained(source, options=TINY)
    export_onnx(source, target)
    assert load(target).record == record
    names = {tensor.name for tensor in onnx.load(target).graph.initializer}
    network, _ = load_model(source)
    used = {
        name
        for name in network.state_dict()
        if not name.startswith("auxiliary_head") and not name.endswith("num_batches_tracked")
    }
    assert used <= names


def test_an_exported_file_names_no_path_of_the_computer_that_wrote_it(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    trained(source, options=TINY)
    export_onnx(source, target)
    assert paths_named(target) == []


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_name_no_path_of_the_computer_that_wrote_them(name: str) -> None:
    assert paths_named(shipped_weights()[name]) == []


def paths_named(path: Path) -> list[bytes]:
    """Whatever in a file looks like the path of a Python source."""
    return re.findall(rb"[/\w.-]+\.py\b", path.read_bytes())


@pytest.mark.parametrize("name", shipped_weights())
def test_photographs_have_the_same_vessels_in_torch_and_onnx_runtime(
    name: str, tmp_path: Path
) -> None:
    export_safetensors(shipped_weights()[name], tmp_path / "a.safetensors")
    by_onnx = load(name, device="cpu", runtime="onnx")
    by_torch = load(tmp_path / "a.safetensors", device="cpu")
    synthetic = synthesize_fundus(0, size_px=301)
    first, second = by_onnx.segment(synthetic.image), by_torch.segment(synthetic.image)
    agree = (first.vessels == second.vessels)[first.fov.mask].mean()
    assert first.vessels.any()
    assert agree >= 0.9999
    np.testing.assert_allclose(first.probability, second.probability, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("resunet", {"widths": [4, 6], "blocks": [1, 1], "decoder_blocks": [1]}),
        ("d4-resunet", {"fields": [1, 2], "blocks": [1, 1], "decoder_blocks": [1]}),
    ],
)
def test_onnx_runtime_folds_every_batch_norm_into_its_convolution(
    tmp_path: Path, model: str, options: dict[str, Any]
) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    trained(source, model=model, options=options)
    export_onnx(source, target)
    there = [node.op_type for node in onnx.load(target).graph.node]
    assert "BatchNormalization" in there
    run = operators_run(target, tmp_path)
    # The U-Net's norm behind the sum of two convolutions remains.
    assert run.count("BatchNormalization") <= 1
    assert not {"Expand", "Gather", "Tile"} & {*run}


@pytest.mark.parametrize("name", shipped_weights())
def test_onnx_runtime_computes_no_batch_norm_of_the_shipped_weights(
    name: str, tmp_path: Path
) -> None:
    run = operators_run(shipped_weights()[name], tmp_path)
    assert "Conv" in run
    assert not {"BatchNormalization", "Expand"} & {*run}


def operators_run(path: Path, folder: Path) -> list[str]:
    """The operators of the graph that ONNX Runtime makes of a file."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "run.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "run.onnx").graph.node]


def test_a_bias_that_is_not_zero_is_kept() -> None:
    one, zero = (onnx.numpy_helper.from_array(np.array([value], np.float32)) for value in (1, 0))
    nodes = [
        onnx.helper.make_node("Constant", [], ["one"], value=one),
        onnx.helper.make_node("Constant", [], ["zero"], value=zero),
        onnx.helper.make_node("Expand", ["one", "shape"], ["ones"]),
        onnx.helper.make_node("Expand", ["zero", "shape"], ["zeros"]),
        onnx.helper.make_node("Conv", ["x", "kernel", "ones"], ["y"]),
        onnx.helper.make_node("Conv", ["y", "kernel", "zeros"], ["z"]),
        onnx.helper.make_node("Conv", ["z", "kernel", "bias"], ["w"]),
    ]
    inputs = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in ("x", "kernel", "bias", "shape", "w")
    ]
    graph = onnx.helper.make_graph(nodes, "g", inputs[:4], inputs[4:])
    proto = onnx.helper.make_model(graph)
    drop_zero_biases(proto)
    convolutions = [list(node.input) for node in proto.graph.node if node.op_type == "Conv"]
    assert convolutions == [["x", "kernel", "ones"], ["y", "kernel"], ["z", "kernel", "bias"]]
    assert [node.op_type for node in proto.graph.node if node.op_type != "Conv"] == [
        "Constant",
        "Expand",
    ]


def test_onnx_to_safetensors_and_back_gives_the_same_parameters(tmp_path: Path) -> None:
    source, there = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    trained(source, options=TINY | {"auxiliary": False})
    export_onnx(source, there)
    export_safetensors(there, tmp_path / "b.safetensors")
    before, after = load_model(source)[0].state_dict(), load_model(tmp_path / "b.safetensors")[0]
    for name, tensor in after.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_nothing_is_left_behind_where_export_fails(tmp_path: Path) -> None:
    source = tmp_path / "a.safetensors"
    trained(source, options=TINY)
    with pytest.raises(OutputError):
        export_onnx(source, tmp_path / "missing" / "a.onnx")
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(OutputError, match=r"folder\.onnx: is a folder"):
        export_onnx(source, tmp_path / "folder.onnx")
    (tmp_path / "folder.onnx").rmdir()
    with pytest.raises(WeightsError):
        export_onnx(tmp_path / "none.safetensors", tmp_path / "b.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors"]


def test_a_file_that_computes_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.safetensors"
    trained(source, options=TINY)
    monkeypatch.setattr("venule.export.onnx.compare", lambda *_: 0.5)
    with pytest.raises(WeightsError, match="differ"):
        export_onnx(source, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
