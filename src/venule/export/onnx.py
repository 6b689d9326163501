"""Export of a trained network as a self-contained ONNX file, with its record."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxscript.optimizer import remove_unused_nodes

from venule.errors import WeightsError
from venule.files.atomic import require_folder, write_bytes
from venule.inference.onnx_runner import load_onnx
from venule.inference.torch_runner import torch_run
from venule.models.base import SegmentationModel
from venule.models.checkpoint import load_model
from venule.models.record import METADATA, ModelRecord

TOLERANCE = 1e-4
"""Largest accepted difference in logits from PyTorch, by `compare`."""


def export_onnx(weights: Path, target: Path) -> float:
    """Write the network of a safetensors file as ONNX; return the difference found by `compare`.

    Parameters keep their PyTorch names and batch norms are not folded, so that the file can be
    used as initial weights. Batch, height and width are dynamic. Before it is put in place, the
    file is run in ONNX Runtime and compared with PyTorch, at a size other than that of the export.

    Raises:
        WeightsError: the weights cannot be used, or ONNX Runtime's logits differ.
        OutputError: `target` cannot be written.
    """
    require_folder(target)
    model, record = load_model(weights)
    proto = to_onnx(model, record)
    unchecked = target.with_name(f".{target.name}.unchecked")
    write_bytes(unchecked, proto.SerializeToString())
    try:
        difference = compare(unchecked, model)
        if not difference <= TOLERANCE:
            raise WeightsError(
                f"{weights}: ONNX Runtime's logits differ from PyTorch's by {difference:.2g}, more "
                f"than {TOLERANCE:g}; try other versions of torch, onnxscript or onnxruntime"
            )
        unchecked.replace(target)
    finally:
        unchecked.unlink(missing_ok=True)
    return difference


def to_onnx(model: SegmentationModel, record: ModelRecord) -> onnx.ModelProto:
    """The network as an ONNX model: pixels (N, 3, H, W) to logits (N, C, H, W), both float32."""
    # Two images of unequal sides: the exporter would treat sizes of 1, or equal ones, as fixed.
    pixels = torch.zeros(2, 3, 224, 288)
    dynamic = {
        0: torch.export.Dim.DYNAMIC,
        2: torch.export.Dim.DYNAMIC,
        3: torch.export.Dim.DYNAMIC,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter do not concern the user
        program = torch.onnx.export(
            model.eval(),
            (pixels,),
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_shapes=(dynamic,),
            dynamo=True,
            optimize=False,  # it would fold batch norms and rename parameters
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    drop_zero_biases(proto)
    drop_provenance(proto)
    onnx.helper.set_model_props(proto, {METADATA: record.model_dump_json()})
    return proto


def drop_zero_biases(proto: onnx.ModelProto) -> None:
    """Remove from convolutions the zero biases that torch's exporter creates.

    They are computed from the kernels' shapes, which keeps ONNX Runtime from folding the following
    batch norm into the convolution, at nearly half of its time.
    """
    graph = proto.graph
    made = {output: node for node in graph.node for output in node.output}

    def is_zero(name: str) -> bool:
        node = made.get(name)
        if node is None:
            return False
        if node.op_type == "Constant":
            return not np.any(onnx.numpy_helper.to_array(node.attribute[0].t))
        return node.op_type in ("Expand", "Cast", "CastLike") and is_zero(node.input[0])

    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and is_zero(node.input[2]):
            del node.input[2]
    remove_unused_nodes(proto)


def drop_provenance(proto: onnx.ModelProto) -> None:
    """Remove the exporter's notes about the source code, which contain local paths."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]


def compare(path: Path, model: SegmentationModel, *, shape: tuple[int, int] = (160, 352)) -> float:
    """The largest difference between an ONNX file's logits and PyTorch's, on noise, both in fp32.

    Absolute for logits up to 1, and relative to the largest logit above.
    """
    generator = np.random.default_rng(0)
    pixels = generator.standard_normal((1, 3, *shape)).astype(np.float32)
    expected = torch_run(model, torch.device("cpu"))(pixels)
    found = load_onnx(path, device="cpu").run(pixels)
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
